import { BitmodelError } from '../../base/index.js';
import type { ByteReader } from '../codec/ByteReader.js';
import { ByteWriter } from '../codec/ByteWriter.js';
import { decodeHeader, encodeHeader } from '../codec/block.js';
import { readOutput, writeOutput } from '../codec/transaction.js';
import type { Coin } from '../consensus/coins.js';
import type { HeaderEntry } from '../consensus/headers.js';
import { readRecord, readSealed, seal } from './seal.js';

/** What is known of a block beside its header. */
export type BlockStatus = 'valid' | 'unchecked' | 'invalid' | 'refused' | 'header';

const STATUSES: readonly BlockStatus[] = ['valid', 'unchecked', 'invalid', 'refused', 'header'];

/**
 * A header in the store. `unchecked`: its block is kept, but was never connected, because its branch never had the most
 * work; `valid`: it was connected once; `invalid`: it, or one below it, breaks a rule, and its block is not kept;
 * `refused`: the operator refuses it, and its block, if it came before, is kept; `header`: its block has not come yet.
 */
export interface HeaderRecord extends HeaderEntry {
  readonly status: BlockStatus;
  readonly transactionCount: number;
  /** Bytes of the whole block. */
  readonly size: number;
}

/** Work as 32 big-endian bytes. */
function encodeWork(work: bigint): Uint8Array {
  return Buffer.from(work.toString(16).padStart(64, '0'), 'hex');
}

/** Value of the header table; its key is the hash. */
export function encodeHeaderRecord(record: HeaderRecord): Uint8Array {
  return seal(
    new ByteWriter(136)
      .bytes(encodeHeader(record.header))
      .u32(record.height)
      .bytes(encodeWork(record.work))
      .u8(STATUSES.indexOf(record.status))
      .u32(record.transactionCount)
      .u32(record.size),
  ).finish();
}

/** @throws BitmodelError `STORE_DAMAGED` */
export function decodeHeaderRecord(hash: Uint8Array, bytes: Uint8Array): HeaderRecord {
  return readSealed(bytes, 'a header', (reader) => ({
    hash,
    header: decodeHeader(reader.bytes(80)),
    height: reader.u32(),
    work: BigInt(`0x${Buffer.from(reader.bytes(32)).toString('hex')}`),
    status: known(STATUSES[reader.u8()], 'status'),
    transactionCount: reader.u32(),
    size: reader.u32(),
  }));
}

function known<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new BitmodelError('BAD_ENCODING', `the ${what} is unknown`);
  return value;
}

/** Bits of a coin's flags. */
const COINBASE = 1;
const CARRIES_PINS = 2;
/** Height, flags, value and an empty script. */
const MINIMUM_COIN = 14;

function writeCoin(writer: ByteWriter, coin: Coin): void {
  const flags = (coin.coinbase ? COINBASE : 0) | (coin.carriesPins ? CARRIES_PINS : 0);
  writer.u32(coin.height).u8(flags);
  writeOutput(writer, coin.output);
}

function readCoin(reader: ByteReader): Coin {
  const height = reader.u32();
  const flags = reader.u8();
  if ((flags & ~(COINBASE | CARRIES_PINS)) !== 0) {
    throw new BitmodelError('BAD_ENCODING', 'a flag of the output is unknown');
  }
  const coin = { height, coinbase: (flags & COINBASE) !== 0, output: readOutput(reader) };
  return (flags & CARRIES_PINS) === 0 ? coin : { ...coin, carriesPins: true };
}

/** Value of the table of unspent outputs; its key is the outpoint. */
export function encodeCoin(coin: Coin): Uint8Array {
  return coinRecord(coin).finish();
}

/** {@link encodeCoin} still in its writer, which can hand it on without a copy. */
export function coinRecord(coin: Coin): ByteWriter {
  const writer = new ByteWriter(64);
  writeCoin(writer, coin);
  return seal(writer);
}

/** @throws BitmodelError `STORE_DAMAGED` */
export function decodeCoin(bytes: Uint8Array): Coin {
  return readSealed(bytes, 'an unspent output', readCoin);
}

/** The coins that a block spent, per transaction and input: what puts them back when it is disconnected. */
export function encodeUndo(spent: readonly (readonly Coin[])[]): Uint8Array {
  const writer = new ByteWriter(1024).varInt(spent.length);
  for (const coins of spent) {
    writer.varInt(coins.length);
    for (const coin of coins) writeCoin(writer, coin);
  }
  return seal(writer).finish();
}

/** @throws BitmodelError `STORE_DAMAGED` */
export function decodeUndo(bytes: Uint8Array): Coin[][] {
  return readSealed(bytes, 'undo data', (reader) =>
    Array.from({ length: reader.count(1) }, () =>
      Array.from({ length: reader.count(MINIMUM_COIN) }, () => readCoin(reader)),
    ),
  );
}

/** Where the chain holds a transaction. */
export interface TransactionLocation {
  /** 32 bytes in byte order. */
  readonly blockHash: Uint8Array;
  /** Place of its bytes within the block's. */
  readonly offset: number;
  readonly length: number;
}

/** Bytes of the place of a transaction. */
export function encodeLocation(location: TransactionLocation): Uint8Array {
  return locationRecord(location).finish();
}

/** {@link encodeLocation} still in its writer. */
export function locationRecord({ blockHash, offset, length }: TransactionLocation): ByteWriter {
  return new ByteWriter(40).bytes(blockHash).u32(offset).u32(length);
}

/** @throws BitmodelError `STORE_DAMAGED` */
export function decodeLocation(bytes: Uint8Array): TransactionLocation {
  return readRecord(bytes, "a transaction's place", (reader) => ({
    blockHash: reader.bytes(32),
    offset: reader.u32(),
    length: reader.u32(),
  }));
}

/** The input that spent an output. */
export interface Spender {
  /** Transaction hash in byte order. */
  readonly hash: Uint8Array;
  readonly inputIndex: number;
  /** Block that holds it; 0 in the mempool. */
  readonly height: number;
}

/** Bytes of what spent an output. */
export function encodeSpender(spender: Spender): Uint8Array {
  return spenderRecord(spender).finish();
}

/** {@link encodeSpender} still in its writer. */
export function spenderRecord({ hash, inputIndex, height }: Spender): ByteWriter {
  return new ByteWriter(40).bytes(hash).u32(inputIndex).u32(height);
}

/** @throws BitmodelError `STORE_DAMAGED` */
export function decodeSpender(bytes: Uint8Array): Spender {
  return readRecord(bytes, 'a spender', (reader) => ({
    hash: reader.bytes(32),
    inputIndex: reader.u32(),
    height: reader.u32(),
  }));
}
