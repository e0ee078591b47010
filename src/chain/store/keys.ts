import { sha256 } from '../../base/index.js';
import type { Outpoint } from '../codec/transaction.js';

function putU32(key: Uint8Array, offset: number, value: number): void {
  key[offset] = value >>> 24;
  key[offset + 1] = value >>> 16;
  key[offset + 2] = value >>> 8;
  key[offset + 3] = value;
}

/** Heights and positions are big-endian in keys, so that LMDB's order is the chain's. */
export function heightKey(height: number): Uint8Array {
  const key = new Uint8Array(4);
  putU32(key, 0, height);
  return key;
}

/** `group | height | position in the block`: everything of one group in the chain's order. */
export function orderedKey(group: Uint8Array, height: number, position: number): Uint8Array {
  const key = new Uint8Array(group.length + 8);
  key.set(group);
  putU32(key, group.length, height);
  putU32(key, group.length + 4, position);
  return key;
}

/** Height within an {@link orderedKey}. */
export function heightOfKey(key: Uint8Array, groupLength = 32): number {
  return new DataView(key.buffer, key.byteOffset).getUint32(groupLength);
}

/** SHA-256 of a locking script: the group of everything that belongs to it. */
export function scriptKey(lockingScript: Uint8Array): Uint8Array {
  return sha256(lockingScript);
}

/**
 * Key of an unspent output: hash, then index big-endian, so that LMDB's order is that in which Bitcoin Core hashes the
 * set (`gettxoutsetinfo`).
 */
export function utxoKey({ hash, index }: Outpoint): Uint8Array {
  const key = new Uint8Array(36);
  key.set(hash);
  putU32(key, 32, index);
  return key;
}

/** The outpoint of a {@link utxoKey}. */
export function decodeUtxoKey(key: Uint8Array): Outpoint {
  const index = new DataView(key.buffer, key.byteOffset).getUint32(32);
  return { hash: Uint8Array.from(key.subarray(0, 32)), index };
}

/** Key of a block that is kept but not on the active chain: the one with the most work comes last. */
export function inactiveKey(entry: {
  readonly work: bigint;
  readonly hash: Uint8Array;
}): Uint8Array {
  const key = new Uint8Array(64);
  key.set(Buffer.from(entry.work.toString(16).padStart(64, '0'), 'hex'));
  key.set(entry.hash, 32);
  return key;
}

/** The outpoint whose 36 bytes begin at `offset`. */
export function decodeOutpointKey(key: Uint8Array, offset = 0): Outpoint {
  const view = new DataView(key.buffer, key.byteOffset);
  return {
    hash: Uint8Array.from(key.subarray(offset, offset + 32)),
    index: view.getUint32(offset + 32, true),
  };
}

/** `group | outpoint`. */
export function outpointInGroup(group: Uint8Array, { hash, index }: Outpoint): Uint8Array {
  const { length } = group;
  const key = new Uint8Array(length + 36);
  key.set(group);
  key.set(hash, length);
  key[length + 32] = index;
  key[length + 33] = index >>> 8;
  key[length + 34] = index >>> 16;
  key[length + 35] = index >>> 24;
  return key;
}

/** A key after all those that begin with `group`: no height or outpoint is all ones. */
export function afterGroup(group: Uint8Array): Uint8Array {
  const end = new Uint8Array(group.length + 37).fill(0xff);
  end.set(group);
  return end;
}
