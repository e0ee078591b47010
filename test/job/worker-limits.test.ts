import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { formatAmount, toHex } from '#src/base/index.js';
import { createKey, networkParameters } from '#src/chain/index.js';
import { type JobSpec, leastStake } from '#src/job/spec.js';
import { JobWorker } from '#src/job/worker/JobWorker.js';
import { limitFault } from '#src/job/worker/limits.js';
import { makeJob } from './make.js';
import { COIN, Market, request } from './market.js';

const REGTEST = networkParameters('regtest');
const key = (): string => toHex(createKey(REGTEST).publicKey);
const [A, B, C, D] = [key(), key(), key(), key()] as const;

/** A job of 100 tokens at 100 units, and what is changed in it; its stake is the least. */
function job(changes: Partial<JobSpec> = {}): JobSpec {
  const fee = BigInt(Math.round(Number(changes.verifierFee ?? 0.00001) * 1e8));
  const stake = leastStake(1000n, 100, fee, 3);
  const base = { maxTokens: 100, pricePerToken: formatAmount(1000n), stake, threshold: 2 };
  return makeJob({ ...base, verifiers: [A, B, C], ...changes });
}
const drawn = {
  registry: '11'.repeat(32),
  size: 7,
  count: 3,
  drawHash: '22'.repeat(32),
};
const price = 1000n;

describe('by whom a seller lets itself be judged', () => {
  it('is by drawn verifiers only, unless it says otherwise', () => {
    expect(limitFault(job({ verifiers: drawn }), { price })).toBeUndefined();
    expect(limitFault(job(), { price })).toBe('verifiers that the buyer chose');
  });

  it('is by the keys it names, all of them, and by any where it says so', () => {
    expect(limitFault(job(), { price, acceptVerifiers: [C, B, A, D] })).toBeUndefined();
    expect(limitFault(job(), { price, acceptVerifiers: [A, B] })).toBe(
      'verifiers that are not accepted',
    );
    expect(limitFault(job({ verifiers: drawn }), { price, acceptVerifiers: [A] })).toBe(
      'verifiers that are not accepted',
    );
    for (const verifiers of [drawn, [A, B, C]]) {
      expect(limitFault(job({ verifiers }), { price, acceptVerifiers: 'any' })).toBeUndefined();
    }
  });
});

describe('what a seller risks for a job', () => {
  const large = { maxTokens: 1000, verifiers: drawn };
  const withFee = (fee: bigint) =>
    job({ ...large, verifierFee: formatAmount(fee), stake: formatAmount(1_000_000n + 3n * fee) });

  it('is no fees above what the job brings it, whatever price the buyer names', () => {
    expect(limitFault(withFee(333_333n), { price })).toBeUndefined();
    expect(limitFault(withFee(333_334n), { price })).toBe('verifiers that cost too much');
    expect(limitFault(withFee(333_333n), { price: 500n })).toBe('verifiers that cost too much');
  });

  it('is fees of 0.0025 coins and a stake of 0.01 for the smallest job', () => {
    const tiny = (fee: string, stake: string) =>
      limitFault(job({ maxTokens: 1, verifiers: drawn, verifierFee: fee, stake }), { price: 1n });
    expect(tiny('0.00083333', '0.01000000')).toBeUndefined();
    expect(tiny('0.00083334', '0.01000000')).toBe('verifiers that cost too much');
    expect(tiny('0.00083333', '0.01000001')).toBe('too large a stake');
  });

  it('is a stake of twelve times what the job brings it, or what it says itself', () => {
    const staking = (stake: bigint) => job({ ...large, stake: formatAmount(stake) });
    expect(limitFault(staking(12_000_000n), { price })).toBeUndefined();
    expect(limitFault(staking(12_000_001n), { price })).toBe('too large a stake');
    expect(limitFault(staking(COIN), { price, maxStake: COIN })).toBeUndefined();
    expect(limitFault(staking(COIN + 1n), { price, maxStake: COIN })).toBe('too large a stake');
  });

  it('is a stake for the fee of the model up to what the job brings it, and within what it says itself', () => {
    const asking = (fee: bigint, stake: bigint) =>
      job({ ...large, feePerJob: formatAmount(fee), stake: formatAmount(stake) });
    expect(limitFault(asking(COIN / 100n, 13_000_000n), { price })).toBeUndefined();
    expect(limitFault(asking(COIN / 100n, 13_000_001n), { price })).toBe('too large a stake');
    expect(limitFault(asking(COIN / 100n + 1n, 12_000_000n), { price })).toBeUndefined();
    expect(limitFault(asking(COIN / 100n + 1n, 12_000_001n), { price })).toBe('too large a stake');
    const dear = { price: price * 20n };
    expect(limitFault(asking(COIN / 5n, 260_000_000n), dear)).toBeUndefined();
    expect(limitFault(asking(COIN / 5n + 1n, 240_000_001n), dear)).toBe('too large a stake');
    expect(limitFault(asking(COIN - 1_003_000n, COIN), { price, maxStake: COIN })).toBeUndefined();
    expect(limitFault(asking(COIN, COIN + 1_003_000n), { price, maxStake: COIN })).toBe(
      'too large a stake',
    );
  });
});

describe('a seller with the usual options', () => {
  let market: Market;
  beforeAll(async () => {
    market = await Market.open();
  });
  afterEach(() => market.endShifts());
  afterAll(() => market?.close());

  it("offers on no job whose buyer lists the buyer's own keys; one that takes any does", async () => {
    const usual = new JobWorker({
      ...market.common(await market.funded(), 'usual'),
      price: 1000n,
    });
    const stop = new AbortController();
    const running = usual.run(stop.signal);
    const quote = await market.client.quote({ ...request(market), verifiers: [A, B, C] });
    const { id } = await market.client.submit(quote);
    await market.worker({ acceptVerifiers: 'any' });
    await market.until('worker', 'offered', id);
    expect((await market.client.follow(id, market.stop.signal)).outcome).toBe('settled');
    expect(usual.open()).toEqual([]);
    stop.abort();
    await running;
  });
});
