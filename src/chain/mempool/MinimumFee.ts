import type { FeeRate } from './entry.js';

/** Least fee that is relayed, in base units per byte. */
export const MIN_RELAY_FEE_RATE = 1n;

/** What a replacement, or whatever comes after an eviction, must pay more, in base units per byte. */
export const INCREMENTAL_FEE_RATE = 1n;

/** Seconds after which the minimum has halved, once a block has made room. */
const HALF_LIFE = 12 * 3600;
/** Seconds between two looks at it. */
const STEP = 10;
const PER_KILOBYTE = 1000;

/** Fee of so many bytes at a rate in base units per 1,000 bytes, rounded up as Bitcoin Core does. */
export function feeAt(perKilobyte: bigint, size: number): bigint {
  return (perKilobyte * BigInt(size) + 999n) / 1000n;
}

/**
 * The rate that a full mempool asks for, as Bitcoin Core's rolling minimum: an eviction raises it above what was
 * evicted, and from the next block on it falls, by half in 12 hours, faster while the mempool is far from full.
 */
export class MinimumFee {
  /** Base units per 1,000 bytes; what nodes relay is their own choice, so that this may be a double. */
  #rate = 0;
  #updated = 0;
  #blockCame = false;

  /** A package of this rate was evicted. */
  raise({ fee, size }: FeeRate): void {
    const rate = (Number(fee) * PER_KILOBYTE) / size + Number(INCREMENTAL_FEE_RATE) * PER_KILOBYTE;
    if (rate <= this.#rate) return;
    this.#rate = rate;
    this.#blockCame = false;
  }

  /** @param now seconds since 1970 */
  blockConnected(now: number): void {
    this.#blockCame = true;
    this.#updated = now;
  }

  /**
   * The minimum in base units per 1,000 bytes; 0 when nothing was evicted lately.
   * @param now seconds since 1970
   * @param filled share of the mempool that is taken, 0 to 1
   */
  at(now: number, filled: number): bigint {
    if (this.#rate === 0 || !this.#blockCame) return BigInt(Math.ceil(this.#rate));
    if (now > this.#updated + STEP) {
      const halfLife = filled < 1 / 4 ? HALF_LIFE / 4 : filled < 1 / 2 ? HALF_LIFE / 2 : HALF_LIFE;
      this.#rate /= 2 ** ((now - this.#updated) / halfLife);
      this.#updated = now;
      if (this.#rate < (Number(INCREMENTAL_FEE_RATE) * PER_KILOBYTE) / 2) this.#rate = 0;
    }
    if (this.#rate === 0) return 0n;
    const least = INCREMENTAL_FEE_RATE * BigInt(PER_KILOBYTE);
    const rounded = BigInt(Math.ceil(this.#rate));
    return rounded > least ? rounded : least;
  }
}
