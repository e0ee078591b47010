import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Place, type Running } from './harness.js';

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
const count = (text: string, words: RegExp): number => [...text.matchAll(words)].length;

async function fund(key: string): Promise<void> {
  await place.ok(['keygen', '--name', key], { env });
  await place.ok(['wallet', 'faucet', '5', '--key', key]);
}

beforeAll(async () => {
  cpSync('fixtures/bitmodel-tiny', TINY, { recursive: true });
  await place.ok(['model', 'pack', TINY]);
  node = await startNode();
  for (const key of ['judge', 'seller', 'buyer']) await fund(key);
  judge = await place.start(['verifier', '--key', 'judge', '--fee', '0.0005', ...OPTIONS], env);
  judgeKey = /verifier (\w+)/.exec(judge.line)![1]!;
  const cheating = ['--accept-verifiers', judgeKey, '--cheat', 'tamper:3'];
  seller = await place.start(
    ['worker', '--key', 'seller', '--price', '0.0005', ...cheating, ...OPTIONS],
    env,
  );
}, 120_000);
afterAll(() => place.close());

describe('a node that ends and starts again on another RPC port', () => {
  it('is found there by buyer, seller and judge, who say once that it is away and once that it is back', async () => {
    const urls = [urlOf(node)];
    const restart = async (signal: NodeJS.Signals): Promise<void> => {
      await node.stop(signal);
      node = await startNode();
      urls.push(urlOf(node));
    };
    let killed: Promise<void> | undefined;
    let stopped: Promise<void> | undefined;
    const buy = ['job', 'submit', '--key', 'buyer', '--prompt', 'The people of', ...OPTIONS];
    const terms = ['--max-tokens', '12', '--max-reward', '1', '--price', '0.001'];
    const judged = ['--verifiers', judgeKey, '--verifier-fee', '0.0005'];
    const { code, stderr } = await place.run([...buy, ...terms, ...judged], {
      env,
      onStderr: (said) => {
        if (said.includes('locked in escrow')) killed ??= restart('SIGKILL');
        if (said.includes('contested in')) stopped ??= killed!.then(() => restart('SIGINT'));
      },
    });
    // a cheat is caught only if all three come back: it answers, the buyer contests, the judge judges
    expect({ code, stderr }).toMatchObject({
      code: 10,
      stderr: expect.stringContaining('slashed'),
    });
    await stopped;
    expect(new Set(urls).size).toBe(3);
    for (const said of [stderr, judge.stderr(), seller.stderr()]) {
      const away = count(said, /\(tried again until it answers\)/g);
      expect([1, 2], said).toContain(away);
      expect(count(said, /the node answers again/g), said).toBe(away);
    }
  }, 120_000);
});
