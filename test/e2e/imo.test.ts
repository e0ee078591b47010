import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromHex } from '#src/base/index.js';
import {
  addressScript,
  assemble,
  type ChainClient,
  createKey,
  createPin,
  networkParameters,
  Wallet,
} from '#src/chain/index.js';
import {
  burnFor,
  declareModel,
  type ImiHands,
  MODEL_PIN_PATH,
  modelPinPayload,
  publishModel,
} from '#src/reward/index.js';
import { type Finished, Place, type Running } from './harness.js';
import { actor, clientOf } from './stage.js';

const params = networkParameters('regtest');

function errorOf({ stderr }: Finished): string {
  return (JSON.parse(stderr.trim().split('\n').at(-1)!) as { error: { code: string } }).error.code;
}

describe('an offering of a model’s units on a running node', () => {
  const place = new Place();
  const withFile = ['--passphrase-file', place.passphraseFile];
  const as = (key: string): string[] => ['--key', key, '--yes', ...withFile];
  let node: Running;
  let client: ChainClient;
  let model: string;
  let id: string;
  let cat: string;

  let burner: ImiHands;

  /** What was sent before is in a block; no block comes but by this. */
  const settled = (blocks = 1): Promise<unknown> => client.generate(blocks, cat);
  /** Runs what waits for a block after each of its steps. */
  const withBlocks = async <T>(body: Promise<T>): Promise<T> => {
    let isOver = false;
    const ended = body.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await settled();
      await Promise.race([ended, new Promise((done) => setTimeout(done, 200))]);
    }
    return ended;
  };

  beforeAll(async () => {
    const tiny = join(place.folder, 'tiny');
    cpSync('fixtures/bitmodel-tiny', tiny, { recursive: true });
    const [started, packed] = await Promise.all([
      place.startNode('--block-time', '3600'),
      place.json<{ id: string }>(['model', 'pack', tiny, '--name', 'tiny']),
    ]);
    [node, model] = [started, packed.id];
    client = clientOf(place);
    const people = await Promise.all(
      ['ann', 'ben', 'cat'].map((name) => actor(place, client, name)),
    );
    for (const { key } of people) await client.rpc.call('faucet', key.address, 1);
    const [ann] = people as [ImiHands, ...ImiHands[]];
    burner = people[2]!;
    cat = burner.key.address;
    await settled();
    const facts = { id: model, name: 'tiny', licence: 'MIT', size: 7, feePpm: 100_000 };
    const owner = addressScript(ann.key.address, params);
    const declared = await declareModel(client, { ...facts, owner, parents: [] });
    await publishModel(ann.wallet, declared);
    await settled();
  });
  afterAll(async () => {
    client?.rpc.close();
    await node?.stop();
    place.close();
  });

  const terms = ['--supply', '1000', '--lot', '10', '--price', '0.0001', '--income', '20%'];

  it('is refused with the figures, until enough is burnt by enough', async () => {
    const create = ['imo', 'create', '--model', 'tiny', ...terms, ...as('ann'), '--json'];
    const refused = await place.run(create);
    expect([refused.code, errorOf(refused)]).toEqual([4, 'CRITERIA_NOT_MET']);
    expect(refused.stderr).toContain('0.00000000 coins burnt of 0.01000000 wanted');
    await place.ok(['imo', 'burn', 'tiny', '0.006', ...as('ben')]);
    await burnFor(burner.wallet, model, 600_000n);
    await settled();
    const checked = await place.json(['imo', 'check', 'tiny']);
    expect(checked).toMatchObject({ model, burnt: '0.01200000', burners: 2, isMet: true });
  });

  it('is made step by step, killed on the way, and made once all the same', async () => {
    const create = ['imo', 'create', '--model', model, ...terms, ...as('ann')];
    const cut = await place.run(create, { killAt: "holders' contract is published" });
    expect(cut.code).toBeNull();
    const made = await withBlocks(place.json<{ id: string; steps: { step: string }[] }>(create));
    ({ id } = made);
    expect(made.steps.map(({ step }) => step)).toEqual(['share', 'offering']);
    const again = await place.json(create);
    expect(again).toMatchObject({ id, steps: [] });
    await settled();
    const stranger = await place.run([...create.slice(0, -5), ...as('ben'), '--json']);
    expect([stranger.code, errorOf(stranger)]).toEqual([4, 'NOT_PIN_OWNER']);
  });

  it('is no end of a list where a pin is held by a script that is no address', async () => {
    const { address } = burner.key;
    const facts = { name: 'odd', licence: 'MIT', size: 7, feePpm: 0, parents: [] };
    const owner = addressScript(address, params);
    const odd = await declareModel(client, { ...facts, id: '0d'.repeat(32), owner });
    const content = { contentType: 'application/json', payload: modelPinPayload(odd) };
    await createPin(burner.wallet, MODEL_PIN_PATH, content, assemble('OP_1'));
    await settled();
    const listed = await place.json<{ models: { id: string }[] }>(['model', 'list', '--network']);
    expect(listed.models.map((each) => each.id)).toEqual([model, odd.id]);
    expect(listed).toMatchObject({ unread: [] });
  });

  it('is listed and shown, and bought in whole lots', async () => {
    const listed = await place.json(['imo', 'list']);
    expect(listed).toMatchObject({
      offerings: [{ id, model, supply: '1000', left: '1000', isValid: true }],
      unread: [],
    });
    const buy = ['imo', 'buy', id, '300'];
    const dear = await place.run([...buy, '--max-price', '0.001', ...as('ben'), '--json']);
    expect([dear.code, errorOf(dear)]).toEqual([4, 'PRICE_ABOVE']);
    await place.ok([...buy, ...as('ben')]);
    await place.ok(['imo', 'buy', 'tiny', '100', ...as('cat')]);
    await place.ok(['imo', 'transfer', 'tiny', '50', cat, ...as('ben')]);
    await settled();
    const shown = await place.json(['imo', 'show', id]);
    expect(shown).toMatchObject({ left: '600', holderCount: 2, held: '400', isValid: true });
    expect(shown.holders).toMatchObject([{ units: '250' }, { holder: cat, units: '150' }]);
    expect(await place.ok(['imo', 'show', 'tiny'])).toContain('600 units left');
    const unknown = await place.run(['imo', 'show', 'nobodys', '--json']);
    expect(unknown.code).toBe(3);
  });

  it('shares the model’s income with its holders, as anybody can check', async () => {
    const payer = createKey(params);
    await client.rpc.call('faucet', payer.address, 1);
    const { split } = await place.json<{ split: string }>(['reward', 'show', model]);
    const wallet = new Wallet({ client, keys: [payer], params });
    await wallet.send([{ value: 10_000_000n, lockingScript: fromHex(split) }]);
    await place.ok(['reward', 'settle', model, ...as('cat')]);
    // holders are paid by a block that six others bury
    await settled(7);
    const paid = await place.json<{ txid: string }>(['imo', 'distribute', 'tiny', ...as('ann')]);
    expect(paid).toMatchObject({ paid: '0.02000000' });
    const audit = await place.json(['imo', 'audit', paid.txid]);
    expect(audit).toMatchObject({ id, isRight: true, paid: '0.02000000', holders: 2 });
    const shown = await place.ok(['imo', 'show', id]);
    expect(shown).toContain('paid to holders 0.02000000');
    const other = await place.run(['imo', 'audit', id, '--json']);
    expect([other.code, errorOf(other)]).toEqual([3, 'NOT_A_PAYMENT']);
  });

  it('is ended by its issuer, who takes back what is left', async () => {
    const cancel = ['imo', 'cancel', 'tiny'];
    const refused = await place.run([...cancel, ...as('ben'), '--json']);
    expect([refused.code, errorOf(refused)]).toEqual([4, 'NOT_ISSUER']);
    expect(await place.json([...cancel, ...as('ann')])).toMatchObject({ units: '600' });
  });
});
