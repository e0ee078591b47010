import { createHash } from 'node:crypto';
import { ByteReader } from '../codec/ByteReader.js';
import { encodeOutpoint, type Outpoint, readTransaction } from '../codec/transaction.js';
import type { Coin } from '../consensus/coins.js';
import type { ChainStore } from './ChainStore.js';
import { afterGroup, decodeOutpointKey, heightOfKey, scriptKey } from './keys.js';
import { decodeLocation, decodeSpender, type Spender } from './records.js';
import { STATE_TABLES, type Table } from './tables.js';

/** Bytes of a block before the number of its transactions. */
const HEADER_SIZE = 80;

/** A transaction and the block that holds it. */
export interface HistoryEntry {
  /** Transaction hash in byte order. */
  readonly hash: Uint8Array;
  readonly height: number;
}

/** A group of a table whose values are transaction hashes, in the chain's order. */
export function groupEntries(table: Table, group: Uint8Array): HistoryEntry[] {
  return [...table.getRange({ start: group, end: afterGroup(group) })].map(({ key, value }) => ({
    hash: Uint8Array.from(value),
    height: heightOfKey(key),
  }));
}

/** Transactions that pay to or spend from a locking script, oldest first. */
export function scriptHistory(store: ChainStore, lockingScript: Uint8Array): HistoryEntry[] {
  return groupEntries(store.tables.history, scriptKey(lockingScript));
}

/** Unspent outputs with exactly this locking script; to be gone through before the next block comes. */
export function* scriptUtxos(
  store: ChainStore,
  lockingScript: Uint8Array,
): Generator<{ outpoint: Outpoint; coin: Coin }> {
  const group = scriptKey(lockingScript);
  const keys = [...store.tables.addressUtxos.getKeys({ start: group, end: afterGroup(group) })];
  for (const key of keys) {
    const outpoint = decodeOutpointKey(key, group.length);
    yield { outpoint, coin: store.coin(outpoint)! };
  }
}

/** The input of the active chain that spent an output. */
export function spenderOf(store: ChainStore, outpoint: Outpoint): Spender | undefined {
  const bytes = store.tables.spenders.getBinary(encodeOutpoint(outpoint));
  return bytes && decodeSpender(bytes);
}

/** Transactions that carry a job id, oldest first. */
export function jobHistory(store: ChainStore, jobId: Uint8Array): HistoryEntry[] {
  return groupEntries(store.tables.jobs, jobId);
}

/**
 * SHA-256 over every entry of the unspent outputs, undo data and all indexes, in order: equal for equal states,
 * whatever way led there.
 */
export function stateHash(store: ChainStore): Uint8Array {
  const hash = createHash('sha256');
  for (const name of STATE_TABLES) {
    hash.update(`${name}\n`);
    for (const { key, value } of store.tables[name].getRange()) {
      const lengths = Buffer.alloc(8);
      lengths.writeUInt32LE(key.length);
      lengths.writeUInt32LE(value.length, 4);
      hash.update(lengths).update(key).update(value);
    }
  }
  return new Uint8Array(hash.digest());
}

/** Place of a transaction of the active chain among those of its block; the coinbase has 0. */
export function placeInBlock(store: ChainStore, hash: Uint8Array): number | undefined {
  const location = store.tables.transactions.getBinary(hash);
  if (!location) return undefined;
  const { blockHash, offset } = decodeLocation(location);
  const bytes = store.blockBytes(blockHash);
  if (!bytes) return undefined;
  const reader = new ByteReader(bytes);
  reader.bytes(HEADER_SIZE);
  reader.varInt();
  let place = 0;
  for (; reader.offset < offset; place++) readTransaction(reader);
  return place;
}
