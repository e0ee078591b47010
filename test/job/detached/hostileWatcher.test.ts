import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import {
  createKey,
  type KeyPair,
  networkParameters,
  parseOutpoint,
  Wallet,
} from '#src/chain/index.js';
import type { ClientRecord } from '#src/job/client/record.js';
import { fundingOf } from '#src/job/detached/funding.js';
import { Mail } from '#src/job/detached/Mail.js';
import { type NoteOf, withProgress } from '#src/job/detached/notes.js';
import {
  bringHome,
  ClientRecords,
  createMessage,
  detachedKey,
  fetchDetached,
  type HandoverHands,
  handOver,
  JobClient,
  prepareResumed,
  quoteDetached,
  takeBack,
} from '#src/job/index.js';
import { Market, request } from '../market.js';

type Told = Pick<NoteOf<'tell'>, 'state'> & Partial<NoteOf<'tell'>>;

const params = networkParameters('regtest');
const signal = new AbortController().signal;
const watcherKey = createKey(params);
const stop = new AbortController();
/** What the watcher says next; and what it does of itself once a job was handed to it. */
let says: Told = { state: 'driven' };
let market: Market;
let buyer: KeyPair;
let records: ClientRecords;
let running: Promise<void>;

const hands = (): HandoverHands & { readonly interval: number } => ({
  ...market.common(buyer, 'buyer'),
  wallet: new Wallet({ client: market.chain, keys: [buyer], params }),
});

/** A watcher that answers whatever it is told to. */
async function lie(): Promise<void> {
  const mail = new Mail(market.chain, watcherKey);
  while (!stop.signal.aborted) {
    for (const { from, note } of await mail.receive()) {
      if (note.kind === 'tell') continue;
      await mail.send(from, note.node, { kind: 'tell', jobId: note.jobId, ...says });
    }
    await new Promise((done) => setTimeout(done, 30));
  }
}

async function quoted(): Promise<ClientRecord> {
  const named = { publicKey: toHex(watcherKey.publicKey), fee: 10_000n };
  const { record } = await quoteDetached(hands(), { ...request(market), lifetime: 30 }, named);
  return record;
}

/** A job that the watcher says to drive; its coins are in a block. */
async function handed(): Promise<ClientRecord> {
  says = { state: 'driven' };
  const record = await handOver(hands(), records, await quoted(), signal);
  await market.mine(1);
  return record;
}

/** A buyer's own hand on a job that it took back. */
function ownClient(record: ClientRecord): JobClient {
  const key = detachedKey(record.detached!, params);
  const wallet = new Wallet({ client: market.chain, keys: [key], params });
  return new JobClient({ ...hands(), wallet, key });
}

const home = (record: ClientRecord): Promise<ClientRecord> =>
  market.steadily(100, () => bringHome(hands(), records, record, () => {}, signal));

/** What lies on a job's key. */
const left = ({ detached }: ClientRecord): Promise<bigint> =>
  market.balance(detachedKey(detached!, params));

beforeAll(async () => {
  market = await Market.open();
  buyer = await market.funded();
  records = new ClientRecords(join(market.dir, 'buyer'));
  running = lie();
});
afterEach(async () => {
  says = { state: 'driven' };
  await market.mine(1);
});
afterAll(async () => {
  stop.abort();
  await running;
  await market.close();
});

describe('a buyer whose watcher lies', () => {
  it('takes its job back, and to the end, whatever it tells of it', async () => {
    await market.worker();
    const driven = await handed();
    says = { state: 'given-back', progress: { phase: 'nonsense' } };
    const { record, isReleased } = await takeBack(hands(), records, driven, signal);
    expect(isReleased).toBe(true);
    expect(records.load(driven.id).detached?.state).toBe('back');
    const ended = await market.steadily(100, async () => {
      const ready = await prepareResumed(hands(), records, record, signal);
      return ownClient(ready).pursue(ready.id, signal);
    });
    expect(ended.outcome).toBe('settled');
    expect((await home(ended)).detached?.state).toBe('over');
    expect(await left(driven)).toBe(0n);
    await market.endShifts();
  });

  it('is told at once that what it tells can not be read', async () => {
    const driven = await handed();
    says = { state: 'driven', progress: { phase: 'nonsense' } };
    await expect(fetchDetached(hands(), records, driven, signal)).rejects.toMatchObject({
      code: 'WATCHER_DOUBTED',
      next: expect.stringContaining('job resume'),
    });
    expect(records.load(driven.id)).toMatchObject({ phase: 'announced' });
  });

  it('keeps no escrow that did not spend its coin, nor what hangs on it', async () => {
    const driven = await handed();
    const { job, id } = driven;
    const { privateKey } = createKey(params);
    const body = {
      ...{ pricePerToken: job.pricePerToken, speedMilli: 1, class: job.classes[0]! },
      ...{ payout: '00'.repeat(20), keyHash: '33'.repeat(32), until: job.expires },
    };
    const escrow = {
      offer: createMessage('offer', id, 0, body, privateKey),
      ...{ txid: '11'.repeat(32), transaction: '00', fee: '0', sent: true },
    };
    const fake = { phase: 'escrowed', escrow };
    // it has the form of one: a record would take it
    expect(withProgress(driven, fake)).toHaveProperty('escrow');
    const contest = { txid: '22'.repeat(32), transaction: '00', fee: '0' };
    for (const progress of [fake, { phase: 'contested', contest, verdict: { result: 'valid' } }]) {
      says = { state: 'driven', progress };
      await fetchDetached(hands(), records, records.load(id), signal);
      const kept = records.load(id);
      expect(kept.phase).toBe('announced');
      expect(kept).not.toHaveProperty('escrow');
      expect(kept).not.toHaveProperty('contest');
      expect(kept).not.toHaveProperty('verdict');
    }
  });

  it('brings its coins home from a job that the watcher says is done', async () => {
    const driven = await handed();
    expect(await left(driven)).toBeGreaterThan(0n);
    says = { state: 'done' };
    const ended = await fetchDetached(hands(), records, driven, signal);
    expect(ended).toMatchObject({ phase: 'ended', outcome: 'closed', detached: { state: 'back' } });
    expect((await home(ended)).detached?.state).toBe('over');
    expect(await left(driven)).toBe(0n);
  });

  it('does not take for over what the chain shows to be under way, and goes on with it', async () => {
    const seller = await market.worker();
    const driven = await handed();
    // the watcher has the key, and locks the money
    const client = ownClient(driven);
    const own = new AbortController();
    const at = { ...driven };
    await client.submit({ record: at });
    const following = client.pursue(driven.id, own.signal).catch(() => undefined);
    const coin = parseOutpoint(driven.job.coin);
    while (!(await market.chain.spender(coin))) await new Promise((done) => setTimeout(done, 50));
    own.abort();
    await following;
    // what this process noted of it is not the buyer's
    const elsewhere = new ClientRecords(join(market.dir, 'elsewhere'));
    elsewhere.save(driven);
    const told = { phase: 'ended', outcome: 'refunded' };
    says = { state: 'done', progress: told };
    await expect(fetchDetached(hands(), elsewhere, driven, signal)).rejects.toMatchObject({
      code: 'WATCHER_DOUBTED',
    });
    const kept = elsewhere.load(driven.id);
    expect(kept).toMatchObject({ phase: 'escrowed', detached: { state: 'driven' } });
    const { record } = await takeBack(hands(), elsewhere, kept, signal);
    expect(record).toMatchObject({ phase: 'escrowed', detached: { state: 'back' } });
    await seller.end();
  });
});

describe('a watcher that refuses', () => {
  it('can not send the payment that it holds', async () => {
    const before = await market.balance(buyer);
    const record = await quoted();
    says = { state: 'refused', reason: 'it has enough to do' };
    await expect(handOver(hands(), records, record, signal)).rejects.toMatchObject({
      code: 'WATCHER_REFUSED',
      next: expect.stringContaining('Nothing was paid'),
    });
    await expect(market.chain.send(fundingOf(record.detached!))).rejects.toMatchObject({
      code: 'TX_REJECTED',
    });
    expect(records.load(record.id)).toMatchObject({
      outcome: 'closed',
      detached: { state: 'over' },
    });
    await market.mine(1);
    expect(before - (await market.balance(buyer))).toBeLessThan(1_000n);
  });

  it('and has sent it all the same leaves the job its buyer’s to take back, and its coins come home', async () => {
    const record = await quoted();
    await market.chain.send(fundingOf(record.detached!));
    says = { state: 'refused' };
    await expect(handOver(hands(), records, record, signal)).rejects.toMatchObject({
      code: 'WATCHER_REFUSED',
      next: expect.stringContaining('job resume'),
    });
    await market.mine(1);
    const { record: back } = await takeBack(hands(), records, records.load(record.id), signal);
    const given = await ownClient(back).cancel(back.id);
    expect(given).toMatchObject({ phase: 'ended', detached: { state: 'back' } });
    expect((await home(given)).detached?.state).toBe('over');
    expect(await left(record)).toBe(0n);
  });
});
