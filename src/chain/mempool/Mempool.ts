import { equalBytes, sha256, toHex } from '../../base/index.js';
import type { Outpoint, Transaction } from '../codec/transaction.js';
import { type Coin, hashKey, outpointKey } from '../consensus/coins.js';

/** A transaction that waits for a block. */
export interface MempoolEntry {
  readonly transaction: Transaction;
  /** 32 bytes in byte order. */
  readonly hash: Uint8Array;
  /** Encoded bytes. */
  readonly size: number;
  /** Base units. */
  readonly fee: bigint;
  /** When it came, in seconds since 1970. */
  readonly time: number;
  readonly signatureChecks: number;
  /** Coins it spends, one per input. */
  readonly spent: readonly Coin[];
  /** Entries here whose outputs it spends, and those that spend its outputs. */
  readonly parents: Set<MempoolEntry>;
  readonly children: Set<MempoolEntry>;
}

export type NewEntry = Omit<MempoolEntry, 'parents' | 'children'>;

/** Compares what two transactions or packages pay per byte, without rounding: negative when `a` pays less. */
export function compareFeeRates(
  a: { readonly fee: bigint; readonly size: number },
  b: { readonly fee: bigint; readonly size: number },
): number {
  const left = a.fee * BigInt(b.size);
  const right = b.fee * BigInt(a.size);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The entry and everything reached from it by `next`, each once. */
function reach(
  entry: MempoolEntry,
  next: (entry: MempoolEntry) => Iterable<MempoolEntry>,
): Set<MempoolEntry> {
  const found = new Set([entry]);
  // a set that grows while it is walked visits what was added
  for (const each of found) for (const other of next(each)) found.add(other);
  return found;
}

/** The entry and all that it depends on here. */
export function withAncestors(entry: MempoolEntry): Set<MempoolEntry> {
  return reach(entry, (each) => each.parents);
}

/** The entry and all that depends on it here. */
export function withDescendants(entry: MempoolEntry): Set<MempoolEntry> {
  return reach(entry, (each) => each.children);
}

/** Sum of fees and sizes. */
export function packageOf(entries: Iterable<MempoolEntry>): { fee: bigint; size: number } {
  let fee = 0n;
  let size = 0;
  for (const entry of entries) {
    fee += entry.fee;
    size += entry.size;
  }
  return { fee, size };
}

/** When a full mempool is emptied, it is emptied to this share, so that it need not be done for each transaction. */
const EVICT_TO = 0.9;

/**
 * The transactions that wait for a block, with who spends what. It holds no rules: `admit` decides what may enter.
 */
export class Mempool {
  readonly #entries = new Map<string, MempoolEntry>();
  readonly #spenders = new Map<string, { entry: MempoolEntry; inputIndex: number }>();
  /** Entries by SHA-256 of the locking scripts they touch, and by job id. */
  readonly #scripts = new Map<string, Set<MempoolEntry>>();
  readonly #jobs = new Map<string, Set<MempoolEntry>>();
  #bytes = 0;

  /** Number of transactions. */
  get size(): number {
    return this.#entries.size;
  }

  /** Sum of the encoded sizes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** All entries, parents before children. */
  entries(): Iterable<MempoolEntry> {
    return this.#entries.values();
  }

  get(hash: Uint8Array): MempoolEntry | undefined {
    return this.#entries.get(hashKey(hash));
  }

  /** The input here that spends an output. */
  spender(outpoint: Outpoint): { entry: MempoolEntry; inputIndex: number } | undefined {
    return this.#spenders.get(outpointKey(outpoint));
  }

  /** Entries that pay to or spend from a locking script. */
  byScript(lockingScript: Uint8Array): Iterable<MempoolEntry> {
    return this.#scripts.get(toHex(sha256(lockingScript))) ?? [];
  }

  /** Entries that carry a job id. */
  byJob(jobId: Uint8Array): Iterable<MempoolEntry> {
    return this.#jobs.get(toHex(jobId)) ?? [];
  }

  /** Entries here whose outputs the transaction spends. */
  parentsOf(transaction: Transaction): Set<MempoolEntry> {
    const parents = new Set<MempoolEntry>();
    for (const { outpoint } of transaction.inputs) {
      const parent = this.get(outpoint.hash);
      if (parent) parents.add(parent);
    }
    return parents;
  }

  add(candidate: NewEntry): MempoolEntry {
    const parents = this.parentsOf(candidate.transaction);
    const entry: MempoolEntry = { ...candidate, parents, children: new Set() };
    for (const parent of parents) parent.children.add(entry);
    this.#entries.set(hashKey(entry.hash), entry);
    this.#bytes += entry.size;
    entry.transaction.inputs.forEach(({ outpoint }, inputIndex) => {
      this.#spenders.set(outpointKey(outpoint), { entry, inputIndex });
    });
    for (const [index, key] of this.#indexKeys(entry)) {
      const set = index.get(key) ?? new Set();
      index.set(key, set.add(entry));
    }
    return entry;
  }

  /** Takes one entry out and leaves those that depend on it: it is in a block now. */
  removeOne(entry: MempoolEntry): void {
    this.#entries.delete(hashKey(entry.hash));
    this.#bytes -= entry.size;
    for (const parent of entry.parents) parent.children.delete(entry);
    for (const child of entry.children) child.parents.delete(entry);
    for (const { outpoint } of entry.transaction.inputs) {
      this.#spenders.delete(outpointKey(outpoint));
    }
    for (const [index, key] of this.#indexKeys(entry)) {
      const set = index.get(key);
      set?.delete(entry);
      if (set?.size === 0) index.delete(key);
    }
  }

  /** Takes an entry and all that depends on it out. */
  remove(entry: MempoolEntry): void {
    for (const each of withDescendants(entry)) this.removeOne(each);
  }

  /** Takes out what a connected block holds, and what conflicts with it. */
  removeForBlock(transactions: readonly Transaction[], hashes: readonly Uint8Array[]): void {
    transactions.forEach((transaction, index) => {
      const entry = this.get(hashes[index]!);
      if (entry) this.removeOne(entry);
      for (const { outpoint } of transaction.inputs) {
        const conflict = this.spender(outpoint);
        if (conflict) this.remove(conflict.entry);
      }
    });
  }

  /** Takes everything out and returns it, parents before children. */
  clear(): MempoolEntry[] {
    const all = [...this.#entries.values()];
    for (const map of [this.#entries, this.#spenders, this.#scripts, this.#jobs]) map.clear();
    this.#bytes = 0;
    return all;
  }

  /**
   * Takes out the packages that pay least per byte until at most `limit` bytes, less some room, are left. Returns the
   * best fee rate that had to go, which what comes next must beat.
   */
  evict(limit: number): { fee: bigint; size: number } | undefined {
    if (this.#bytes <= limit) return undefined;
    const scored = [...this.#entries.values()].map((entry) => ({
      entry,
      score: packageOf(withDescendants(entry)),
    }));
    scored.sort((a, b) => compareFeeRates(a.score, b.score));
    let best: { fee: bigint; size: number } | undefined;
    for (const { entry, score } of scored) {
      if (this.#bytes <= limit * EVICT_TO) break;
      if (!this.#entries.has(hashKey(entry.hash))) continue;
      this.remove(entry);
      best = score;
    }
    return best;
  }

  *#indexKeys(entry: MempoolEntry): Generator<[Map<string, Set<MempoolEntry>>, string]> {
    const { transaction, spent } = entry;
    const outputs = [...spent.map((coin) => coin.output), ...transaction.outputs];
    for (const output of outputs) yield [this.#scripts, toHex(sha256(output.lockingScript))];
    if (!equalBytes(transaction.jobId, new Uint8Array(32))) {
      yield [this.#jobs, toHex(transaction.jobId)];
    }
  }
}
