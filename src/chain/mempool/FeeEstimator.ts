import { hashKey } from '../consensus/coins.js';
import type { FeeRate, MempoolEntry } from './entry.js';

/** Farthest target that can be asked for, in blocks. */
export const MAX_TARGET = 1_008;
/** How many blocks of experience count. */
const WINDOW = 2 * MAX_TARGET;
/** Rates from 1 unit per byte on, each a tenth above the one before, as base units per 1,000 bytes. */
const SPACING = 1.1;
const LOWEST = 1_000;
const HIGHEST = 1e7;
const BUCKETS: readonly number[] = Array.from(
  { length: Math.ceil(Math.log(HIGHEST / LOWEST) / Math.log(SPACING)) + 1 },
  (_, index) => Math.ceil(LOWEST * SPACING ** index),
);
/** A judgement rests on at least so many transactions. */
const SUFFICIENT = 10;

/** How a range of rates has fared. */
export interface RateRange {
  /** Base units per 1,000 bytes, both ends. */
  readonly from: number;
  readonly to: number;
  /** Transactions that a block took within the target, that any block took, that wait longer, that were given up. */
  readonly within: number;
  readonly confirmed: number;
  readonly waiting: number;
  readonly left: number;
}

/** What experience says of a target. */
export interface Estimate {
  /** Base units per 1,000 bytes; undefined when too little has been seen, or no rate was good enough. */
  readonly feeRate: bigint | undefined;
  /** The lowest range that was good enough, and the one below it that was not. */
  readonly pass: RateRange | undefined;
  readonly fail: RateRange | undefined;
}

interface Sample {
  readonly bucket: number;
  /** Blocks until one took it; undefined: it was given up. */
  readonly waited: number | undefined;
}

interface Sums {
  within: number;
  confirmed: number;
  waiting: number;
  left: number;
}

function bucketOf({ fee, size }: FeeRate): number {
  const rate = (Number(fee) * 1_000) / size;
  let low = 0;
  let high = BUCKETS.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (BUCKETS[middle]! <= rate) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * Estimates fees from what this node itself has seen, as Bitcoin Core does: for each transaction that came into the
 * mempool, how many blocks it waited for what it paid. Transactions with unconfirmed parents, and those whose fee was
 * changed by hand, don't count, since it is not their own rate that decided. What it has seen is forgotten on a stop.
 */
export class FeeEstimator {
  /** Entries that are followed, with the bucket of each. */
  readonly #followed = new Map<string, { bucket: number; height: number }>();
  /** What each of the last blocks taught, oldest first. */
  readonly #blocks: { height: number; samples: Sample[] }[] = [];
  #pending: Sample[] = [];

  /** A transaction came in. */
  entered(entry: MempoolEntry): void {
    if (entry.parents.size > 0 || entry.modifiedFee !== entry.fee) return;
    this.#followed.set(hashKey(entry.hash), { bucket: bucketOf(entry), height: entry.height });
  }

  /** Transactions went without a block: replaced, evicted, expired or made impossible. */
  left(entries: readonly MempoolEntry[]): void {
    for (const { hash } of entries) {
      const found = this.#forget(hash);
      if (found) this.#pending.push({ bucket: found.bucket, waited: undefined });
    }
  }

  /** A block of this height took transactions of the mempool. */
  confirmed(height: number, entries: readonly MempoolEntry[]): void {
    const samples = this.#pending;
    this.#pending = [];
    for (const { hash } of entries) {
      const found = this.#forget(hash);
      if (!found) continue;
      samples.push({ bucket: found.bucket, waited: Math.max(height - found.height, 1) });
    }
    this.#blocks.push({ height, samples });
    if (this.#blocks.length > WINDOW) this.#blocks.shift();
  }

  /**
   * The lowest rate at which nearly all were confirmed in time. From the highest rate down, buckets are joined until
   * enough transactions are together; the range counts as good when the asked share of all that ever came with such a
   * rate was taken within the target.
   * @param target blocks, 1 to {@link MAX_TARGET}
   * @param height of the tip
   * @param threshold share, 0 to 1
   */
  estimate(target: number, height: number, threshold: number): Estimate {
    const sums = this.#sums(target, height);
    let pass: RateRange | undefined;
    let top = BUCKETS.length - 1;
    let range: Sums = { within: 0, confirmed: 0, waiting: 0, left: 0 };
    for (let bucket = top; bucket >= 0; bucket--) {
      const each = sums[bucket]!;
      for (const name of ['within', 'confirmed', 'waiting', 'left'] as const) {
        range[name] += each[name];
      }
      const seen = range.confirmed + range.waiting + range.left;
      if (seen < SUFFICIENT) continue;
      const found = { from: BUCKETS[bucket]!, to: BUCKETS[top]!, ...range };
      if (range.within / seen < threshold) {
        return { feeRate: pass && BigInt(pass.from), pass, fail: found };
      }
      pass = found;
      top = bucket - 1;
      range = { within: 0, confirmed: 0, waiting: 0, left: 0 };
    }
    return { feeRate: pass && BigInt(pass.from), pass, fail: undefined };
  }

  #forget(hash: Uint8Array): { bucket: number; height: number } | undefined {
    const key = hashKey(hash);
    const found = this.#followed.get(key);
    this.#followed.delete(key);
    return found;
  }

  #sums(target: number, height: number): Sums[] {
    const sums = BUCKETS.map(() => ({ within: 0, confirmed: 0, waiting: 0, left: 0 }));
    for (const { samples } of this.#blocks) {
      for (const { bucket, waited } of samples) {
        const sum = sums[bucket]!;
        if (waited === undefined) sum.left++;
        else {
          sum.confirmed++;
          if (waited <= target) sum.within++;
        }
      }
    }
    for (const { bucket, height: since } of this.#followed.values()) {
      if (height - since >= target) sums[bucket]!.waiting++;
    }
    return sums;
  }
}
