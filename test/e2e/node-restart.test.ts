import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Place, type Running } from './harness.js';
import { fund } from './stage.js';

const place = new Place();
/** A copy, because packing writes beside the model. */
const TINY = join(place.folder, 'tiny');
const env = { BITMODEL_PASSPHRASE_FILE: place.passphraseFile };
const OPTIONS = ['--model', TINY, '--threads', '1'];
let node: Running;
let judge: Running;
let seller: Running;
let judgeKey: string;

const urlOf = ({ line }: Running): string => (JSON.parse(line) as { url: string }).url;
const startNode = (): Promise<Running> => place.startNode('--block-time', '0.6', '--json');
const AWAY = /\(tried again until it answers\)/g;
const BACK = /the node answers again/g;
const count = (text: string, words: RegExp): number => [...text.matchAll(words)].length;

async function restart(signal: NodeJS.Signals): Promise<void> {
  await node.stop(signal);
  node = await startNode();
}

beforeAll(async () => {
  cpSync('fixtures/bitmodel-tiny', TINY, { recursive: true });
  await place.ok(['model', 'pack', TINY]);
  node = await startNode();
  for (const key of ['judge', 'seller', 'buyer']) await fund(place, key, '5');
  judge = await place.start(['verifier', '--key', 'judge', '--fee', '0.0005', ...OPTIONS], env);
  judgeKey = /verifier (\w+)/.exec(judge.line)![1]!;
  const cheating = ['--accept-verifiers', judgeKey, '--cheat', 'tamper:3'];
  seller = await place.start(
    ['worker', '--key', 'seller', '--price', '0.0005', ...cheating, ...OPTIONS],
    env,
  );
});
afterAll(() => place.close());

/** Whoever goes on while the node is started again says both, once each time. */
async function saysBoth(said: () => string, times: number): Promise<void> {
  await expect.poll(() => count(said(), BACK)).toBe(times);
  expect(count(said(), AWAY), said()).toBe(times);
}

describe('a node that ends and starts again on another RPC port', () => {
  const buy = ['job', 'submit', '--key', 'buyer', '--prompt', 'The people of', ...OPTIONS];
  const most = ['--max-tokens', '12', '--max-reward', '1', '--timeout', '300'];

  it('is found there by buyer, seller and judge, who go on with the job in escrow', async () => {
    const url = urlOf(node);
    let restarted: Promise<void> | undefined;
    const judged = ['--verifiers', judgeKey];
    const { code, stderr } = await place.run([...buy, ...most, '--price', '0.001', ...judged], {
      env,
      onStderr: (said) => {
        if (said.includes('locked in escrow')) restarted ??= restart('SIGKILL');
      },
    });
    // a cheat is caught only if all three come back: it answers, the buyer contests, the judge judges
    expect({ code, stderr }).toMatchObject({
      code: 10,
      stderr: expect.stringContaining('slashed'),
    });
    await restarted;
    expect(urlOf(node)).not.toBe(url);
    for (const each of [() => stderr, judge.stderr, seller.stderr]) await saysBoth(each, 1);
  });

  it('is found there by who only follows, after the node has said itself that it stops', async () => {
    let watching: Promise<Running> | undefined;
    // too little for the seller, so that the job is there for a while
    const cheap = ['--price', '0.000001', '--verifiers', judgeKey];
    const { stderr } = await place.run([...buy, ...most, ...cheap], {
      env,
      killAt: 'the node answers again',
      onStderr: (said) => {
        const id = /job (\w+): announced/.exec(said)?.[1];
        if (id === undefined) return;
        watching ??= place.start(['job', 'watch', id]).then(async (watch) => {
          await restart('SIGINT');
          return watch;
        });
      },
    });
    await saysBoth(() => stderr, 1);
    await saysBoth((await watching!).stderr, 1);
    for (const each of [judge.stderr, seller.stderr]) await saysBoth(each, 2);
  });
});
