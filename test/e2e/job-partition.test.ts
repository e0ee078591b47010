import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import {
  ChainClient,
  createKey,
  hash160,
  type KeyPair,
  networkParameters,
  p2pkhScript,
  RpcClient,
  Wallet,
} from '#src/chain/index.js';
import {
  JobClient,
  type JobEvent,
  type JobModel,
  JobWorker,
  jobModel,
  termsOf,
  traceJob,
} from '#src/job/index.js';
import { LanguageModel, modelId } from '#src/model/index.js';
import { LONG_TESTS, timeLimit } from '../long.js';
import { until } from '../until.js';
import { type NodeProcess, Nodes } from './Nodes.js';

const COIN = 100_000_000n;
const SELLERS_COINS = 20n;
const TINY = 'fixtures/bitmodel-tiny';
const params = networkParameters('regtest');

const nodes = new Nodes();
const stop = new AbortController();
const judge = toHex(createKey(params).publicKey);
let model: JobModel;
/** The buyer's node, which is cut off, and the one of all others, where blocks are made. */
let near: NodeProcess;
let far: NodeProcess;
let farChain: ChainClient;
let buyer: KeyPair;
let seller: KeyPair;
/** Whom blocks pay. */
let bank: KeyPair;
let running: Promise<void>;
let ticking: NodeJS.Timeout;
/** What everybody waits for who asks a node for something: a cut takes place at one point of a job. */
let gate: Promise<unknown> = Promise.resolve();
let mining: Promise<unknown> = Promise.resolve();
let onEvent: (event: JobEvent) => void = () => undefined;

/** A way to a node that is held up while a link is being cut. */
function clientOf(node: NodeProcess): ChainClient {
  const rpc = RpcClient.forNode({ datadir: node.folder, network: 'regtest', rpc: undefined });
  const { call, callText } = rpc;
  rpc.call = async <T>(method: string, ...args: unknown[]): Promise<T> => {
    await gate;
    return call.call(rpc, method, ...args) as Promise<T>;
  };
  rpc.callText = async (...args) => {
    await gate;
    return callText.apply(rpc, args);
  };
  return new ChainClient(rpc);
}

function partOf(chain: ChainClient, key: KeyPair, name: string) {
  const wallet = new Wallet({ client: chain, keys: [key], params });
  const directory = join(nodes.place.folder, name);
  return { chain, params, wallet, key, models: [model], directory, interval: 50 };
}

/** Makes blocks where all others are, one caller after another. */
function mineTo(height: number): Promise<unknown> {
  mining = mining
    .then(async () => {
      const count = height - (await far.rpc<number>('getblockcount'));
      if (count > 0) await far.rpc('generatetoaddress', count, bank.address);
    })
    .catch(() => undefined);
  return mining;
}

const mineMore = async (count: number): Promise<unknown> =>
  mineTo((await far.rpc<number>('getblockcount')) + count);

function follow(participant: JobClient | JobWorker): void {
  participant.on('event', (event) => {
    onEvent(event);
    // what only the buyer's node knows gets into no block, however many are made
    if (event.step === 'waiting' && event.role === 'worker') void mineTo(event.untilHeight!);
  });
}

async function agree(): Promise<boolean> {
  const tips = await Promise.all([near, far].map((node) => node.rpc('getbestblockhash')));
  return tips[0] === tips[1];
}

async function rejoin(): Promise<void> {
  await near.rpc('setnetworkactive', true);
  await near.rpc('addnode', far.address, 'onetry');
}

/**
 * Buys one answer; when somebody comes to a step of it, the buyer's node loses all others until they have made so many
 * blocks.
 */
async function buyCutAt(step: JobEvent['step'], blocks: number, lifetime: number) {
  const client = new JobClient(partOf(clientOf(near), buyer, 'buyer'));
  let cut!: () => void;
  const isCut = new Promise<void>((done) => {
    cut = done;
  });
  onEvent = (event) => {
    if (event.step !== step) return;
    onEvent = () => undefined;
    gate = near.rpc('setnetworkactive', false);
    void gate.then(cut);
  };
  follow(client);
  const quote = await client.quote({
    model: model.id,
    promptIds: model.model.tokenizer.encode('The people of'),
    sampling: { temperatureMilli: 0, topK: 0, topPMilli: 1000 },
    maxTokens: 8,
    pricePerToken: 20_000n,
    verifiers: [judge],
    lifetime,
  });
  const { id } = await client.submit(quote);
  const following = client.follow(id, stop.signal);
  await Promise.race([isCut, following]);
  // those who are cut off from each other go on, each as far as it gets
  for (let made = 0; made < blocks; made++) {
    await mineMore(1);
    await new Promise((done) => setTimeout(done, 60));
  }
  await rejoin();
  const record = await following;
  await until(agree);
  if (!record.escrow?.sent) return { record, stage: 'none' };
  const terms = termsOf(record.job, record.escrow.offer, params);
  // so that a stake has come back
  await mineMore(params.disputeWindow + 1);
  let stage = '';
  await until(async () => {
    await mineMore(1);
    stage = (await traceJob(farChain, terms, record.escrow!.txid)).stage;
    return stage === 'released' || stage === 'refunded' || stage === 'cancelled';
  });
  return { record, stage };
}

beforeAll(async () => {
  far = await nodes.start('far');
  near = await nodes.start('near', '--seed-node', far.address);
  model = jobModel(
    await modelId(TINY),
    await LanguageModel.open(TINY, { file: 'onnx/model.onnx', threads: 1 }),
  );
  buyer = createKey(params);
  seller = createKey(params);
  farChain = clientOf(far);
  bank = createKey(params);
  await far.rpc('generatetoaddress', 103, bank.address);
  const coins = (key: KeyPair, count: number) =>
    Array.from({ length: count }, () => ({
      value: COIN / 10n,
      lockingScript: p2pkhScript(hash160(key.publicKey)),
    }));
  const purse = new Wallet({ client: farChain, keys: [bank], params });
  await purse.send([...coins(buyer, 20), ...coins(seller, Number(SELLERS_COINS))]);
  await mineMore(1);
  await until(agree);
  const worker = new JobWorker({
    ...partOf(farChain, seller, 'seller'),
    price: 1000n,
    acceptVerifiers: 'any',
  });
  follow(worker);
  running = worker.run(stop.signal);
  ticking = setInterval(() => void mineMore(1), 1000);
});

afterAll(async () => {
  clearInterval(ticking);
  stop.abort();
  await running;
  await model?.model.close();
  nodes.close();
});

/** Where a job can be cut off; the short form has those that differ most. */
const STEPS = [
  'announced',
  'offered',
  'chosen',
  'escrowed',
  'accepted',
  'committed',
  'claimed',
  'opened',
] as const;
const LATE_STEPS = LONG_TESTS ? STEPS.slice(0, 7) : (['chosen', 'committed'] as const);

describe('a job whose buyer is cut off from all others', () => {
  it.each(STEPS)(
    'for some blocks when it is %s is settled after they have come together again',
    async (step) => {
      const { record, stage } = await buyCutAt(step, 5, 300);
      expect({ outcome: record.outcome, stage }).toEqual({ outcome: 'settled', stage: 'released' });
      expect(record.verdict).toMatchObject({ result: 'valid' });
    },
    timeLimit(240_000),
  );

  it.each(LATE_STEPS)(
    'until after its end when it is %s ends once for both, and with the money of one of them',
    async (step) => {
      const { record, stage } = await buyCutAt(step, 45, 30);
      // who was away for the whole dispute window may find the answer paid for and no longer in the pool
      const ends: Record<string, string[]> = {
        none: ['closed'],
        released: ['settled', 'released'],
        refunded: ['refunded'],
        cancelled: ['cancelled'],
      };
      expect(ends[stage]).toContain(record.outcome);
    },
    timeLimit(240_000),
  );

  it('never costs its seller a stake', async () => {
    const { confirmed } = await new Wallet({ client: farChain, keys: [seller], params }).balance();
    expect(confirmed).toBeGreaterThanOrEqual(SELLERS_COINS * (COIN / 10n));
  });
});
