import type { ChainStore } from './ChainStore.js';
import { afterGroup, heightOfKey, orderedKey } from './keys.js';
import type { ChainPlace } from './pinRecords.js';
import { decodeLocation, type TransactionLocation } from './records.js';

/** A transaction at its place in the active chain. */
export interface PlacedHash extends ChainPlace {
  /** Transaction hash in byte order. */
  readonly hash: Uint8Array;
}

/** Which index of the active chain is looked into, and what its groups are named by (32 bytes). */
export type PlacedIndex =
  /** Transactions that pay to or spend from a locking script; SHA-256 of the script. */
  | 'history'
  /** Transactions that carry a job id. */
  | 'jobs'
  /** Transactions that made a pin; SHA-256 of the pin's path. */
  | 'pinsByPath';

function positionOfKey(key: Uint8Array): number {
  return new DataView(key.buffer, key.byteOffset).getUint32(key.length - 4);
}

/** Transactions of a group of an index from a place on, in the chain's order, at most `limit`. */
export function placedFrom(
  { tables }: ChainStore,
  index: PlacedIndex,
  group: Uint8Array,
  from: ChainPlace,
  limit: number,
): PlacedHash[] {
  const start = orderedKey(group, from.height, from.position);
  const range = tables[index].getRange({ start, end: afterGroup(group), limit });
  return [...range].map(({ key, value }) => ({
    height: heightOfKey(key, group.length),
    position: positionOfKey(key),
    // a pin is named by its transaction and an output's index
    hash: Uint8Array.from(value.subarray(0, 32)),
  }));
}

/** Where the active chain holds a transaction. */
export function locationOfTransaction(
  store: ChainStore,
  hash: Uint8Array,
): TransactionLocation | undefined {
  const location = store.tables.transactions.getBinary(hash);
  return location && decodeLocation(location);
}
