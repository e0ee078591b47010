import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseAmount } from '#src/base/index.js';
import { createKey, networkParameters } from '#src/chain/index.js';
import type { ClientRecord, JobClient } from '#src/job/index.js';
import { COIN, Market, request } from './market.js';

const params = networkParameters('regtest');
const JOBS = 20;

let market: Market;

beforeAll(async () => {
  market = await Market.open();
  await market.pay(market.clientKey, Array<bigint>(JOBS).fill(COIN / 10n));
});
afterEach(() => market.endShifts());
afterAll(() => market?.close());

/** Announces so many jobs at once, each on a coin of its own. */
async function announceAll(client: JobClient, count: number, retries = 0): Promise<ClientRecord[]> {
  const asked = { ...request(market), lifetime: 200, retries };
  return Promise.all(
    Array.from({ length: count }, async () => client.submit(await client.quote(asked))),
  );
}

/** A seller whose coins are enough for so many stakes of the jobs here. */
async function sellerWith(stakes: bigint, maxJobs?: number) {
  const { record } = await market.newClient().quote(request(market));
  const key = createKey(params);
  await market.pay(key, [stakes * (parseAmount(record.job.stake) + 40_000n)]);
  return market.hire(key, maxJobs === undefined ? {} : { maxJobs });
}

describe('twenty jobs at once', () => {
  it('are all settled by four sellers, none of whom takes more than its coins can stake', async () => {
    const sellers = [];
    for (let i = 0; i < 4; i++) sellers.push(await sellerWith(5n));
    const client = market.newClient();
    // a slow machine may let offers lapse before they are taken: their jobs are then given back, and announced anew
    const announced = await announceAll(client, JOBS, 5);
    expect(new Set(announced.map(({ job }) => job.coin)).size).toBe(JOBS);
    // stakes come back with time, so blocks must go on
    const ended = await market.steadily(1000, () =>
      Promise.all(announced.map(({ id }) => client.pursue(id, market.stop.signal))),
    );
    expect(ended.map(({ outcome }) => outcome)).toEqual(Array(JOBS).fill('settled'));
    const sold = ended.map(({ escrow }) => escrow!.offer.author);
    expect(new Set(sold).size).toBe(4);
    const why = market.events
      .filter(({ step }) => step === 'withdrawn')
      .map(({ detail }) => detail);
    expect(new Set([...why, 'its coins stand for other jobs']).size).toBe(1);
    expect(market.problems()).toEqual([]);
  }, 240_000);
});

describe('a seller that was chosen for more than it can do', () => {
  it('gives back at once what is too much, and the buyer asks another one', async () => {
    const small = await sellerWith(10n, 1);
    const client = market.newClient();
    const before = market.events.length;
    const announced = await announceAll(client, 3, 3);
    const pursuits = announced.map(({ id }) => client.pursue(id, market.stop.signal));
    await market.until('client', 'chosen', announced[0]!.id);
    await sellerWith(20n);
    const ended = await Promise.all(pursuits);
    expect(ended.map(({ outcome }) => outcome)).toEqual(Array(3).fill('settled'));
    const told = market.events.slice(before).filter(({ step }) => step === 'withdrawn');
    for (const { detail } of told) expect(detail).toBe('it has too many jobs in hand');
    await small.end();
  });
});
