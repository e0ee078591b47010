import type { Transaction } from '../codec/transaction.js';
import type { Coin } from '../consensus/coins.js';

/** A fee and the bytes it is paid for. */
export interface FeeRate {
  /** Base units. */
  readonly fee: bigint;
  /** Bytes. */
  readonly size: number;
}

/** Sums over a transaction and those before or after it in the mempool. */
export interface Totals extends FeeRate {
  readonly count: number;
}

/** What is known of a transaction that the rules have let in. */
export interface NewEntry extends FeeRate {
  readonly transaction: Transaction;
  /** 32 bytes in byte order. */
  readonly hash: Uint8Array;
  /** When it came, in seconds since 1970. */
  readonly time: number;
  /** Height of the tip when it came. */
  readonly height: number;
  readonly signatureChecks: number;
  /** Coins it spends, one per input. */
  readonly spent: readonly Coin[];
}

/** A transaction that waits for a block. */
export interface MempoolEntry extends NewEntry {
  /** Its fee as `prioritisetransaction` changed it; what all ordering goes by. */
  readonly modifiedFee: bigint;
  /** Entries here whose outputs it spends, and those that spend its outputs. */
  readonly parents: ReadonlySet<MempoolEntry>;
  readonly children: ReadonlySet<MempoolEntry>;
  /** Over itself and all that it depends on here; fees are the modified ones. */
  readonly ancestors: Totals;
  /** Over itself and all that depends on it here; fees are the modified ones. */
  readonly descendants: Totals;
}

/** Memory of an entry beside its bytes, of each input with the coin it spends, and of each output: as measured. */
const ENTRY_MEMORY = 1_900;
const INPUT_MEMORY = 1_250;
const OUTPUT_MEMORY = 550;

/** About how many bytes of memory an entry takes: ten to seventeen times those that it has on the wire. */
export function memoryUsage({ size, transaction: { inputs, outputs } }: NewEntry): number {
  return size + ENTRY_MEMORY + INPUT_MEMORY * inputs.length + OUTPUT_MEMORY * outputs.length;
}

/** Compares what two transactions or packages pay per byte, without rounding: negative when `a` pays less. */
export function compareFeeRates(a: FeeRate, b: FeeRate): number {
  const left = a.fee * BigInt(b.size);
  const right = b.fee * BigInt(a.size);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The entry and everything reached from it by `next`, each once. */
function reach<T>(entry: T, next: (entry: T) => Iterable<T>): Set<T> {
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

/** Every one after all that it depends on: who depends on another has more ancestors. */
export function parentsFirst(entries: Iterable<MempoolEntry>): MempoolEntry[] {
  return [...entries].sort((a, b) => a.ancestors.count - b.ancestors.count);
}

/** What is lost with an entry: its own rate, or more where what depends on it pays more. */
export function evictionScore(entry: MempoolEntry): FeeRate {
  const own = { fee: entry.modifiedFee, size: entry.size };
  return compareFeeRates(entry.descendants, own) > 0 ? entry.descendants : own;
}
