import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { receiptOf } from '#src/job/client/answer.js';
import {
  countReceipt,
  JobClient,
  type JobSpec,
  type Receipt,
  SellerBook,
  verifyReceipt,
} from '#src/job/index.js';
import { receiptCommitment, signCommitment } from '#src/job/receipt.js';
import { Market, request } from '../market.js';

let market: Market;
let book: SellerBook;
let client: JobClient;
let latest: Awaited<ReturnType<typeof bought>>;

beforeAll(async () => {
  market = await Market.open();
  book = new SellerBook(join(market.dir, 'sellers.json'));
  client = new JobClient({ ...market.common(market.clientKey, 'client'), sellers: book });
  market.watch(client);
});
afterAll(() => market?.close());

/** The same job, drawn hotter: the seller never signed for it. */
function hotter(job: JobSpec): JobSpec {
  return { ...job, sampling: { temperatureMilli: 2000, topK: 0, topPMilli: 1000 } };
}

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
    const verification = await verifyReceipt(receipt, model, { tau: 0.001 });
    const { numericClass: verifierClass } = model.info;
    const whole = { receipt, verification, calibration, verifierClass, record };
    expect(countReceipt(book, whole)).toMatchObject(counted);
    const other = new SellerBook(join(market.dir, 'other.json'));
    // what no calibration was made for says nothing of anybody
    expect(countReceipt(other, { ...whole, calibration: undefined })).toBeUndefined();
    expect(countReceipt(other, { ...whole, verifierClass: 'fp16/0/cuda' })).toBeUndefined();
    // nor does a sample, whose seed could be looked for
    const check = { sample: 10, seed: new Uint8Array(32) };
    const sampled = await verifyReceipt(receipt, model, { tau: 0.001, check });
    expect(sampled.positions).toBe(12);
    expect(countReceipt(other, { ...whole, verification: sampled })).toBeUndefined();
    expect(countReceipt(other, whole)).toMatchObject(counted);
  });

  it('takes no offer of one that was left, unless it is named', async () => {
    const [cheap] = book.list();
    const ratios = Array.from({ length: 20 }, () => 2);
    book.count({ seller: cheap!.seller, jobId: 'ff'.repeat(32), created: 1, ratios, flips: 20 });
    const dear = await market.worker({ price: 1500n });
    const record = await bought();
    expect(record.escrow!.offer.author).toBe(toHex(dear.key.publicKey));
    const told = market.events.filter(({ step }) => step === 'avoided');
    expect(told).toEqual([expect.objectContaining({ jobId: record.id, party: cheap!.seller })]);
    const named = await bought({ sellers: [cheap!.seller] });
    expect(named.escrow!.offer.author).toBe(cheap!.seller);
    expect(named.outcome).toBe('settled');
    latest = named;
  });

  it('counts nothing against a seller that it did not sign, or that it was not paid for by this buyer', async () => {
    const record = latest;
    const receipt = receiptOf(record)!;
    const { model, calibration } = market.model;
    const { numericClass: verifierClass } = model.info;
    const seller = record.escrow!.offer.author;
    const empty = new SellerBook(join(market.dir, 'empty.json'));
    const count = async (from: Receipt, by: typeof record | undefined = record) => {
      const verification = await verifyReceipt(from, model, { tau: 0.001 });
      const checked = { receipt: from, verification, calibration, verifierClass, record: by };
      return { verification, standing: countReceipt(empty, checked) };
    };
    const [first, ...rest] = receipt.outputIds;
    const wrong = { ...receipt, outputIds: [(first! + 1) % 2048, ...rest] };
    const tampered: [string, Receipt][] = [
      ['another token', wrong],
      ['another prompt', { ...receipt, promptIds: [...receipt.promptIds].reverse() }],
      ['another nonce', { ...receipt, nonce: new Uint8Array(32) }],
      ['another end', { ...receipt, finish: 'eos' }],
      ['another temperature', { ...receipt, job: hotter(receipt.job) }],
      ['another key', { ...receipt, seller: market.clientKey.publicKey }],
    ];
    for (const [name, from] of tampered) {
      const { verification, standing } = await count(from);
      expect([name, verification.verdict.result]).toEqual([name, 'invalid']);
      expect([name, standing]).toEqual([name, undefined]);
    }
    // signed by a stranger's own key, in the name of nobody that was paid
    const forged = { ...wrong, seller: market.clientKey.publicKey };
    const signature = signCommitment(receiptCommitment(forged), market.clientKey.privateKey);
    expect((await count({ ...forged, signature })).standing).toBeUndefined();
    // a stranger's receipt, one of another job of the buyer, one of a planted job
    const strangers = await verifyReceipt(receipt, model, { tau: 0.001 });
    const theirs = { receipt, verification: strangers, calibration, verifierClass };
    expect(countReceipt(empty, { ...theirs, record: undefined })).toBeUndefined();
    const another = { ...record, id: 'ab'.repeat(32) };
    expect(countReceipt(empty, { ...theirs, record: another })).toBeUndefined();
    const planted = { ...record, planted: true as const };
    expect(countReceipt(empty, { ...theirs, record: planted })).toBeUndefined();
    expect(empty.list()).toEqual([]);
    expect((await count(receipt)).standing).toMatchObject({ seller, jobs: 1, tokens: 12 });
  });
});
