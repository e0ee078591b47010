import { equalBytes, sha256 } from '../../base/index.js';
import { NO_JOB, type Outpoint, type Transaction } from '../codec/transaction.js';
import { hashKey, outpointKey } from '../consensus/coins.js';
import { EvictionQueue } from './EvictionQueue.js';
import {
  compareFeeRates,
  type FeeRate,
  type MempoolEntry,
  memoryUsage,
  type NewEntry,
  parentsFirst,
  withAncestors,
  withDescendants,
} from './entry.js';

type Sums = { count: number; size: number; fee: bigint };

/** An entry as only the mempool may change it. */
interface Node extends MempoolEntry {
  modifiedFee: bigint;
  readonly parents: Set<MempoolEntry>;
  readonly children: Set<MempoolEntry>;
  readonly ancestors: Sums;
  readonly descendants: Sums;
}

function change(sums: Sums, by: MempoolEntry, sign: 1 | -1): void {
  sums.count += sign;
  sums.size += sign * by.size;
  sums.fee += sign === 1 ? by.modifiedFee : -by.modifiedFee;
}

/**
 * The transactions that wait for a block, with who spends what. It holds no rules: `Admission` decides what may enter.
 */
export class Mempool {
  #entries = new Map<string, Node>();
  #spenders = new Map<string, { entry: MempoolEntry; inputIndex: number }>();
  /** Entries by SHA-256 of the locking scripts they touch, by job id, and by the categories of tokens they touch. */
  #scripts = new Map<string, Set<MempoolEntry>>();
  #jobs = new Map<string, Set<MempoolEntry>>();
  #categories = new Map<string, Set<MempoolEntry>>();
  /** What `prioritise` added to fees, by hash, of transactions that are here or may come. */
  readonly #deltas = new Map<string, bigint>();
  #queue = new EvictionQueue(
    this.#entries,
    (entry) => this.#entries.get(hashKey(entry.hash)) === entry,
  );
  /** Told of each entry that goes, for whatever reason. */
  onGone: ((entry: MempoolEntry) => void) | undefined;
  #bytes = 0;
  #usage = 0;
  #fees = 0n;
  #sequence = 1;

  /** Number of transactions. */
  get size(): number {
    return this.#entries.size;
  }

  /** Sum of the encoded sizes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** About how many bytes of memory all of it takes. */
  get usage(): number {
    return this.#usage;
  }

  /** Sum of the fees, in base units. */
  get fees(): bigint {
    return this.#fees;
  }

  /** Goes up with each transaction that comes, and with each that goes otherwise than into a block. */
  get sequence(): number {
    return this.#sequence;
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
    return this.byScriptHash(sha256(lockingScript));
  }

  /** The same by SHA-256 of the script. */
  byScriptHash(scriptHash: Uint8Array): Iterable<MempoolEntry> {
    return this.#scripts.get(hashKey(scriptHash)) ?? [];
  }

  /** Entries that spend or make tokens of a category. */
  byCategory(category: Uint8Array): Iterable<MempoolEntry> {
    return this.#categories.get(hashKey(category)) ?? [];
  }

  /** Entries that carry a job id. */
  byJob(jobId: Uint8Array): Iterable<MempoolEntry> {
    return this.#jobs.get(hashKey(jobId)) ?? [];
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

  /** What `prioritise` added to a fee. */
  delta(hash: Uint8Array): bigint {
    return this.#deltas.get(hashKey(hash)) ?? 0n;
  }

  /** Every fee that was changed: by which hash (32 bytes in byte order) and how many base units. */
  *deltas(): Generator<[hash: Uint8Array, delta: bigint]> {
    for (const [key, delta] of this.#deltas) yield [Buffer.from(key, 'latin1'), delta];
  }

  add(candidate: NewEntry): MempoolEntry {
    const parents = this.parentsOf(candidate.transaction);
    const modifiedFee = candidate.fee + this.delta(candidate.hash);
    const own = { count: 1, size: candidate.size, fee: modifiedFee };
    const entry: Node = {
      ...candidate,
      modifiedFee,
      parents,
      children: new Set(),
      ancestors: { ...own },
      descendants: { ...own },
    };
    for (const parent of parents) (parent as Node).children.add(entry);
    for (const ancestor of withAncestors(entry)) {
      if (ancestor === entry) continue;
      change(entry.ancestors, ancestor, 1);
      change((ancestor as Node).descendants, entry, 1);
      this.#queue.touch(ancestor);
    }
    this.#entries.set(hashKey(entry.hash), entry);
    this.#bytes += entry.size;
    this.#usage += memoryUsage(entry);
    this.#fees += entry.fee;
    this.#sequence++;
    entry.transaction.inputs.forEach(({ outpoint }, inputIndex) => {
      this.#spenders.set(outpointKey(outpoint), { entry, inputIndex });
    });
    for (const [index, key] of this.#indexKeys(entry)) {
      index.set(key, (index.get(key) ?? new Set()).add(entry));
    }
    this.#queue.touch(entry);
    return entry;
  }

  /** Takes an entry and all that depends on it out. Returns them, parents before children. */
  remove(entry: MempoolEntry): MempoolEntry[] {
    const all = parentsFirst(withDescendants(entry));
    // the last first, so that the sums of those that stay are found along unbroken paths
    for (const each of all.toReversed()) {
      this.#take(each as Node);
      this.#sequence++;
    }
    return all;
  }

  /** Undoes {@link add} of an entry on which nothing depends, as if it had never come. */
  withdraw(entry: MempoolEntry): void {
    this.#take(entry as Node);
    this.#sequence--;
  }

  /**
   * Takes out what a connected block holds, and what conflicts with it together with all that depends on that.
   */
  removeForBlock(
    transactions: readonly Transaction[],
    hashes: readonly Uint8Array[],
  ): { readonly confirmed: MempoolEntry[]; readonly conflicts: MempoolEntry[] } {
    const confirmed: MempoolEntry[] = [];
    const conflicts: MempoolEntry[] = [];
    transactions.forEach((transaction, index) => {
      const entry = this.#entries.get(hashKey(hashes[index]!));
      if (entry) {
        this.#take(entry);
        confirmed.push(entry);
      }
      this.#deltas.delete(hashKey(hashes[index]!));
      for (const { outpoint } of transaction.inputs) {
        const conflict = this.spender(outpoint);
        if (conflict) conflicts.push(...this.remove(conflict.entry));
      }
    });
    return { confirmed, conflicts };
  }

  /** Becomes what another mempool is, which is then done with; changed fees stay as they are here. */
  replaceWith(other: Mempool): void {
    for (const [key] of [...this.#deltas, ...other.#deltas]) {
      const hash = Buffer.from(key, 'latin1');
      other.prioritise(hash, this.delta(hash) - other.delta(hash));
    }
    this.#entries = other.#entries;
    this.#spenders = other.#spenders;
    this.#scripts = other.#scripts;
    this.#jobs = other.#jobs;
    this.#categories = other.#categories;
    this.#queue = other.#queue;
    this.#bytes = other.#bytes;
    this.#usage = other.#usage;
    this.#fees = other.#fees;
    this.#sequence += other.#sequence;
  }

  /** Adds to what a transaction counts as paying, for as long as it is not in a block; it may be yet to come. */
  prioritise(hash: Uint8Array, delta: bigint): void {
    const key = hashKey(hash);
    const sum = this.delta(hash) + delta;
    if (sum === 0n) this.#deltas.delete(key);
    else this.#deltas.set(key, sum);
    const entry = this.#entries.get(key);
    if (!entry) return;
    entry.modifiedFee += delta;
    for (const each of withDescendants(entry)) (each as Node).ancestors.fee += delta;
    for (const each of withAncestors(entry)) {
      (each as Node).descendants.fee += delta;
      this.#queue.touch(each);
    }
  }

  /**
   * Takes out, with all that depends on it, what pays least per byte, until at most `limit` bytes of memory are used.
   * @returns what went, and the best rate of a package that had to
   */
  evict(limit: number): { readonly evicted: MempoolEntry[]; readonly rate: FeeRate | undefined } {
    const evicted: MempoolEntry[] = [];
    let rate: FeeRate | undefined;
    while (this.#usage > limit) {
      const entry = this.#queue.cheapest()!;
      const { fee, size } = entry.descendants;
      if (!rate || compareFeeRates({ fee, size }, rate) > 0) rate = { fee, size };
      evicted.push(...this.remove(entry));
    }
    return { evicted, rate };
  }

  #take(entry: Node): void {
    for (const ancestor of withAncestors(entry)) {
      if (ancestor === entry) continue;
      change((ancestor as Node).descendants, entry, -1);
      this.#queue.touch(ancestor);
    }
    for (const descendant of withDescendants(entry)) {
      if (descendant !== entry) change((descendant as Node).ancestors, entry, -1);
    }
    this.#entries.delete(hashKey(entry.hash));
    this.onGone?.(entry);
    this.#bytes -= entry.size;
    this.#usage -= memoryUsage(entry);
    this.#fees -= entry.fee;
    for (const parent of entry.parents) (parent as Node).children.delete(entry);
    for (const child of entry.children) (child as Node).parents.delete(entry);
    for (const { outpoint } of entry.transaction.inputs) {
      this.#spenders.delete(outpointKey(outpoint));
    }
    for (const [index, key] of this.#indexKeys(entry)) {
      const set = index.get(key);
      set?.delete(entry);
      if (set?.size === 0) index.delete(key);
    }
  }

  *#indexKeys(entry: MempoolEntry): Generator<[Map<string, Set<MempoolEntry>>, string]> {
    const { transaction, spent } = entry;
    const outputs = [...spent.map((coin) => coin.output), ...transaction.outputs];
    for (const { lockingScript, token } of outputs) {
      yield [this.#scripts, hashKey(sha256(lockingScript))];
      if (token) yield [this.#categories, hashKey(token.category)];
    }
    if (!equalBytes(transaction.jobId, NO_JOB)) yield [this.#jobs, hashKey(transaction.jobId)];
  }
}
