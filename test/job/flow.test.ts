import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Market, request } from './market.js';

let market: Market;

beforeAll(async () => {
  market = await Market.open();
});
afterAll(() => market?.close());

describe('a job from beginning to end', () => {
  it('ends in checked content, and pays the seller', async () => {
    await market.worker();
    const quote = await market.client.quote(request(market));
    await market.client.submit(quote);
    const record = await market.client.follow(quote.record.id, market.stop.signal);
    expect(market.problems()).toEqual([]);
    expect(record).toMatchObject({ outcome: 'settled', verdict: { result: 'valid' } });
    expect(record.positions).toBe(record.answer!.outputIds.length);
  });
});
