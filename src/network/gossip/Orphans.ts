import { hashKey, type Transaction } from '../../chain/index.js';
import type { PeerId } from '../host/Host.js';

/** A transaction that spends what is not known here yet. */
export interface Orphan {
  readonly transaction: Transaction;
  readonly encoded: Uint8Array;
  /** 32 bytes in byte order. */
  readonly hash: Uint8Array;
  readonly from: PeerId;
  /** Hashes of the transactions whose outputs it spends and that are not known. */
  readonly missing: readonly Uint8Array[];
}

/** Bounds of {@link Orphans}. */
export const ORPHAN_BOUNDS = { count: 200, perPeer: 50, bytes: 4 << 20, milliseconds: 20 * 60_000 };

/** Transactions that wait for their parents, in bounded space and time; the oldest go first. */
export class Orphans {
  readonly #now: () => number;
  readonly #byKey = new Map<string, Orphan & { readonly at: number }>();
  readonly #byParent = new Map<string, Set<string>>();
  #bytes = 0;

  /** @param now milliseconds, from any start */
  constructor(now = (): number => performance.now()) {
    this.#now = now;
  }

  get size(): number {
    return this.#byKey.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  has(hash: Uint8Array): boolean {
    return this.#byKey.has(hashKey(hash));
  }

  /** Keeps one, at the cost of the same peer's oldest when it has too many, and of the oldest of all. */
  add(orphan: Orphan): void {
    const key = hashKey(orphan.hash);
    if (this.#byKey.has(key) || orphan.encoded.length > ORPHAN_BOUNDS.bytes / 4) return;
    const own = [...this.#byKey].filter(([, { from }]) => from === orphan.from);
    if (own.length >= ORPHAN_BOUNDS.perPeer) this.#remove(own[0]![0]);
    this.#byKey.set(key, { ...orphan, at: this.#now() });
    this.#bytes += orphan.encoded.length;
    for (const parent of orphan.missing) {
      const children = this.#byParent.get(hashKey(parent)) ?? new Set();
      this.#byParent.set(hashKey(parent), children.add(key));
    }
    this.expire();
    for (const oldest of this.#byKey.keys()) {
      if (this.#byKey.size <= ORPHAN_BOUNDS.count && this.#bytes <= ORPHAN_BOUNDS.bytes) return;
      this.#remove(oldest);
    }
  }

  /** Takes out those that wait for a transaction. */
  takeChildren(parent: Uint8Array): Orphan[] {
    const keys = [...(this.#byParent.get(hashKey(parent)) ?? [])];
    return keys.map((key) => this.#remove(key));
  }

  /** Takes out all. */
  takeAll(): Orphan[] {
    return [...this.#byKey.keys()].map((key) => this.#remove(key));
  }

  /** Forgets what a peer sent that is gone. */
  forget(peer: PeerId): void {
    for (const [key, { from }] of [...this.#byKey]) if (from === peer) this.#remove(key);
  }

  /** Forgets those that have waited too long. */
  expire(): void {
    const least = this.#now() - ORPHAN_BOUNDS.milliseconds;
    for (const [key, { at }] of [...this.#byKey]) if (at < least) this.#remove(key);
  }

  #remove(key: string): Orphan {
    const orphan = this.#byKey.get(key)!;
    this.#byKey.delete(key);
    this.#bytes -= orphan.encoded.length;
    for (const parent of orphan.missing) {
      const children = this.#byParent.get(hashKey(parent));
      children?.delete(key);
      if (children?.size === 0) this.#byParent.delete(hashKey(parent));
    }
    return orphan;
  }
}
