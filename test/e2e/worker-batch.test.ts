import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientRecord, JobRecords } from '#src/job/index.js';
import { importModel } from '#src/model/index.js';
import { until } from '../until.js';
import { type NodeProcess, Nodes } from './Nodes.js';

/** Jobs that are bought to the end. */
const JOBS = 4;
const TOKENS = 250;
/** Tokens of a job that is called off, by which it is known. */
const CALLED_OFF = 99;

const nodes = new Nodes();
const { place } = nodes;
const model = join(place.folder, 'tiny');
let node: NodeProcess;
let env: Readonly<Record<string, string>>;
let judge: string;
let miner: string;
let said = '';

interface Told {
  readonly step: string;
  readonly jobId: string;
  readonly detail?: string;
}

/** What the worker said. */
function told(...steps: string[]): Told[] {
  const events = said
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Told]));
  return events.filter(({ step }) => steps.includes(step));
}

/** Buys a job of so many tokens; the buyer of one with fewer is killed as soon as it is announced. */
function buy(tokens: number) {
  const job = ['--model', model, '--prompt', 'The people of', '--max-tokens', String(tokens)];
  const money = ['--price', '0.0001', '--max-reward', '1', '--verifiers', judge];
  const rest = ['--threads', '1', '--temperature', '0.8'];
  const end = tokens === TOKENS ? ['--json'] : [];
  return place.run(['job', 'submit', '--key', 'buyer', ...job, ...money, ...rest, ...end], {
    env,
    ...(tokens === TOKENS ? {} : { killAt: 'announced' }),
  });
}

/** Buys a job and calls it off before it is paid for. */
async function callOff(): Promise<void> {
  await buy(CALLED_OFF);
  const records = new JobRecords<ClientRecord>(join(node.folder, 'regtest', 'jobs')).all();
  const { id } = records.find(({ job }) => job.maxTokens === CALLED_OFF)!;
  await place.ok(['job', 'cancel', id, '--yes'], { env });
}

async function makeKey(name: string): Promise<{ address: string; publicKey: string }> {
  return place.json(['keygen', '--name', name], { env });
}

/** Transactions that wait for a block: an escrow of each job. */
async function escrows(): Promise<number> {
  const { size } = await node.rpc<{ size: number }>('getmempoolinfo');
  return size;
}

const mine = () => node.rpc('generatetoaddress', 1, miner);

beforeAll(async () => {
  // the bundled model's weights, in a graph that can be batched
  await importModel('fixtures/bitmodel-tiny', { out: model });
  node = await nodes.start('node');
  env = { ...node.env, BITMODEL_PASSPHRASE_FILE: place.passphraseFile };
  ({ publicKey: judge, address: miner } = await makeKey('judge'));
  const { address: buyer } = await makeKey('buyer');
  const { address: seller } = await makeKey('seller');
  // coins of their own, ripe
  const { address: keeper } = await makeKey('keeper');
  for (const address of [buyer, seller, keeper])
    await node.rpc('generatetoaddress', JOBS + 2, address);
  await node.rpc('generatetoaddress', 101, miner);
  const args = ['--key', 'seller', '--model', model, '--price', '0.00005', '--threads', '1'];
  const judged = ['--accept-verifiers', 'any', '--batch', '8'];
  const worker = await place.start(['worker', ...args, ...judged, '--json'], env);
  worker.child.stdout!.on('data', (text: string) => {
    said += text;
  });
});
afterAll(() => nodes.close());

describe('one worker whose jobs were bought by several buyers at once', () => {
  it('computes them together, each answer is valid, and one that is called off hinders none', async () => {
    const buyers = Array.from({ length: JOBS }, () => buy(TOKENS));
    const calledOff = callOff();
    let isOver = false;
    const bought = Promise.all(buyers).finally(() => {
      isOver = true;
    });
    await until(async () => (await escrows()) >= JOBS);
    while (!isOver) {
      await mine();
      await new Promise((resolve) => setTimeout(resolve, 700));
    }
    await calledOff;
    const finished = await bought;
    expect(finished.filter(({ code }) => code !== 0)).toEqual([]);
    for (const { stdout } of finished) {
      expect(JSON.parse(stdout)).toMatchObject({ state: 'settled', verdict: { result: 'valid' } });
    }
    const order = told('started', 'committed').map(({ step }) => step);
    expect(order).toEqual([...Array(JOBS).fill('started'), ...Array(JOBS).fill('committed')]);
    expect(told('self-checked').map(({ detail }) => detail)).toEqual(Array(JOBS).fill('valid'));
    expect(told('problem', 'withdrawn')).toEqual([]);
  }, 240_000);
});

describe('a job on a protected model', () => {
  const sealed = join(place.folder, 'sealed');
  const shares: string[] = [];

  beforeAll(async () => {
    const { publicKey: platform } = await makeKey('platform');
    const holders = ['--key', 'keeper', '--platform', platform];
    await place.ok(['model', 'protect', model, ...holders, '--mode', 'full', '--out', sealed], {
      env,
    });
    for (const key of ['keeper', 'platform']) {
      const share = await place.ok(['model', 'share', sealed, '--key', key], { env });
      const path = join(place.folder, `${key}.share`);
      writeFileSync(path, share, { mode: 0o600 });
      shares.push('--share', path);
    }
  });

  it('is sold, paid and verified by those who hold both shares, under the id of the protected files', async () => {
    const offer = ['--key', 'keeper', '--model', sealed, '--price', '0.00005', '--threads', '1'];
    await place.start(['worker', ...offer, '--accept-verifiers', 'any', ...shares], env);
    const receipt = join(place.folder, 'receipt.json');
    const job = ['--model', sealed, '--prompt', 'The people of', '--max-tokens', '12'];
    const money = ['--price', '0.0001', '--max-reward', '1', '--verifiers', judge];
    const rest = ['--threads', '1', '--receipt', receipt, ...shares];
    let isOver = false;
    const buying = place
      .json(['job', 'submit', '--key', 'buyer', ...job, ...money, ...rest], { env })
      .finally(() => {
        isOver = true;
      });
    while (!isOver) {
      await mine();
      await new Promise((resolve) => setTimeout(resolve, 700));
    }
    expect(await buying).toMatchObject({ state: 'settled', verdict: { result: 'valid' } });
    const verify = ['verify', receipt, '--model', sealed, '--threads', '1'];
    const verdict = await place.json([...verify, ...shares], { env });
    expect(verdict).toMatchObject({ result: 'valid', positions: 12 });
    const { code, stderr } = await place.run(verify, { env });
    expect(code).not.toBe(0);
    expect(stderr).toContain('[SHARES_MISSING]');
    // the plain model is another one
    const plain = await place.run(['verify', receipt, '--model', model], { env });
    expect(plain.code).not.toBe(0);
  });
});
