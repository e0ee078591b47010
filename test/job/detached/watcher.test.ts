import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import {
  ChainClient,
  createKey,
  type KeyPair,
  networkParameters,
  Wallet,
} from '#src/chain/index.js';
import type { ClientRecord } from '#src/job/client/record.js';
import {
  bringHome,
  ClientRecords,
  detachedKey,
  fetchDetached,
  type HandoverHands,
  handOver,
  JobClient,
  prepareResumed,
  quoteDetached,
  takeBack,
  Watcher,
} from '#src/job/index.js';
import { Market, request } from '../market.js';

const params = networkParameters('regtest');
const signal = new AbortController().signal;
let market: Market;
let buyer: KeyPair;
let records: ClientRecords;

const hands = (chain = market.chain): HandoverHands => ({
  ...market.common(buyer, 'buyer'),
  chain,
  wallet: new Wallet({ client: chain, keys: [buyer], params }),
});

/** A watcher at work in this process. */
function watch(name: string, changes: Partial<ConstructorParameters<typeof Watcher>[0]> = {}) {
  const key = createKey(params);
  const directory = join(market.dir, name);
  const common = { ...market.common(key, name), directory, price: 10_000n, ...changes };
  const start = () => {
    const watcher = new Watcher(common);
    watcher.on('event', (event) => {
      market.events.push(event);
      if (event.step === 'waiting') void market.mineTo(event.untilHeight!).catch(() => undefined);
    });
    const stop = new AbortController();
    const running = watcher.run(stop.signal);
    return async (): Promise<void> => {
      stop.abort();
      await running;
    };
  };
  return { key, publicKey: toHex(key.publicKey), start };
}

const quoted = (publicKey: string, fee = 10_000n, chain?: ChainClient) =>
  quoteDetached(hands(chain), { ...request(market), lifetime: 30 }, { publicKey, fee });

async function handed(publicKey: string): Promise<ClientRecord> {
  const { record } = await quoted(publicKey);
  return handOver(hands(), records, record, signal);
}

/** Asks again and again, with a block now and then, until the job is over and all is home. */
async function fetched(record: ClientRecord): Promise<ClientRecord> {
  return market.steadily(100, async () => {
    for (;;) {
      const now = await fetchDetached(hands(), records, records.load(record.id), signal);
      if (now.detached?.state === 'back') return bringHome(hands(), records, now, () => {}, signal);
      await new Promise((done) => setTimeout(done, 100));
    }
  });
}

beforeAll(async () => {
  market = await Market.open();
  buyer = await market.funded();
  records = new ClientRecords(join(market.dir, 'buyer'));
  await market.worker();
});
afterAll(() => market.close());

describe('a watcher', () => {
  it('refuses what it can not or will not drive, and nothing is paid but what makes the payment void', async () => {
    const before = await market.balance(buyer);
    const poor = watch('dear', { price: 20_000n });
    const blind = watch('blind', { models: [] });
    const busy = watch('busy', { maxJobs: 0 });
    const ends = [poor, blind, busy].map(({ start }) => start());
    const reasons: [string, RegExp][] = [
      [poor.publicKey, /it asks 0\.00020000/],
      [blind.publicKey, /the model is not here/],
      [busy.publicKey, /enough to do/],
    ];
    for (const [publicKey, message] of reasons) {
      const { record } = await quoted(publicKey);
      await expect(handOver(hands(), records, record, signal)).rejects.toMatchObject({
        code: 'WATCHER_REFUSED',
        message: expect.stringMatching(message),
      });
      expect(records.load(record.id)).toMatchObject({ phase: 'ended', outcome: 'closed' });
    }
    await Promise.all(ends.map((end) => end()));
    await market.mine(1);
    expect(before - (await market.balance(buyer))).toBeLessThan(1_000n);
  });

  it('gets a key that holds what the job takes, and no more', async () => {
    const quote = await quoted(toHex(createKey(params).publicKey));
    const { reward, bond, locked, record } = quote;
    expect(locked).toBeGreaterThan(reward + bond + 10_000n);
    expect(locked).toBeLessThan(reward + bond + 10_000n + 200_000n);
    expect(record.job.client).toBe(toHex(detachedKey(record.detached!, params).publicKey));
    expect(record.job.client).not.toBe(toHex(buyer.publicKey));
    expect(JSON.stringify(record)).not.toContain(toHex(buyer.privateKey));
    quote.release();
  });

  it('drives a job to its answer though letters get lost, and sends all but its fee home', async () => {
    const before = await market.balance(buyer);
    const { start, publicKey, key } = watch('honest');
    const end = start();
    const rpc = market.rpc();
    const call = rpc.call.bind(rpc);
    let lost = 0;
    rpc.call = (async (method: string, ...rest: unknown[]) => {
      if (method === 'sendletter' && lost++ === 0) return { status: 'new' };
      return call(method, ...rest);
    }) as typeof rpc.call;
    const chain = new ChainClient(rpc);
    const { record } = await quoted(publicKey);
    const driven = await handOver(hands(chain), records, record, signal);
    expect(lost).toBeGreaterThan(1);
    expect(driven.detached?.state).toBe('driven');
    const ended = await fetched(driven);
    expect(ended).toMatchObject({ outcome: 'settled', verdict: { result: 'valid' } });
    expect(ended.answer?.text).not.toBe('');
    const job = detachedKey(record.detached!, params);
    expect(await market.balance(job)).toBe(0n);
    expect(await market.balance(key)).toBe(10_000n);
    const paid = before - (await market.balance(buyer));
    expect(paid).toBeGreaterThan(12n * 1000n + 10_000n);
    expect(paid).toBeLessThan(12n * 1000n + 10_000n + 10_000n);
    await end();
    rpc.close();
  });

  it('lets go when its buyer takes the job back, who goes on to the end', async () => {
    const before = await market.balance(buyer);
    const { start, publicKey, key } = watch('released');
    const end = start();
    const driven = await handed(publicKey);
    const { record, isReleased } = await takeBack(hands(), records, driven, signal);
    expect(isReleased).toBe(true);
    const own = detachedKey(record.detached!, params);
    const ended = await market.steadily(100, async () => {
      const ready = await prepareResumed({ ...hands(), interval: 30 }, records, record, signal);
      const wallet = new Wallet({ client: market.chain, keys: [own], params });
      const client = new JobClient({ ...hands(), wallet, key: own, interval: 30 });
      await client.pursue(ready.id, signal);
      return bringHome(
        { ...hands(), interval: 30 },
        records,
        records.load(ready.id),
        () => {},
        signal,
      );
    });
    expect(ended).toMatchObject({ outcome: 'settled', detached: { state: 'over' } });
    expect(await market.balance(own)).toBe(0n);
    expect(await market.balance(key)).toBe(0n);
    expect(before - (await market.balance(buyer))).toBeLessThan(12n * 1000n + 10_000n);
    await end();
  });

  it('that was home a while tells nobody else how a job went', async () => {
    const { start, publicKey } = watch('discreet');
    const driven = await (async () => {
      const end = start();
      const record = await handed(publicKey);
      await end();
      return record;
    })();
    const end = start();
    const stranger = toHex(createKey(params).privateKey);
    const other = { ...driven, detached: { ...driven.detached!, key: stranger } };
    await expect(fetchDetached(hands(), records, other, signal)).rejects.toMatchObject({
      code: 'JOB_NOT_TAKEN',
    });
    expect((await fetched(driven)).outcome).toBe('settled');
    await end();
  });
});
