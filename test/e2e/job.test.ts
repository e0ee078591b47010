import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RpcClient } from '#src/chain/index.js';
import { mineOn, mineWhatWaits, UNHURRIED } from './blocks.js';
import { type Finished, Place, type Running } from './harness.js';
import { clientOf, fund } from './stage.js';

const place = new Place();
/** A copy, because packing writes beside the model. */
const TINY = join(place.folder, 'tiny');
const env = { BITMODEL_PASSPHRASE_FILE: place.passphraseFile };
const receipt = join(place.folder, 'receipt.json');
const workers: Running[] = [];
let rpc: RpcClient;
let endBlocks: (() => void) | undefined;

const BUY = [
  'job',
  'submit',
  ...['--key', 'buyer', '--model', TINY, '--prompt', 'The people of', '--max-tokens', '12'],
  // one seller plays all the cheats here, and is slashed for each
  ...['--max-reward', '1', '--price', '0.001', '--threads', '1', '--allow-suspects'],
  // blocks come by the clock, however slow the machine is
  ...['--timeout', '300'],
];

async function startWorker(...args: string[]): Promise<Running> {
  const common = ['--key', 'seller', '--model', TINY, '--price', '0.0005', '--threads', '1'];
  const judged = ['--accept-verifiers', 'any'];
  const worker = await place.start(['worker', ...common, ...judged, ...args], env);
  workers.push(worker);
  return worker;
}

/** Kills a process with SIGKILL as soon as it says this on stderr. */
function killAt(running: Pick<Running, 'child'>, words: string): void {
  running.child.stderr!.on('data', (text: string) => {
    if (text.includes(words)) running.child.kill('SIGKILL');
  });
}

/** Buys until the buyer was killed at these words: on a busy machine it may be done before the signal reaches it. */
async function buyUntil(words: string): Promise<Finished> {
  for (let attempt = 1; ; attempt += 1) {
    const finished = await place.run(BUY, { env, killAt: words });
    if (finished.code !== 0 || attempt === 5) return finished;
  }
}

async function latestJob(): Promise<string> {
  const { jobs } = await place.json<{ jobs: { id: string; created: number }[] }>(['job', 'list']);
  return jobs.sort((a, b) => b.created - a.created)[0]!.id;
}

async function confirmed(key: string): Promise<number> {
  const { confirmed: coins } = await place.json<{ confirmed: string }>([
    'wallet',
    'balance',
    '--key',
    key,
  ]);
  return Number(coins);
}

beforeAll(async () => {
  cpSync('fixtures/bitmodel-tiny', TINY, { recursive: true });
  await place.ok(['model', 'pack', TINY]);
  await place.startNode(...UNHURRIED);
  ({ rpc } = clientOf(place));
  endBlocks = mineWhatWaits(rpc);
  for (const judge of ['v0', 'v1', 'v2']) {
    await fund(place, judge, '1');
    const args = ['--key', judge, '--model', TINY, '--fee', '0.0005', '--threads', '1'];
    await place.start(['verifier', ...args], env);
  }
  await fund(place, 'buyer', '10');
  await fund(place, 'seller', '10');
});
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.stop('SIGKILL');
});
afterAll(async () => {
  endBlocks?.();
  await rpc?.close();
  place.close();
});

describe('bitmodel job submit', () => {
  it('prints the checked text, and a receipt that verify takes offline', async () => {
    const worker = await startWorker();
    const before = await confirmed('buyer');
    const { stdout: text, stderr } = await place.run([...BUY, '--receipt', receipt], { env });
    expect(stderr).toContain('warning: Nobody bonded will judge this job');
    expect(stderr).toContain(`receipt ${receipt}; check it again with: bitmodel verify`);
    const [, paid] = /^paid (\S+) coins: price 0.00600000, network fees /m.exec(stderr)!;
    expect(Number(paid)).toBeCloseTo(before - (await confirmed('buyer')), 8);
    const own = await place.ok(['model', 'run', TINY, 'The people of', '--max-tokens', '12']);
    expect(text.trimEnd()).toBe(own.trimEnd());
    expect(await worker.stop()).toBe(0);
    const verdict = await place.json(['verify', receipt, '--model', TINY]);
    expect(verdict).toMatchObject({ result: 'valid', check: 'full', positions: 12, aboveZero: 0 });
    const few = ['verify', receipt, '--model', TINY, '--check', 'sample:3'];
    const sampled = await place.json<{ sampleSeed: string }>(few);
    expect(sampled).toMatchObject({
      result: 'valid',
      check: 'sample:3',
      positions: 5,
      detection: 0.3,
    });
    const again = await place.run([...few, '--sample-seed', sampled.sampleSeed]);
    expect(again.stdout).toContain(`5 of 12 tokens checked`);
    expect(again.stdout).toContain('with probability 30.0 %\n');
    expect(again.stdout).toContain(`drawn by --sample-seed ${sampled.sampleSeed}\n`);
    const changed = readFileSync(receipt, 'utf8').replace(/"output":\[\d+/, '"output":[5');
    const tampered = await place.run(['verify', '-', '--model', TINY, '--json'], {
      stdin: changed,
    });
    expect(tampered.code).toBe(10);
    expect(JSON.parse(tampered.stdout)).toMatchObject({
      result: 'invalid',
      kind: 'continuity',
      position: 0,
      checks: { prompt: true, seed: true, signature: false },
    });
  });

  it.each(['substitute', 'tamper:3', 'truncate', 'withhold'])(
    'catches a seller that cheats by %s: the stake is slashed, the money is back',
    async (cheat) => {
      const before = await confirmed('buyer');
      const { line } = await startWorker('--cheat', cheat);
      // what the answers before have taught of this seller would have its offer left aside
      const key = /worker (\w+)/.exec(line)![1]!;
      await place.run(['rastic', 'sellers', '--forget', key]);
      const { code, stdout, stderr } = await place.run(BUY, { env });
      expect({ code, stdout, stderr }).toMatchObject({ code: 10, stdout: '' });
      expect(stderr).toContain('slashed');
      expect(before - (await confirmed('buyer'))).toBeLessThan(0.0005);
    },
  );

  it('refunds the buyer at its height when the seller is killed after the escrow', async () => {
    const worker = await startWorker();
    killAt(worker, 'offered');
    let endMining: (() => void) | undefined;
    const { code, stderr } = await place.run([...BUY, '--timeout', '40'], {
      env,
      onStderr: (text) => {
        if (text.includes('locked in escrow')) endMining ??= mineOn(rpc);
      },
    });
    endMining?.();
    expect(code).toBe(1);
    expect(stderr).toContain('JOB_NOT_DONE');
    const job = await place.json(['job', 'show', await latestJob()]);
    expect(job).toMatchObject({ state: 'refunded' });
  });

  it('clears a seller whose accuser was wrong', async () => {
    const worker = await startWorker();
    await place.ok(BUY, { env });
    // gone, it can't take its stake back before a slow machine has contested; the buyer's own ids clear it
    await worker.stop();
    const id = await latestJob();
    const contest = ['job', 'contest', id, '--key', 'buyer', '--yes', '--threads', '1', '--json'];
    const ended = JSON.parse(await place.ok(contest, { env })) as Record<string, unknown>;
    expect(ended).toMatchObject({
      state: 'cleared',
      cost: { price: '0.00600000', verifierFees: '0.00150000' },
    });
    expect(await place.json(['job', 'show', id])).toMatchObject({ cost: ended.cost });
    // nobody is asked for a yes, nor shown the answer, where nothing can be contested any more
    const again = await place.run(['job', 'contest', id, '--key', 'buyer', '--threads', '1'], {
      env,
    });
    expect(again).toMatchObject({ code: 4, stdout: '' });
    expect(again.stderr).toContain('NOT_CONTESTED');
    const receipt = join(place.folder, 'afterwards.json');
    await place.ok(['job', 'show', id, '--receipt', receipt]);
    expect(await place.json(['verify', receipt, '--model', TINY])).toMatchObject({
      result: 'valid',
    });
  });

  it.each(['announced', 'is chosen', 'locked in escrow', 'with the seller', 'opened'])(
    'finishes by job resume after the buyer was killed at "%s"',
    async (words) => {
      await startWorker();
      const { code } = await buyUntil(words);
      expect(code).toBe(null);
      const id = await latestJob();
      const resume = ['job', 'resume', id, '--key', 'buyer', '--threads', '1'];
      expect(await place.ok(resume, { env })).not.toBe('');
      expect(await place.ok(['job', 'show', id, '-q'])).toBe('settled');
    },
  );

  it('says what it waits for without an offer, stops at Ctrl-C without losing anything, and says how to go on', async () => {
    const { code, stdout, stderr } = await place.run(BUY, {
      env,
      killAt: 'nothing is locked',
      signal: 'SIGINT',
    });
    expect([code, stdout]).toEqual([130, '']);
    expect(stderr).toMatch(/no offer yet; it waits for one until block \d+ at most, now \d+\n/);
    expect(stderr).toContain('this node runs without a network');
    const id = await latestJob();
    expect(stderr).toContain(`bitmodel job resume ${id}`);
    await place.ok(['job', 'cancel', id, '--key', 'buyer'], { env });
    expect(await place.ok(['job', 'show', id, '-q'])).toBe('closed');
  });
});

describe('a job that one process follows', () => {
  const HELD = { code: 'JOB_IN_HAND', message: expect.stringMatching(/process \d+\.$/) };
  const errorOf = ({ stderr }: Finished): unknown => JSON.parse(stderr.trim().split('\n').at(-1)!);

  it('is refused to another one, and given up by it when a second terminal cancels it', async () => {
    let waits!: () => void;
    const waiting = new Promise<void>((done) => {
      waits = done;
    });
    const submitted = place.run(BUY, {
      env,
      onStderr: (text) => text.includes('nothing is locked') && waits(),
    });
    await waiting;
    const id = await latestJob();
    const buyer = [id, '--key', 'buyer', '--threads', '1', '--json'];
    for (const verb of [['resume'], ['contest', '--yes']]) {
      const refused = await place.run(['job', ...verb, ...buyer], { env });
      expect([refused.code, errorOf(refused)]).toEqual([
        4,
        { error: expect.objectContaining(HELD) },
      ]);
    }
    const cancelled = await place.json(['job', 'cancel', ...buyer.slice(0, -1)], { env });
    expect(cancelled).toMatchObject({ id, state: 'closed' });
    const { code, stderr } = await submitted;
    expect(code).toBe(1);
    expect(stderr).toContain('the buyer cancelled it');
    expect(await place.ok(['job', 'show', id, '-q'])).toBe('closed');
  });

  it('is bought once when two take it up at the same time', async () => {
    expect((await buyUntil('announced')).code).toBe(null);
    const resume = ['job', 'resume', await latestJob(), '--key', 'buyer', '--threads', '1'];
    const both = [1, 2].map(() => place.run([...resume, '--json'], { env }));
    // without a seller neither comes to an end before the other has tried
    const first = await Promise.race(both);
    expect([first.code, errorOf(first)]).toEqual([4, { error: expect.objectContaining(HELD) }]);
    await startWorker();
    const codes = (await Promise.all(both)).map(({ code }) => code);
    expect(codes.sort()).toEqual([0, 4]);
  });
});

describe('bad input to bitmodel job', () => {
  it.each([
    ['a reward beyond the limit', 4, 'REWARD_TOO_HIGH', [...BUY, '--max-reward', '0.000001']],
    [
      'nobody to say yes',
      4,
      'NOT_CONFIRMED',
      BUY.filter((arg, i) => ![arg, BUY[i - 1]].includes('--max-reward')),
    ],
    ['an empty prompt', 2, 'EMPTY_PROMPT', [...BUY, '--prompt', '']],
    ['a prompt beyond the context', 2, 'PROMPT_TOO_LONG', [...BUY, '--prompt', 'x '.repeat(600)]],
    ['an unknown model', 3, 'UNKNOWN_MODEL', [...BUY, '--model', 'ab'.repeat(32)]],
    ['an unknown job', 3, 'UNKNOWN_JOB', ['job', 'show', 'abcdef']],
    ['too little time', 2, 'LIFETIME_TOO_SHORT', [...BUY, '--timeout', '1']],
    ['a stake too small', 2, 'BAD_JOB', [...BUY, '--stake', '0.0001']],
    [
      'more than the key owns',
      1,
      'INSUFFICIENT_FUNDS',
      [...BUY, '--price', '1', '--max-reward', '99'],
    ],
    ['a node that is away', 5, 'NODE_UNREACHABLE', [...BUY, '--rpc', 'http://127.0.0.1:9']],
    [
      'a cheat on another network',
      4,
      'NO_CHEATING',
      ['worker', '--network', 'test', '--cheat', 'tamper'],
    ],
    ['an unknown cheat', 2, 'UNKNOWN_ATTACK', ['worker', '--cheat', 'magic', '--model', TINY]],
  ])('gets one sentence and the next step: %s', async (_, code, name, args) => {
    const outcome = await place.run([...args, '--json'], { env });
    const { error } = JSON.parse(outcome.stderr) as { error: Record<string, string> };
    expect(error).toMatchObject({ code: name, message: expect.stringMatching(/[.?]$/) });
    expect(outcome.code).toBe(code);
  });
});
