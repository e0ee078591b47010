import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientRecord, JobRecords } from '#src/job/index.js';
import { importModel } from '#src/model/index.js';
import { eventually, type NodeProcess, Nodes } from './Nodes.js';

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
  for (const address of [buyer, seller]) await node.rpc('generatetoaddress', JOBS + 1, address);
  await node.rpc('generatetoaddress', 101, miner);
  const args = ['--key', 'seller', '--model', model, '--price', '0.00005', '--threads', '1'];
  const judged = ['--accept-verifiers', 'any', '--batch', '8'];
  const worker = await place.start(['worker', ...args, ...judged, '--json'], env);
  worker.child.stdout!.on('data', (text: string) => {
    said += text;
  });
}, 120_000);
afterAll(() => nodes.close());

describe('one worker whose jobs were bought by several buyers at once', () => {
  it('computes them together, each answer is valid, and one that is called off hinders none', async () => {
    const buyers = Array.from({ length: JOBS }, () => buy(TOKENS));
    const calledOff = callOff();
    let isOver = false;
    const bought = Promise.all(buyers).finally(() => {
      isOver = true;
    });
    await eventually(async () => (await escrows()) >= JOBS, 100);
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
