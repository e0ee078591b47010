import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../until.js';
import type { Finished, Running } from './harness.js';
import { type NodeProcess, Nodes } from './Nodes.js';
import { fund, type Home } from './stage.js';

const nodes = new Nodes();
const { place } = nodes;
const tiny = join(place.folder, 'tiny');
const passphrase = { BITMODEL_PASSPHRASE_FILE: place.passphraseFile };
const FEE = '0.0005';
/** Milliseconds for a test on a machine that does other things, too. */
const LIMIT = 240_000;
let market: NodeProcess;
let env: Readonly<Record<string, string>>;
/** The watcher's machine: a node of its own. */
let tower: NodeProcess;
let towerEnv: Readonly<Record<string, string>>;
let watcher: Running;
let worker: Running | undefined;

async function startWatcher(): Promise<Running> {
  const args = ['watcher', '--key', 'watch', '--model', tiny, '--price', FEE, '--threads', '1'];
  return place.start(args, towerEnv);
}

async function startWorker(...args: string[]): Promise<void> {
  const sells = ['--key', 'seller', '--price', '0.0005', '--accept-verifiers', 'any'];
  const common = ['--model', tiny, '--threads', '1', ...args];
  worker = await place.start(['worker', ...sells, ...common], env);
}

/** The data folder that the keys are in. */
const home = (): Home => ({ folder: market.folder, passphrase: place.passphrase });

const nameOf = ({ line }: Running): string => /watcher (\S+) keeps/.exec(line)![1]!;

/** Buys an answer and goes away. @returns the job's id */
async function detach(...args: string[]): Promise<string> {
  return place.ok(
    [
      ...['job', 'submit', '--key', 'buyer', '--model', tiny, '--prompt', 'The people of'],
      ...['--max-tokens', '12', '--max-reward', '1', '--price', '0.001', '--threads', '1', '-q'],
      ...['--detach', '--watcher', nameOf(watcher), '--watcher-fee', FEE, ...args],
    ],
    { env },
  );
}

const fetchAll = (id: string, ...args: string[]): Promise<Finished> =>
  place.run(['job', 'fetch', id, '--wait', ...args], { env });

async function confirmed(key: string, of = env): Promise<number> {
  const args = ['wallet', 'balance', '--key', key];
  const { confirmed: coins } = await place.json<{ confirmed: string }>(args, { env: of });
  return Number(coins);
}

async function said(running: Running, ...words: string[]): Promise<void> {
  await until(async () => words.some((each) => running.stderr().includes(each)));
}

beforeAll(async () => {
  cpSync('fixtures/bitmodel-tiny', tiny, { recursive: true });
  market = await nodes.start('market', '--mine', '--block-time', '0.6');
  env = { ...market.env, ...passphrase };
  tower = await nodes.start('tower', '--seed-node', market.address);
  towerEnv = { ...tower.env, ...passphrase };
  await place.ok(['model', 'pack', tiny], { env });
  const judges = ['v0', 'v1', 'v2'].map(async (judge) => {
    await fund(home(), judge, '1');
    const args = ['--key', judge, '--model', tiny, '--fee', '0.0005', '--threads', '1'];
    await place.start(['verifier', ...args], env);
  }, LIMIT);
  const keys = [fund(home(), 'buyer', '10'), fund(home(), 'seller', '10')];
  await Promise.all([
    ...judges,
    ...keys,
    place.ok(['keygen', '--name', 'watch'], { env: towerEnv }),
  ]);
  watcher = await startWatcher();
}, 240_000);

afterEach(async () => {
  await worker?.stop('SIGKILL');
});
afterAll(() => nodes.close());

describe('bitmodel job submit --detach', () => {
  it(
    'buys through a watcher on another machine, killed at each step: the answer waits there, and what is left comes home',
    async () => {
      await startWorker();
      const before = await confirmed('buyer');
      const receipt = join(place.folder, 'receipt.json');
      const id = await detach('--receipt', receipt);
      const steps = ['taken over', 'locked in escrow', 'checked 12 positions', 'go home'];
      for (const step of [0, 1, 2]) {
        // on a busy machine it may have gone further before the signal reached it
        await said(watcher, ...steps.slice(step));
        await watcher.stop('SIGKILL');
        watcher = await startWatcher();
      }
      const { code, stdout, stderr } = await fetchAll(id);
      expect(code, stderr).toBe(0);
      const own = await place.ok(['model', 'run', tiny, 'The people of', '--max-tokens', '12']);
      expect(stdout.trimEnd()).toBe(own.trimEnd());
      const verdict = await place.json(['verify', receipt, '--model', tiny], { env });
      expect(verdict).toMatchObject({ result: 'valid', positions: 12 });
      expect(await confirmed('watch', towerEnv)).toBe(Number(FEE));
      // price, the watcher's fee, and transactions
      expect(before - (await confirmed('buyer'))).toBeCloseTo(0.006 + Number(FEE), 3);
    },
    LIMIT,
  );

  it(
    'has a false answer contested and slashed by the watcher: the money is back',
    async () => {
      await startWorker('--cheat', 'tamper:3');
      const before = await confirmed('buyer');
      const id = await detach();
      const receipt = join(place.folder, 'cheated.json');
      const { code, stdout, stderr } = await fetchAll(id, '--json', '--receipt', receipt);
      expect(code).toBe(10);
      expect(stderr).not.toContain('no receipt');
      const shown = await place.run(['verify', receipt, '--model', tiny, '--json'], { env });
      expect(JSON.parse(shown.stdout)).toMatchObject({ result: 'invalid' });
      expect(JSON.parse(stdout)).toMatchObject({ id, state: 'slashed', detached: 'over' });
      expect(before - (await confirmed('buyer'))).toBeLessThan(0.0015);
    },
    LIMIT,
  );

  it(
    'is taken back by its buyer from a watcher that is gone',
    async () => {
      await startWorker();
      const before = await confirmed('buyer');
      const id = await detach('--allow-suspects');
      await said(watcher, 'locked in escrow');
      await watcher.stop('SIGKILL');
      // blocks are so fast here that the job would be over before a silent watcher is given up
      const seller = worker!.child;
      seller.kill('SIGSTOP');
      const { code, stdout, stderr } = await place.run(['job', 'resume', id], {
        env,
        onStderr: (text) => {
          if (text.includes('does not answer')) seller.kill('SIGCONT');
        },
      });
      watcher = await startWatcher();
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(stderr).toContain('The watcher does not answer');
      expect(stdout.trimEnd()).not.toBe('');
      expect(before - (await confirmed('buyer'))).toBeLessThan(0.0065);
      const again = await place.json(['job', 'show', id], { env });
      expect(again).toMatchObject({ state: 'settled', detached: 'over' });
    },
    LIMIT,
  );

  it(
    'pays nothing when the watcher refuses, but what makes the payment void that it holds',
    async () => {
      const before = await confirmed('buyer');
      const args = ['--watcher', nameOf(watcher), '--watcher-fee', '0.0001', '--detach'];
      const refused = await place.run(
        [
          ...['job', 'submit', '--key', 'buyer', '--model', tiny, '--prompt', 'The people of'],
          ...['--max-reward', '1', '--threads', '1', ...args],
        ],
        { env },
      );
      expect(refused.code).toBe(4);
      expect(refused.stderr).toContain('it asks 0.0005');
      await until(async () => before - (await confirmed('buyer')) < 0.00002);
    },
    LIMIT,
  );
});
