import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromHex, toHex } from '#src/base/index.js';
import {
  createKey,
  decodeTransaction,
  encodeTransaction,
  hash160,
  type KeyPair,
  networkParameters,
  p2pkhScript,
  type Transaction,
  transactionId,
  Wallet,
} from '#src/chain/index.js';
import type { ClientRecord } from '#src/job/client/record.js';
import { converse } from '#src/job/detached/converse.js';
import { awaitFunding, fundingOf } from '#src/job/detached/funding.js';
import { handedRecord } from '#src/job/detached/notes.js';
import type { HandedJob } from '#src/job/detached/watchedJob.js';
import {
  ClientRecords,
  createMessage,
  detachedKey,
  type HandoverHands,
  handOver,
  JobRecords,
  quoteDetached,
  Watcher,
} from '#src/job/index.js';
import { type JobSpec, jobIdHex } from '#src/job/spec.js';
import { Market, request } from '../market.js';

const params = networkParameters('regtest');
const signal = new AbortController().signal;
const FEE = 10_000n;
const watcherKey = createKey(params);
let market: Market;
let buyer: KeyPair;
let records: ClientRecords;
let stop: AbortController;
let running: Promise<void>;

const hands = (): HandoverHands => ({
  ...market.common(buyer, 'buyer'),
  wallet: new Wallet({ client: market.chain, keys: [buyer], params }),
});

/** A watcher that drives two jobs at a time, on what an earlier one left on disk. */
function watch(): void {
  const common = market.common(watcherKey, 'watcher');
  const watcher = new Watcher({ ...common, price: FEE, maxJobs: 2 });
  stop = new AbortController();
  running = watcher.run(stop.signal);
}

async function quoted(): Promise<ClientRecord> {
  const named = { publicKey: toHex(watcherKey.publicKey), fee: FEE };
  const quote = await quoteDetached(hands(), { ...request(market), lifetime: 1_000 }, named);
  quote.release();
  return quote.record;
}

/** Hands a job over by its letter alone. */
async function say(record: ClientRecord, funding = record.detached!.funding) {
  const { detached } = record;
  const { key, home, fee, watcher } = detached!;
  return converse(
    market.chain,
    { key: detachedKey(detached!, params), watcher, at: undefined },
    { kind: 'hand', jobId: record.id, record: handedRecord(record), key, home, fee, funding },
    10_000,
    signal,
  );
}

/** A job with other terms, under the same key and by its own announcement. */
function changed(record: ClientRecord, changes: Partial<JobSpec>): ClientRecord {
  const job = { ...record.job, ...changes };
  const id = jobIdHex(job);
  const { privateKey } = detachedKey(record.detached!, params);
  return { ...record, id, job, announce: createMessage('announce', id, 0, { job }, privateKey) };
}

/** A job of a payment that was changed. */
function paidBy(record: ClientRecord, change: (funding: Transaction) => Transaction): ClientRecord {
  const funding = change(decodeTransaction(fromHex(record.detached!.funding)));
  const detached = { ...record.detached!, funding: toHex(encodeTransaction(funding)) };
  return changed({ ...record, detached }, { coin: `${transactionId(funding)}:0` });
}

const withFirst = (changes: Partial<Transaction['outputs'][number]>) => (funding: Transaction) => ({
  ...funding,
  outputs: funding.outputs.map((output, index) =>
    index === 0 ? { ...output, ...changes } : output,
  ),
});

beforeAll(async () => {
  market = await Market.open();
  buyer = await market.funded();
  records = new ClientRecords(join(market.dir, 'buyer'));
  watch();
});
afterAll(async () => {
  stop.abort();
  await running;
  await market.close();
});

describe('a watcher', () => {
  it('takes no job whose payment is no transaction, or not of its coin', async () => {
    const record = await quoted();
    expect(await say(record, '00')).toMatchObject({ state: 'refused' });
    const again = await quoted();
    const { funding } = (await quoted()).detached!;
    expect(await say(again, funding)).toMatchObject({
      state: 'refused',
      reason: expect.stringContaining('not that of the job’s coin'),
    });
  });

  it('takes no job whose payment goes elsewhere, or is too little', async () => {
    const other = p2pkhScript(hash160(createKey(params).publicKey));
    const elsewhere = paidBy(await quoted(), withFirst({ lockingScript: other }));
    expect((await say(elsewhere))?.reason).toContain('does not go to the job’s key');
    const { outputs } = fundingOf((await quoted()).detached!);
    const little = paidBy(await quoted(), withFirst({ value: outputs[0]!.value - 1n }));
    expect((await say(little))?.reason).toContain('less than the job can take');
  });

  it('takes no job whose payment its node would not take', async () => {
    const unsigned = paidBy(await quoted(), (funding) => ({
      ...funding,
      inputs: funding.inputs.map((input) => ({ ...input, unlockingScript: new Uint8Array() })),
    }));
    expect((await say(unsigned))?.reason).toContain('the node does not take its payment');
  });

  it('takes no job that is too old, lasts too long or is from the future, which would hold its place until then', async () => {
    const tip = await market.chain.height();
    const old = changed(await quoted(), { created: tip - 31 });
    expect((await say(old))?.reason).toContain('too old');
    const long = changed(await quoted(), { expires: tip + 2_000 });
    expect((await say(long))?.reason).toContain('lasts too long');
    const ahead = changed(await quoted(), { created: tip + 1_000, expires: tip + 2_000 });
    expect((await say(ahead))?.reason).toContain('after the tip');
  });

  it('takes no job whose prompt its model can not read', async () => {
    const record = await quoted();
    const more = { ...changed(record, { inputTokens: record.job.inputTokens + 1 }) };
    expect((await say(more))?.reason).toContain('of another length');
    const most = market.model.model.info.contextLength;
    const long = changed(await quoted(), { maxTokens: most });
    expect((await say(long))?.state).toBe('refused');
  });

  it('does not take at a second letter what it refused at the first', async () => {
    const record = await quoted();
    const wrong = { ...record, detached: { ...record.detached!, fee: '0.00000001' } };
    const first = await say(wrong);
    expect(first?.state).toBe('refused');
    expect(await say(record)).toMatchObject({ state: 'refused', reason: first!.reason });
  });

  it('forgets a job on its disk whose payment is no transaction, with all that it kept of it', async () => {
    const record = await quoted();
    const { key, home, fee } = record.detached!;
    const handed = new JobRecords<HandedJob>(join(market.dir, 'watcher', 'handed'));
    const { id } = record;
    handed.save({ v: 1, id, key, home, fee, funding: '00', record, state: 'driven' });
    await market.happens(() => handed.current(id) === undefined);
    expect(handed.ids()).not.toContain(id);
    expect(existsSync(join(market.dir, 'watcher', 'handed', id))).toBe(false);
  });

  it('has its place after all of these, started again or not, and then one job of each coin', async () => {
    stop.abort();
    await running;
    watch();
    const record = await quoted();
    const rival = await quoted();
    expect((await handOver(hands(), records, record, signal)).detached?.state).toBe('driven');
    expect((await say(rival))?.reason).toContain('a coin of another job’s');
  });
});

describe('a payment', () => {
  it('is not waited for once its coin was spent otherwise', async () => {
    const payer = await market.funded();
    const wallet = () => new Wallet({ client: market.chain, keys: [payer], params });
    const lockingScript = p2pkhScript(hash160(createKey(params).publicKey));
    const outputs = [{ value: 1_000_000n, lockingScript }];
    const own = wallet();
    const funded = await own.fund({ outputs });
    const funding = toHex(encodeTransaction(own.sign(funded.transaction, funded.spentOutputs)));
    own.release(funded.transaction);
    await wallet().sweep(p2pkhScript(hash160(payer.publicKey)));
    const paid = { funding, from: await market.chain.height() };
    expect(await awaitFunding(market.chain, paid, { interval: 20, signal })).toBe(false);
  });

  it('is waited for thirty blocks, though it lies in the mempool of a node that mines it never', async () => {
    const { funding } = (await quoted()).detached!;
    const paid = { funding, from: (await market.chain.height()) - 31 };
    expect(await awaitFunding(market.chain, paid, { interval: 20, signal })).toBe(false);
  });
});
