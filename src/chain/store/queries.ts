import { createHash } from 'node:crypto';
import { ByteReader } from '../codec/ByteReader.js';
import { encodeOutpoint, type Outpoint, readTransaction } from '../codec/transaction.js';
import type { ChainStore } from './ChainStore.js';
import { decodeLocation, decodeSpender, type Spender } from './records.js';
import { STATE_TABLES } from './tables.js';

/** Bytes of a block before the number of its transactions. */
const HEADER_SIZE = 80;

/** A transaction and the block that holds it. */
export interface HistoryEntry {
  /** Transaction hash in byte order. */
  readonly hash: Uint8Array;
  readonly height: number;
}

/** The input of the active chain that spent an output. */
export function spenderOf(store: ChainStore, outpoint: Outpoint): Spender | undefined {
  const bytes = store.tables.spenders.getBinary(encodeOutpoint(outpoint));
  return bytes && decodeSpender(bytes);
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
