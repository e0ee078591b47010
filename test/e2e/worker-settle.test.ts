import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ChainClient } from '#src/chain/index.js';
import type { ImiHands } from '#src/reward/index.js';
import { mineWhatWaits, UNHURRIED } from './blocks.js';
import { Place, type Running } from './harness.js';
import { actor, clientOf } from './stage.js';

const place = new Place();
const env = { BITMODEL_PASSPHRASE_FILE: place.passphraseFile };
/** A copy, because packing writes beside the model. */
const TINY = join(place.folder, 'tiny');
const json = <T = Record<string, unknown>>(...args: string[]): Promise<T> =>
  place.json<T>(args, { env });
const mined = (): Promise<unknown> => chain.generate(1, author.key.address);

let node: Running;
let chain: ChainClient;
let endBlocks: (() => void) | undefined;
let author: ImiHands;
beforeAll(async () => {
  cpSync('fixtures/bitmodel-tiny', TINY, { recursive: true });
  [node] = await Promise.all([
    place.startNode(...UNHURRIED),
    json('model', 'pack', TINY, '--name', 'tiny'),
  ]);
  chain = clientOf(place);
  endBlocks = mineWhatWaits(chain.rpc);
  const names = ['author', 'v0', 'buyer', 'seller'];
  const actors = await Promise.all(names.map((name) => actor(place, chain, name)));
  for (const { key } of actors) await chain.rpc.call('faucet', key.address, '10');
  author = actors[0]!;
  const verses = ['source', 'publish', join(TINY, 'config.json'), '--kind', 'dataset'];
  const { id } = await json<{ id: string }>(...verses, '--key', 'author');
  await mined();
  const publish = ['model', 'publish', TINY, '--licence', 'MIT', '--fee', '25%'];
  await json(...publish, '--parent', `${id}=20%`, '--key', 'author');
  await mined();
});
afterAll(async () => {
  endBlocks?.();
  chain?.rpc.close();
  await node?.stop();
  place.close();
});

it('a worker settles by itself what its job paid, once it is in a block, and the audit finds the job', async () => {
  const common = ['--model', TINY, '--threads', '1'];
  const judge = ['verifier', '--key', 'v0', '--fee', '0.0005', ...common];
  const work = ['worker', '--key', 'seller', '--price', '0.0005', '--json', ...common];
  const [verifier, worker] = await Promise.all([
    place.start(judge, env),
    place.start([...work, '--accept-verifiers', 'any'], env),
  ]);
  const settled = new Promise<{ txid: string }>((done) => {
    let stdout = '';
    worker.child.stdout!.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      const line = stdout.split('\n').find((each) => each.startsWith('{"event":"settled"'));
      if (line) done(JSON.parse(line) as { txid: string });
    });
  });
  const submit = ['job', 'submit', '--key', 'buyer', '--prompt', 'The people of', ...common];
  const limits = ['--max-tokens', '8', '--max-reward', '1', '--price', '0.001', '--timeout', '300'];
  const { id: jobId } = await json<{ id: string }>(...submit, ...limits);
  expect(jobId).toMatch(/^[0-9a-f]{64}$/);
  // a quarter of eight tokens, of that a fifth to the parent
  const settlement = await settled;
  expect(settlement).toMatchObject({
    name: 'tiny',
    amount: '0.00100000',
    shares: [{ amount: '0.00020000' }, { amount: '0.00080000' }],
  });
  const audit = await json<{ coins: object[] }>('reward', 'audit', settlement.txid);
  expect(audit).toMatchObject({
    verdict: 'right',
    coins: [{ value: '0.00100000', origin: { kind: 'job', jobId } }],
  });
  expect(await worker.stop()).toBe(0);
  await verifier.stop();
});
