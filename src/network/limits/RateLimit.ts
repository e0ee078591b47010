/** How much a {@link RateLimit} lets through. */
export interface Rate {
  /** Sustained amount per key and second. */
  readonly perSecond: number;
  /** Most at once, after a quiet time. */
  readonly burst: number;
  /** Most keys remembered (10,000 unless stated); each costs about 100 bytes. */
  readonly keys?: number;
  /** The time in milliseconds, from any start, never backwards; `performance.now` unless stated. */
  readonly now?: () => number;
}

interface Bucket {
  tokens: number;
  /** When `tokens` was right. */
  at: number;
}

const DEFAULT_KEYS = 10_000;

/**
 * A token bucket per key (a peer, an address, a subject): each fills at a steady rate up to its burst, and what it
 * doesn't hold isn't let through. Full buckets are forgotten, and so is the one longest unused where there are too many
 * keys; so whoever comes under ever new keys must be bounded by what keys cost, or by a limit over all.
 */
export class RateLimit {
  readonly #perMillisecond: number;
  readonly #burst: number;
  readonly #keys: number;
  readonly #now: () => number;
  /** The longest unused first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor({ perSecond, burst, keys = DEFAULT_KEYS, now = () => performance.now() }: Rate) {
    this.#perMillisecond = perSecond / 1000;
    this.#burst = burst;
    this.#keys = keys;
    this.#now = now;
  }

  /** Keys remembered now. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Takes an amount if it is there, all or nothing; false says that it must not be let through. */
  take(key: string, amount = 1): boolean {
    const now = this.#now();
    const bucket = this.#refilled(key, now);
    const isThere = bucket.tokens >= amount;
    if (isThere) bucket.tokens -= amount;
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    this.#forget(now);
    return isThere;
  }

  /** Milliseconds until an amount will be there; infinite for more than the burst. */
  wait(key: string, amount = 1): number {
    if (amount > this.#burst) return Number.POSITIVE_INFINITY;
    const { tokens } = this.#refilled(key, this.#now());
    return tokens >= amount ? 0 : (amount - tokens) / this.#perMillisecond;
  }

  /** Forgets a key, whose next amount comes from a full bucket. */
  forget(key: string): void {
    this.#buckets.delete(key);
  }

  #refilled(key: string, now: number): Bucket {
    const bucket = this.#buckets.get(key);
    if (!bucket) return { tokens: this.#burst, at: now };
    const gained = (now - bucket.at) * this.#perMillisecond;
    return { tokens: Math.min(this.#burst, bucket.tokens + gained), at: now };
  }

  /** Lets go of the oldest two where they are full again, and of any beyond the bound: two a call keep pace with one new key. */
  #forget(now: number): void {
    let looked = 0;
    for (const [key, bucket] of this.#buckets) {
      const isFull = bucket.tokens + (now - bucket.at) * this.#perMillisecond >= this.#burst;
      const isBeyond = this.#buckets.size > this.#keys;
      if (isFull || isBeyond) this.#buckets.delete(key);
      else return;
      if (++looked === 2 && !isBeyond) return;
    }
  }
}
