import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hash160, type KeyPair, networkParameters, p2pkhScript, Wallet } from '#src/chain/index.js';
import { costOfAll } from '#src/commands/shared/job-cost.js';
import type { ClientRecord, JobRequest, WorkerOptions } from '#src/job/index.js';
import {
  createMessage,
  decodeReceipt,
  encodeReceipt,
  isContestable,
  jobIdHex,
  receiptOf,
  verifyReceipt,
} from '#src/job/index.js';
import { attackNamed, isExpected } from '#src/rastic/index.js';
import { declareModel, publishModel } from '#src/reward/index.js';
import { COIN, Market, request } from './market.js';

let market: Market;

beforeAll(async () => {
  market = await Market.open();
});
afterEach(() => market.endShifts());
afterAll(() => market?.close());

/** Buys one answer from one seller, who goes home afterwards. */
async function buy(
  seller: Partial<WorkerOptions>,
  accuse = false,
  changes: Partial<JobRequest> = {},
): Promise<ClientRecord> {
  await market.worker(seller);
  const quote = await market.client.quote({ ...request(market), lifetime: 20, ...changes });
  await market.client.submit(quote);
  const { id } = quote.record;
  let record = await market.client.follow(id, market.stop.signal);
  if (accuse) {
    market.client.accuse(id);
    record = await market.client.follow(id, market.stop.signal);
  }
  return record;
}

describe('a job from beginning to end', () => {
  afterEach(() => {
    expect(market.problems()).toEqual([]);
  });

  it('ends in checked content, pays the seller, and leaves a receipt that stands alone', async () => {
    const record = await buy({});
    expect(record).toMatchObject({ outcome: 'settled', verdict: { result: 'valid' } });
    expect(record.positions).toBe(record.answer!.outputIds.length);
    const receipt = receiptOf(record)!;
    const text = encodeReceipt(receipt);
    const { job, promptIds, outputIds } = receipt;
    const free = JSON.stringify(job).length + JSON.stringify([...promptIds, ...outputIds]).length;
    expect(text.length - free).toBeLessThanOrEqual(512);
    const { verdict } = await verifyReceipt(decodeReceipt(text), market.model.model, {
      tau: 0.001,
    });
    expect(verdict).toEqual({ result: 'valid' });
  });

  it.each(['tamper:3', 'truncate', 'withhold', 'substitute'])(
    'slashes a seller that cheats by %s, and gives the buyer the money back',
    async (name) => {
      const before = await market.balance(market.clientKey);
      const dishonesty = attackNamed(name);
      const receiptFile = join(market.dir, `${name}.json`);
      const record = await buy({ dishonesty }, false, { receiptFile });
      expect(record.outcome).toBe('slashed');
      // who was cheated has it in hand, wherever there was an answer
      expect(existsSync(receiptFile)).toBe(record.answer !== undefined);
      if (record.answer) {
        const shown = decodeReceipt(readFileSync(receiptFile, 'utf8'));
        const { verdict } = await verifyReceipt(shown, market.model.model, { tau: 0.001 });
        expect(verdict).toMatchObject({ result: 'invalid' });
      }
      expect(record.verdict).toMatchObject({ result: 'invalid' });
      if (name === 'tamper:3') {
        expect(isExpected(record.verdict!, { kinds: ['integrity'], position: 3 })).toBe(true);
      }
      if (name === 'withhold') expect(record.verdict).toMatchObject({ kind: 'undelivered' });
      // all comes back but what tokens went unused is the buyer's anyway: only miners' fees are gone
      const cost = before - (await market.balance(market.clientKey));
      expect(cost).toBeLessThan(20_000n);
      expect(costOfAll([record])).toBe(cost);
    },
  );

  it('clears a seller whose accuser was wrong', async () => {
    const before = await market.balance(market.clientKey);
    const record = await buy({}, true);
    expect(record.outcome).toBe('cleared');
    // what its record says of it alone does not make it one that can be contested
    const said = { ...record, outcome: 'settled' } as const;
    expect(await isContestable(market.chain, said, networkParameters('regtest'))).toBe(false);
    expect(costOfAll([record])).toBe(before - (await market.balance(market.clientKey)));
  });

  it('refunds the buyer at its height when the seller dies after the escrow', async () => {
    const before = await market.balance(market.clientKey);
    const seller = await market.worker();
    const ended = seller.end;
    seller.worker.on('event', ({ step }) => {
      if (step === 'offered') void ended();
    });
    const quote = await market.client.quote({ ...request(market), lifetime: 12 });
    await market.client.submit(quote);
    const following = market.client.follow(quote.record.id, market.stop.signal);
    await market.until('client', 'accepted', quote.record.id);
    await market.mineTo(quote.record.job.expires);
    const record = await following;
    expect(record.outcome).toBe('refunded');
    const cost = before - (await market.balance(market.clientKey));
    expect(cost).toBeLessThan(5_000n);
    expect(costOfAll([record])).toBe(cost);
  });

  it('closes a job that nobody offers on, without any money locked', async () => {
    const before = await market.balance(market.clientKey);
    const quote = await market.client.quote({ ...request(market), lifetime: 12 });
    await market.client.submit(quote);
    await market.mineTo(quote.record.job.expires);
    const record = await market.client.follow(quote.record.id, market.stop.signal);
    expect(record).toMatchObject({ outcome: 'closed', why: 'no seller offered in time' });
    expect(await market.balance(market.clientKey)).toBe(before);
  });

  it('is taken back by its buyer before an offer is taken, and not after', async () => {
    const quote = await market.client.quote(request(market));
    await market.client.submit(quote);
    expect(await market.client.cancel(quote.record.id)).toMatchObject({ outcome: 'closed' });
    await expect(market.client.cancel(quote.record.id)).rejects.toThrow('has ended');
  });
});

describe('a buyer that dies', () => {
  const honest = ['announced', 'chosen', 'escrowed', 'accepted', 'opened', 'checked'] as const;
  const cheated = ['checked', 'contested', 'slashed'] as const;

  it.each([
    ...honest.map((step) => [step, 'settled', undefined] as const),
    ...cheated.map((step) => [step, 'slashed', 'tamper:2'] as const),
  ])('at the step "%s" finishes when it is started again: %s', async (step, outcome, cheat) => {
    await market.worker(cheat ? { dishonesty: attackNamed(cheat) } : {});
    const mortal = market.newClient();
    const death = new Error(`killed at ${step}`);
    const quote = await mortal.quote(request(market));
    mortal.on('event', (event) => {
      if (event.step === step && event.jobId === quote.record.id) throw death;
    });
    const run = async (): Promise<unknown> => {
      await mortal.submit(quote);
      return mortal.follow(quote.record.id, market.stop.signal);
    };
    await expect(run()).rejects.toBe(death);
    const next = market.newClient();
    const record = await next.follow(quote.record.id, market.stop.signal);
    expect(record.outcome).toBe(outcome);
    if (outcome === 'settled') expect(receiptOf(record)).toBeDefined();
  });
});

describe('a seller that dies', () => {
  const steps = ['offered', 'started', 'committed', 'claimed', 'released'] as const;

  it.each(steps)('at the step "%s" finishes when it is started again', async (step) => {
    const { worker, key, end, restart } = await market.worker();
    worker.on('event', (event) => {
      if (event.step === step) void end();
    });
    const quote = await market.client.quote(request(market));
    await market.client.submit(quote);
    const following = market.client.follow(quote.record.id, market.stop.signal);
    if (step !== 'released') {
      await market.until('worker', step, quote.record.id);
      await end();
    }
    if (step !== 'released') restart();
    const record = await following;
    expect(record.outcome).toBe('settled');
    await market.mine(11);
    await market.until('worker', 'released', quote.record.id);
    await market.mine(1);
    const earned = (await market.balance(key)) - 10n * COIN;
    expect(earned).toBeGreaterThan(0n);
  });
});

describe('a job of a model that asks for an amount for each', () => {
  const FEE = 1_000_000n;
  let author: KeyPair;
  /** What the author has been paid since it was asked for last. */
  let had = 0n;
  const income = async (): Promise<bigint> => {
    const now = await market.balance(author);
    const gained = now - had;
    had = now;
    return gained;
  };

  beforeAll(async () => {
    author = await market.funded(1n);
    const params = networkParameters('regtest');
    const wallet = new Wallet({ client: market.chain, keys: [author], params });
    const asks = { feePpm: 100_000, feePerJob: FEE };
    const owner = p2pkhScript(hash160(author.publicKey));
    const says = { id: market.model.id, name: 'tiny', licence: 'MIT', size: 7, parents: [] };
    await publishModel(wallet, await declareModel(market.chain, { ...says, ...asks, owner }));
    await market.mine(1);
    await income();
  });

  it('locks it beside the price, pays it with the claim, and leaves the seller what it asked', async () => {
    const before = await market.balance(market.clientKey);
    const { key } = await market.worker();
    const quote = await market.client.quote({ ...request(market), lifetime: 20 });
    const { job } = quote.record;
    expect(job).toMatchObject({ feePpm: 100_000, feePerJob: '0.01000000' });
    expect(quote.reward).toBe(12n * 20_000n + FEE);
    await market.client.submit(quote);
    const record = await market.client.follow(quote.record.id, market.stop.signal);
    expect(record.outcome).toBe('settled');
    const tokens = BigInt(record.answer!.outputIds.length);
    expect(await income()).toBe((tokens * 1000n) / 10n + FEE);
    expect(costOfAll([record])).toBe(before - (await market.balance(market.clientKey)));
    await market.mine(11);
    await market.until('worker', 'released', quote.record.id);
    await market.mine(1);
    const claimed = market.events.find(
      ({ step, jobId }) => step === 'claimed' && jobId === record.id,
    );
    expect(claimed!.amount).toBe(tokens * 900n);
    // what the seller paid miners for claim and release
    const miners = 10n * COIN + tokens * 900n - (await market.balance(key));
    expect(miners).toBeGreaterThan(0n);
    expect(miners).toBeLessThan(20_000n);
  });

  it('gives it back to the buyer out of the stake where the answer was false', async () => {
    const before = await market.balance(market.clientKey);
    const record = await buy({ dishonesty: attackNamed('tamper:3') });
    expect(record.outcome).toBe('slashed');
    const cost = before - (await market.balance(market.clientKey));
    expect(cost).toBeLessThan(20_000n);
    expect(costOfAll([record])).toBe(cost);
    expect(await income()).toBeGreaterThan(FEE);
  });

  it('is offered on by nobody where the buyer leaves it out, or names less', async () => {
    await market.pay(market.clientKey, [COIN, COIN]);
    const unfair: string[] = [];
    for (const change of [{}, { feePerJob: '0.00999999' }]) {
      const { record } = await market.client.quote({ ...request(market), lifetime: 20 });
      const { feePerJob: _, ...rest } = record.job;
      const job = { ...rest, ...change };
      const id = jobIdHex(job);
      const announce = createMessage('announce', id, 0, { job }, market.clientKey.privateKey);
      await market.client.submit({ record: { ...record, id, job, announce } });
      unfair.push(id);
    }
    // the seller that takes the job after them has seen both
    expect((await buy({})).outcome).toBe('settled');
    for (const id of unfair) {
      expect(market.steps('worker', id)).toEqual([]);
      await market.client.cancel(id);
    }
  });
});
