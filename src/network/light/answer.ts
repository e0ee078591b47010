import { BitmodelError } from '../../base/index.js';
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

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_ENCODING', `These bytes are no answer: ${why}.`);
}

function writeList(writer: ByteWriter, items: readonly Uint8Array[]): void {
  writer.varInt(items.length);
  for (const item of items) writer.varBytes(item);
}

function readList(reader: ByteReader, most: number): Uint8Array[] {
  const count = reader.count(LEAST_TRANSACTION + 1);
  if (count > most) throw bad(`it holds ${count} transactions`);
  return Array.from({ length: count }, () => reader.varBytes());
}

export function encodeAnswer({ tip, next, blocks, waiting }: Answer): Uint8Array {
  const writer = new ByteWriter(4096)
    .u32(tip.height)
    .bytes(tip.hash)
    .u8(next ? 1 : 0);
  if (next) writer.u32(next.height).u32(next.position);
  writer.varInt(blocks.length);
  for (const { hash, tree, transactions } of blocks) {
    writer.bytes(hash);
    writeMerkleTree(writer, tree);
    writeList(writer, transactions);
  }
  writeList(writer, waiting);
  return writer.finish();
}

function readBlock(reader: ByteReader): ProvenBlock {
  const hash = reader.bytes(32);
  return { hash, tree: readMerkleTree(reader), transactions: readList(reader, PAGE_TRANSACTIONS) };
}

function readNext(reader: ByteReader): Place | undefined {
  const flag = reader.u8();
  if (flag > 1) throw bad('a flag is unknown');
  return flag === 1 ? { height: reader.u32(), position: reader.u32() } : undefined;
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeAnswer(bytes: Uint8Array): Answer {
  const reader = new ByteReader(bytes);
  const tip = { height: reader.u32(), hash: reader.bytes(32) };
  const next = readNext(reader);
  const count = reader.count(LEAST_BLOCK);
  if (count > PAGE_TRANSACTIONS) throw bad(`it is about ${count} blocks`);
  const blocks = Array.from({ length: count }, () => readBlock(reader));
  const waiting = readList(reader, MAX_WAITING);
  reader.end();
  return { tip, ...(next ? { next } : {}), blocks, waiting };
}
