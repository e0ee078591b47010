import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { createKey, networkParameters } from '#src/chain/index.js';
import { costOfAll, jobCost } from '#src/commands/shared/job-cost.js';
import { type ClientRecord, returnBy, termsOf, traceJob } from '#src/job/index.js';
import { attackNamed } from '#src/rastic/index.js';
import { Market, request } from './market.js';

const params = networkParameters('regtest');
const PRICE = 1000n;

let market: Market;

beforeAll(async () => {
  market = await Market.open();
});
afterEach(() => market.endShifts());
afterAll(() => market?.close());

/** A job whose buyer goes away as soon as its seller has the prompt. */
async function leftAlone(): Promise<string> {
  const client = market.newClient();
  const away = new AbortController();
  client.on('event', ({ step }) => {
    if (step === 'accepted') away.abort();
  });
  const { id } = await client.submit(await client.quote(request(market)));
  await expect(client.follow(id, away.signal)).rejects.toThrow();
  return id;
}

const latest = async ({ job, escrow }: ClientRecord) =>
  traceJob(market.chain, termsOf(job, escrow!.offer, params), escrow!.txid);

describe('a buyer that is away', () => {
  it('is told a block at which an answer can still be contested, whenever the seller claims', async () => {
    await market.worker({ price: PRICE });
    const quoted = await market.client.quote(request(market));
    expect(await returnBy(market.chain, quoted.record, params)).toBeUndefined();
    const id = await leftAlone();
    const record = market.client.show(id);
    const before = await returnBy(market.chain, record, params);
    await market.until('worker', 'claimed', id);
    await market.mine(1);
    const { claim } = await latest(record);
    const last = claim!.height + params.disputeWindow - 2;
    expect(before!.height).toBeLessThanOrEqual(last);
    expect(await returnBy(market.chain, record, params)).toMatchObject({ height: last });
    await market.mineTo(last);
    const back = market.newClient();
    back.accuse(id);
    const ended = await back.follow(id, market.stop.signal);
    expect(ended.contest).toBeDefined();
    expect(['cleared', 'slashed']).toContain(ended.outcome);
    expect(await returnBy(market.chain, ended, params)).toBeUndefined();
  });

  it('knows what it has paid, though it never read the answer, when it comes back too late', async () => {
    await market.worker({ price: PRICE });
    const before = await market.balance(market.clientKey);
    const id = await leftAlone();
    await market.until('worker', 'claimed', id);
    await market.mine(1 + params.disputeWindow);
    await market.until('worker', 'released', id);
    // until the pool forgets the job, and the answer with it
    await market.mine(10);
    const ended = await market.newClient().follow(id, market.stop.signal);
    expect(ended).toMatchObject({ outcome: 'released', claimedTokens: 12 });
    expect(ended.answer).toBeUndefined();
    const cost = jobCost(ended)!;
    expect(cost).toMatchObject({ price: 12n * PRICE, verifierFees: 0n });
    expect(costOfAll([ended])).toBe(before - (await market.balance(market.clientKey)));
  });
});

describe('a contest that nobody judges', () => {
  it('costs its buyer the price and the fees, and no bond', async () => {
    await market.worker({ price: PRICE, dishonesty: attackNamed('tamper:2') });
    const before = await market.balance(market.clientKey);
    const verifiers = [toHex(createKey(params).publicKey)];
    const client = market.newClient();
    const { id } = await client.submit(await client.quote({ ...request(market), verifiers }));
    const ended = await market.steadily(200, () => client.follow(id, market.stop.signal));
    expect(ended).toMatchObject({ outcome: 'lapsed', verdict: { result: 'invalid' } });
    expect(jobCost(ended)).toMatchObject({ price: 12n * PRICE, verifierFees: 0n });
    expect(costOfAll([ended])).toBe(before - (await market.balance(market.clientKey)));
  });
});
