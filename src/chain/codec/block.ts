import { sha256d } from '../../base/index.js';
import { ByteReader } from './ByteReader.js';
import { ByteWriter } from './ByteWriter.js';
import { readTransaction, type Transaction, writeTransaction } from './transaction.js';

/** Largest block in bytes, header included (DESIGN 4.1). */
export const MAX_BLOCK_SIZE = 32_000_000;

/** Bitcoin's 80-byte block header. Hashes are 32 bytes in byte order. */
export interface BlockHeader {
  readonly version: number;
  readonly previousHash: Uint8Array;
  readonly merkleRoot: Uint8Array;
  /** Seconds since 1970. */
  readonly time: number;
  /** Target in Bitcoin's compact form ("nBits"). */
  readonly bits: number;
  readonly nonce: number;
}

/** A block: its header, and its transactions with the coinbase first. */
export interface Block {
  readonly header: BlockHeader;
  readonly transactions: readonly Transaction[];
}

/** The 80 bytes of a header. */
export function encodeHeader(header: BlockHeader): Uint8Array {
  return new ByteWriter(80)
    .i32(header.version)
    .bytes(header.previousHash)
    .bytes(header.merkleRoot)
    .u32(header.time)
    .u32(header.bits)
    .u32(header.nonce)
    .finish();
}

function readHeader(reader: ByteReader): BlockHeader {
  return {
    version: reader.i32(),
    previousHash: reader.bytes(32),
    merkleRoot: reader.bytes(32),
    time: reader.u32(),
    bits: reader.u32(),
    nonce: reader.u32(),
  };
}

/** @throws BitmodelError `BAD_ENCODING` unless exactly 80 bytes are given */
export function decodeHeader(bytes: Uint8Array): BlockHeader {
  const reader = new ByteReader(bytes);
  const header = readHeader(reader);
  reader.end();
  return header;
}

/** Double SHA-256 of the header: the block's hash, 32 bytes in byte order. */
export function blockHash(header: BlockHeader): Uint8Array {
  return sha256d(encodeHeader(header));
}

/** A block's bytes, and where its transactions stand in them. */
export interface EncodedBlock {
  readonly bytes: Uint8Array;
  /** Where each transaction begins; one more entry for where the last one ends. */
  readonly offsets: Uint32Array;
}

/** Header, then the transactions behind their count. */
export function encodeBlock(block: Block): Uint8Array {
  return encodeBlockParts(block).bytes;
}

/** {@link encodeBlock}, with the places of the transactions. */
export function encodeBlockParts(block: Block): EncodedBlock {
  const { transactions } = block;
  const writer = new ByteWriter(4096).bytes(encodeHeader(block.header));
  writer.varInt(transactions.length);
  const offsets = new Uint32Array(transactions.length + 1);
  transactions.forEach((transaction, index) => {
    offsets[index] = writer.length;
    writeTransaction(writer, transaction);
  });
  offsets[transactions.length] = writer.length;
  return { bytes: writer.finish(), offsets };
}

const MINIMUM_TRANSACTION = 10;

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeBlock(bytes: Uint8Array): Block {
  return decodeBlockParts(bytes).block;
}

/**
 * {@link decodeBlock}, with the places of the transactions: what `encodeBlockParts` would make anew, since a block has
 * one encoding only.
 * @throws BitmodelError `BAD_ENCODING`
 */
export function decodeBlockParts(bytes: Uint8Array): EncodedBlock & { readonly block: Block } {
  const reader = new ByteReader(bytes);
  const header = readHeader(reader);
  const count = reader.count(MINIMUM_TRANSACTION);
  const transactions: Transaction[] = [];
  const offsets = new Uint32Array(count + 1);
  for (let index = 0; index < count; index++) {
    offsets[index] = reader.offset;
    transactions.push(readTransaction(reader));
  }
  offsets[count] = reader.offset;
  reader.end();
  return { block: { header, transactions }, bytes, offsets };
}
