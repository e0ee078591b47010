import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { receiptOf } from '#src/job/client/answer.js';
import { countReceipt, JobClient, SellerBook, verifyReceipt } from '#src/job/index.js';
import { Market, request } from '../market.js';

let market: Market;
let book: SellerBook;
let client: JobClient;

beforeAll(async () => {
  market = await Market.open();
  book = new SellerBook(join(market.dir, 'sellers.json'));
  client = new JobClient({ ...market.common(market.clientKey, 'client'), sellers: book });
  market.watch(client);
});
afterAll(() => market?.close());

async function bought(changes: object = {}) {
  const { id } = await client.submit(await client.quote({ ...request(market), ...changes }));
  return client.pursue(id, market.stop.signal);
}

describe('a buyer that remembers its sellers', () => {
  it('counts its own check of each job, and a receipt of the same job no second time', async () => {
    await market.worker({ price: 500n });
    const record = await bought();
    const seller = record.escrow!.offer.author;
    const counted = { seller, jobs: 1, tokens: 12, flips: 0, verdict: 'open' };
    expect(book.list()).toEqual([expect.objectContaining(counted)]);
    const receipt = receiptOf(record)!;
    const { model, calibration } = market.model;
    const checked = await verifyReceipt(receipt, model, { tau: 0.001 });
    const { numericClass } = model.info;
    expect(countReceipt(book, receipt, checked, calibration, numericClass)).toMatchObject(counted);
    const other = new SellerBook(join(market.dir, 'other.json'));
    expect(countReceipt(other, receipt, checked, calibration, numericClass)).toMatchObject(counted);
    // what nobody signed, or no calibration was made for, says nothing of anybody
    const unsigned = { ...checked, checks: { ...checked.checks, signature: false } };
    expect(countReceipt(other, receipt, unsigned, calibration, numericClass)).toBeUndefined();
    expect(countReceipt(other, receipt, checked, undefined, numericClass)).toBeUndefined();
    expect(countReceipt(other, receipt, checked, calibration, 'fp16/0/cuda')).toBeUndefined();
  });

  it('takes no offer of one that was left, unless it is named', async () => {
    const [cheap] = book.list();
    const ratios = Array.from({ length: 20 }, () => 2);
    book.count({ seller: cheap!.seller, jobId: 'ff'.repeat(32), ratios, flips: 20 });
    const dear = await market.worker({ price: 1500n });
    const record = await bought();
    expect(record.escrow!.offer.author).toBe(toHex(dear.key.publicKey));
    const told = market.events.filter(({ step }) => step === 'avoided');
    expect(told).toEqual([expect.objectContaining({ jobId: record.id, party: cheap!.seller })]);
    const named = await bought({ sellers: [cheap!.seller] });
    expect(named.escrow!.offer.author).toBe(cheap!.seller);
    expect(named.outcome).toBe('settled');
  });
});
