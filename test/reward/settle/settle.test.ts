import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COIN, sha256, toHex, utf8 } from '#src/base/index.js';
import {
  addressScript,
  ChainClient,
  ChainNode,
  createKey,
  modifyPin,
  networkParameters,
  p2pkhHash,
  RpcClient,
  RpcServer,
  registerChainMethods,
  revokePin,
  scriptAddress,
  Wallet,
} from '#src/chain/index.js';
import {
  buildGraph,
  declareModel,
  declareSource,
  findModel,
  payout,
  publishModel,
  publishSource,
  readRegistry,
  settleSplits,
  updateModel,
} from '#src/reward/index.js';

const params = networkParameters('regtest');
const id = (name: string): string => toHex(sha256(new TextEncoder().encode(name)));
const payer = createKey(params);
const people = Object.fromEntries(
  ['ann', 'ben', 'cy', 'dot'].map((name) => [name, createKey(params)]),
);
const script = (name: string): Uint8Array => addressScript(people[name]!.address, params);

let folder: string;
let node: ChainNode;
let server: RpcServer;
let client: ChainClient;
let wallet: Wallet;

const mine = (): Promise<unknown> => client.generate(1, payer.address);
const balance = async (name: string): Promise<bigint> =>
  (await client.utxos([people[name]!.address])).reduce((sum, { output }) => sum + output.value, 0n);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bitmodel-reward-'));
  node = await ChainNode.open({ datadir: folder, network: 'regtest' });
  const auth = { user: 'u', password: 'p' };
  server = new RpcServer({ auth });
  registerChainMethods(server, node, { stop: () => undefined, version: '0.0.0' });
  client = new ChainClient(new RpcClient({ url: await server.listen(0), auth }));
  wallet = new Wallet({ client, keys: [payer], params });
  await client.generate(101, payer.address);
});

afterAll(async () => {
  await server.close();
  await node.close();
  rmSync(folder, { recursive: true });
});

/** model → 20 % verses, 5 % attention; attention → 30 % paper. What is published is mined. */
async function publishAll(): Promise<void> {
  const paper = await declareSource(client, {
    kind: 'paper',
    id: id('paper'),
    name: 'paper',
    owner: script('dot'),
    parents: [],
  });
  await publishSource(wallet, paper);
  await mine();
  const attention = await declareSource(client, {
    kind: 'algorithm',
    id: id('attention'),
    name: 'attention',
    owner: script('cy'),
    parents: [{ id: id('paper'), ppm: 300_000 }],
  });
  const verses = await declareSource(client, {
    kind: 'dataset',
    id: id('verses'),
    name: 'verses',
    owner: script('ben'),
    parents: [],
  });
  await publishSource(wallet, attention);
  await mine();
  await publishSource(wallet, verses);
  await mine();
  const model = await declareModel(client, {
    id: id('model'),
    name: 'poet',
    owner: script('ann'),
    licence: 'MIT',
    size: 7,
    feePpm: 50_000,
    parents: [
      { id: id('verses'), ppm: 200_000 },
      { id: id('attention'), ppm: 50_000 },
    ],
  });
  await publishModel(wallet, model);
  await mine();
}

describe('a model on a chain', () => {
  it('is published with its parents, and found with what it declares', async () => {
    await expect(
      declareModel(client, {
        id: id('model'),
        name: 'poet',
        owner: script('ann'),
        licence: 'MIT',
        size: 7,
        feePpm: 50_000,
        parents: [{ id: id('verses'), ppm: 200_000 }],
      }),
    ).rejects.toMatchObject({ code: 'UNKNOWN_SOURCE' });
    await publishAll();
    const model = (await findModel(client, id('model')))!;
    expect(model).toMatchObject({
      name: 'poet',
      feePpm: 50_000,
      pin: { owner: people.ann!.address },
    });
    const { byId } = await readRegistry(client);
    expect([...byId.values()].map(({ name }) => name)).toEqual([
      'paper',
      'attention',
      'verses',
      'poet',
    ]);
    const attention = model.parents.find((parent) => parent.id === id('attention'))!;
    expect(attention.pays).toEqual(sha256(byId.get(id('attention'))!.split));
  });

  it('is not found below the height of its pin', async () => {
    const { pin } = (await findModel(client, id('model')))!;
    expect(await findModel(client, id('model'), pin.height - 1)).toBeUndefined();
    expect(await findModel(client, id('model'), pin.height)).toBeDefined();
    expect(await findModel(client, id('other'))).toBeUndefined();
  });

  it('has other weights from the block on in which its holder changes them', async () => {
    const first = (await findModel(client, id('model')))!;
    const ann = new Wallet({ client, keys: [people.ann!], params });
    await wallet.send([{ value: COIN, lockingScript: script('ann') }]);
    await mine();
    const changed = await declareModel(client, {
      ...first,
      parents: [{ id: id('verses'), ppm: 100_000 }],
    });
    await updateModel(client, ann, first.pin, changed);
    await mine();
    const { height } = node.tip;
    expect((await findModel(client, id('model'), height - 1))!.parents).toEqual(first.parents);
    expect((await findModel(client, id('model'), height))!.parents).toEqual(changed.parents);
    const { byId, byScript } = await readRegistry(client);
    expect(byId.get(id('model'))!.split).toEqual(changed.split);
    // what was paid by the old weights is still found
    expect(byScript.get(toHex(sha256(first.split)))!.parents).toEqual(first.parents);
    const pinNow = (await findModel(client, id('model')))!.pin;
    const broken = { contentType: 'application/json', payload: utf8('{"v":1}') };
    await modifyPin(client, ann, pinNow, broken);
    await mine();
    expect((await findModel(client, id('model')))!.parents).toEqual(changed.parents);
    await updateModel(client, ann, (await findModel(client, id('model')))!.pin, first);
    await mine();
    expect((await findModel(client, id('model')))!.parents).toEqual(first.parents);
  });

  it('can be changed by nobody but the holder of its pin', async () => {
    const { pin } = (await findModel(client, id('model')))!;
    await expect(revokePin(client, wallet, pin)).rejects.toMatchObject({ code: 'NOT_PIN_OWNER' });
  });

  it('keeps its first valid pin when somebody publishes it again', async () => {
    const first = (await findModel(client, id('model')))!;
    await publishModel(wallet, {
      ...first,
      owner: script('dot'),
      parents: [],
      split: script('dot'),
    });
    await mine();
    expect((await findModel(client, id('model')))!.pin.id).toBe(first.pin.id);
    expect((await readRegistry(client)).byId.get(id('model'))!.owner).toEqual(script('ann'));
  });

  it('passes what is paid to it on to everybody it stands on, as payout computes it', async () => {
    const model = (await findModel(client, id('model')))!;
    const before = Object.fromEntries(
      await Promise.all(
        Object.keys(people).map(async (name) => [name, await balance(name)] as const),
      ),
    );
    for (const value of [COIN, 123_456_789n, 1n]) {
      await wallet.send([{ value, lockingScript: model.split }], { allowHighFee: true });
    }
    const paid = COIN + 123_456_789n + 1n;
    const { settled: done } = await settleSplits(client, wallet, {
      ids: [id('model')],
      minimum: 1n,
    });
    expect(done.map(({ name, amount, coins }) => ({ name, amount, coins }))).toEqual([
      { name: 'poet', amount: paid, coins: 3 },
      { name: 'attention', amount: (paid * 50_000n) / 1_000_000n, coins: 1 },
    ]);
    const graph = buildGraph([
      {
        id: 'ann',
        parents: [
          { id: 'ben', ppm: 200_000 },
          { id: 'cy', ppm: 50_000 },
        ],
      },
      { id: 'cy', parents: [{ id: 'dot', ppm: 300_000 }] },
      { id: 'ben', parents: [] },
      { id: 'dot', parents: [] },
    ]);
    const shares = payout(graph, [['ann', paid]]);
    for (const name of Object.keys(people)) {
      expect([name, (await balance(name)) - before[name]!]).toEqual([name, shares.get(name)]);
    }
    await mine();
    expect(await client.utxos([scriptAddress(script('ann'), params)!])).not.toEqual([]);
  });

  it('names who each output of a settlement pays, and by which way', async () => {
    const model = (await findModel(client, id('model')))!;
    await wallet.send([{ value: 1_000n, lockingScript: model.split }], { allowHighFee: true });
    const {
      settled: [settled],
      left,
    } = await settleSplits(client, wallet, { ids: [id('model')], minimum: 51n });
    // what it brought to the parent's contract is less than that
    expect(left).toMatchObject([{ name: 'attention', reason: 'minimum', amount: 50n }]);
    const named = settled!.shares.map((share) => [share.id, share.to, share.amount]);
    const byOrder = [
      [id('verses'), 'address', 200n],
      [id('attention'), 'split', 50n],
    ].sort(([a], [b]) => (a! < b! ? -1 : 1));
    expect(named).toEqual([...byOrder, [id('model'), 'address', 750n]]);
    expect(settled!.shares.filter(({ lockingScript }) => p2pkhHash(lockingScript)).length).toBe(2);
  });

  it('has nothing to settle twice, and waits for the least that is worth it', async () => {
    const settle = (minimum?: bigint) =>
      settleSplits(client, wallet, { ids: [id('model')], minimum });
    const names = async (minimum?: bigint) =>
      (await settle(minimum)).settled.map(({ name }) => name);
    expect(await names(1n)).toEqual(['attention']);
    expect(await settle()).toEqual({ settled: [], left: [] });
    const model = (await findModel(client, id('model')))!;
    await wallet.send([{ value: 999n, lockingScript: model.split }], { allowHighFee: true });
    expect(await settle(1_000n)).toMatchObject({
      settled: [],
      left: [{ reason: 'minimum', amount: 999n, needs: 1_000n }],
    });
    expect(await settle()).toMatchObject({
      settled: [],
      left: [{ reason: 'dust', amount: 999n, needs: 10_920n }],
    });
    expect(await names(999n)).toEqual(['poet']);
  });

  it('is settled by anybody, but not for an id that nobody published', async () => {
    await expect(settleSplits(client, wallet, { ids: [id('other')] })).rejects.toMatchObject({
      code: 'UNKNOWN_SOURCE',
    });
  });
});
