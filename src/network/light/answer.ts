import {
  ByteReader,
  ByteWriter,
  type PartialMerkleTree,
  readMerkleTree,
  writeMerkleTree,
} from '../../chain/index.js';
import { MAX_WAITING, PAGE_TRANSACTIONS } from './protocols.js';
import type { Place } from './question.js';

/** Transactions of one block with the branches of its Merkle tree that lead to them. */
export interface ProvenBlock {
  /** 32 bytes in byte order. */
  readonly hash: Uint8Array;
  readonly tree: PartialMerkleTree;
  /** Encoded, one for each transaction that the tree shows, in the block's order. */
  readonly transactions: readonly Uint8Array[];
}

/** An answer of `proofs/1`. */
export interface Answer {
  /** The tip of the chain that it is about. */
  readonly tip: { readonly height: number; readonly hash: Uint8Array };
  /** Where to ask on from; absent when this is all there is up to the tip. */
  readonly next?: Place;
  /** In the chain's order. */
  readonly blocks: readonly ProvenBlock[];
  /** Encoded transactions that wait for a block, parents first: nothing proves them. Only in the last answer. */
  readonly waiting: readonly Uint8Array[];
}

/** A block's hash, an empty tree and no transaction. */
const LEAST_BLOCK = 32 + 4 + 1 + 1 + 1;
const LEAST_TRANSACTION = 10;

function writeTransactions(writer: ByteWriter, transactions: readonly Uint8Array[]): ByteWriter {
  return writer.list(transactions, (to, each) => to.varBytes(each));
}

function readTransactions(reader: ByteReader, most: number): Uint8Array[] {
  return reader.list(LEAST_TRANSACTION + 1, most, () => reader.varBytes());
}

function writeBlock(writer: ByteWriter, { hash, tree, transactions }: ProvenBlock): void {
  writer.bytes(hash);
  writeMerkleTree(writer, tree);
  writeTransactions(writer, transactions);
}

/** Bytes of an answer of `proofs/1`. */
export function encodeAnswer({ tip, next, blocks, waiting }: Answer): Uint8Array {
  const writer = new ByteWriter(4096)
    .u32(tip.height)
    .bytes(tip.hash)
    .flag(next !== undefined);
  if (next) writer.u32(next.height).u32(next.position);
  writer.list(blocks, writeBlock);
  return writeTransactions(writer, waiting).finish();
}

function readBlock(reader: ByteReader): ProvenBlock {
  const hash = reader.bytes(32);
  const tree = readMerkleTree(reader);
  return { hash, tree, transactions: readTransactions(reader, PAGE_TRANSACTIONS) };
}

function readNext(reader: ByteReader): Place | undefined {
  return reader.flag() ? { height: reader.u32(), position: reader.u32() } : undefined;
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeAnswer(bytes: Uint8Array): Answer {
  return ByteReader.whole(bytes, (reader) => {
    const tip = { height: reader.u32(), hash: reader.bytes(32) };
    const next = readNext(reader);
    const blocks = reader.list(LEAST_BLOCK, PAGE_TRANSACTIONS, readBlock);
    const waiting = readTransactions(reader, MAX_WAITING);
    return { tip, ...(next ? { next } : {}), blocks, waiting };
  });
}
