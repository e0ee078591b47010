import { cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COIN, fromHex, parseAmount, toHex } from '#src/base/index.js';
import {
  addressPath,
  type ChainClient,
  cookiePath,
  keyPath,
  networkParameters,
} from '#src/chain/index.js';
import {
  createTask,
  deliverTo,
  findTask,
  type ImiHands,
  pledgeTo,
  readProgress,
  taskId,
} from '#src/reward/index.js';
import { type Finished, Place, type Running } from './harness.js';
import { actor, clientOf } from './stage.js';

const FIXTURE = resolve(import.meta.dirname, '../../fixtures/bitmodel-tiny');
const PASSAGE =
  'The constitution of the United States gives the Congress power to raise and support armies.';

function errorOf({ stderr }: Finished): string {
  return (JSON.parse(stderr.trim().split('\n').at(-1)!) as { error: { code: string } }).error.code;
}

describe('a task, from the money to the model, by the real binary', () => {
  const place = new Place();
  const withFile = ['--passphrase-file', place.passphraseFile];
  let node: Running;
  let chain: ChainClient;
  let own: ImiHands;
  let model: string;

  const imi = (...args: string[]) => place.json(['imi', ...args, ...withFile]);
  const refused = async (...args: string[]): Promise<[number | null, string]> => {
    const finished = await place.run(['imi', ...args, '--json', ...withFile]);
    return [finished.code, errorOf(finished)];
  };
  const shown = (task: string) => place.json(['imi', 'show', task]);
  const mine = (count = 1) => chain.generate(count, own.key.address);
  /** A task that backers accept, of which the binary is not asked. */
  const made = async (title: string, blocks: number): Promise<string> => {
    const task = {
      title,
      description: title,
      creator: own.key.publicKey,
      goal: COIN,
      deadline: (await chain.height()) + blocks,
      acceptance: { by: 'backers', window: 3 },
    } as const;
    await createTask(own, task);
    await mine();
    return toHex(taskId(task));
  };
  const pledged = async (task: string, amount: string): Promise<void> => {
    await pledgeTo(own, await findTask(chain, task), parseAmount(amount));
  };

  beforeAll(async () => {
    const bundle = join(place.folder, 'bundle');
    cpSync(FIXTURE, bundle, { recursive: true });
    const [started, packed] = await Promise.all([
      place.startNode('--block-time', '3600'),
      place.json<{ id: string }>(['model', 'pack', bundle, '--name', 'tiny']),
    ]);
    [node, model] = [started, packed.id];
    chain = clientOf(place);
    own = await actor(place, chain, 'default');
    for (let coins = 0; coins < 4; coins++) await chain.rpc.call('faucet', own.key.address, '2');
    await mine();
  });
  afterAll(async () => {
    chain?.rpc.close();
    await node?.stop();
    place.close();
  });

  it('is paid by its backers, once two thirds of the coins and the window have spoken', async () => {
    const task = await made('Speeches', 500);
    const short = task.slice(0, 12);
    await imi('pledge', short, '1');
    await mine();
    await imi('deliver', short, '--model', 'tiny');
    await mine();
    expect(await imi('accept', short)).toMatchObject({ accepted: true, model });
    await mine();
    expect(await refused('take', short)).toEqual([3, 'NOT_YET']);
    await mine(2);
    expect(await imi('take', short)).toMatchObject({ taken: [{ task, value: '1.00000000' }] });
    await mine();
    expect(await shown(short)).toMatchObject({ state: 'paid', accepted: '1.00000000' });
  });

  it('is paid by its judge, who runs the test set that was shown after the delivery', async () => {
    const testSet = join(place.folder, 'test.jsonl');
    writeFileSync(testSet, `${JSON.stringify({ text: PASSAGE })}\n`);
    const { task } = (await imi(
      ...['create', '--title', 'Prose', '--goal', '1', '--deadline', '+500', '--threshold', '1'],
      ...['--judges', toHex(own.key.publicKey), '--test-set', testSet],
      ...['--metric', 'perplexity<=2000'],
    )) as { task: string };
    await mine();
    const kept = join(place.folder, 'regtest', 'imi', `${task}.json`);
    expect(statSync(kept).mode & 0o777).toBe(0o600);
    await pledged(task, '1.5');
    expect(await refused('reveal', task)).toEqual([4, 'NO_DELIVERY']);
    const payee = own.key.publicKey;
    const progress = await readProgress(chain, await findTask(chain, task));
    await deliverTo(own, progress, { delivery: fromHex(model), payee });
    await mine();
    await imi('reveal', task);
    await mine();
    const absent = ['accept', task, '--model', 'ff'.repeat(32)];
    const [checked, unknown] = await Promise.all([
      place.json(['imi', 'check', task, '--model', 'tiny']),
      refused(...absent),
    ]);
    expect(checked).toMatchObject({ verdict: 'passes', inTime: true, numericClass: 'fp32/0/cpu' });
    expect(unknown).toEqual([3, 'UNKNOWN_MODEL']);
    expect(await imi('accept', task)).toMatchObject({ accepted: true, model });
    await mine();
    const text = await place.ok(['imi', 'show', task]);
    expect(text).toContain('Prose (paid)');
    expect(text).toContain('1 of 1 judges accept at perplexity<=2000');
    expect(text).toContain('1.50000000 coins: paid at once');
  });

  it('gives the pledge back on another machine that has nothing but the key', async () => {
    const task = await made('Nothing', 4);
    await pledged(task, '0.5');
    await mine(4);
    const other = join(place.folder, 'other');
    const key = keyPath(place.folder, networkParameters('regtest'), 'default');
    mkdirSync(dirname(keyPath(other, networkParameters('regtest'), 'default')), {
      recursive: true,
    });
    cpSync(key, keyPath(other, networkParameters('regtest'), 'default'));
    const at = readFileSync(addressPath(place.folder, 'regtest'), 'utf8').trim();
    const cookie = readFileSync(cookiePath(place.folder, 'regtest'), 'utf8').trim();
    const url = at.replace('http://', `http://${cookie}@`);
    const back = await place.json([
      ...['imi', 'refund', '--datadir', other, '--rpc', url, ...withFile],
    ]);
    expect(back).toMatchObject({ taken: [{ task, value: '0.50000000' }] });
    await mine();
    const [ended, tasks] = await Promise.all([
      shown(task),
      place.json<{ tasks: unknown[] }>(['imi', 'list']),
    ]);
    expect(ended).toMatchObject({ state: 'ended', refunded: '0.50000000' });
    expect(tasks.tasks).toMatchObject([{ state: 'ended' }, { state: 'paid' }, { state: 'paid' }]);
    expect(await place.ok(['imi', 'list', '--open'])).toContain('no task that is open');
  });
});
