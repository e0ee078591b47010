import { BitmodelError, fromHex, reverseBytes, sha256, sha256d, toHex } from '../../base/index.js';
import { ByteReader } from './ByteReader.js';
import { ByteWriter } from './ByteWriter.js';
import { decodeOutputScript, encodeOutputScript, type OutputScript } from './token.js';

/** From this version on, a transaction carries a job id and is named by its MetaTxid (DESIGN 4.2). */
export const JOB_VERSION = 10;

/** Thirty-two zero bytes: the job id of a transaction that pays for no job. */
export const NO_JOB: Uint8Array = new Uint8Array(32);

/** Which output of which transaction. */
export interface Outpoint {
  /** Transaction id, 32 bytes, in byte order (prints reversed). */
  readonly hash: Uint8Array;
  readonly index: number;
}

/** What a transaction spends, and what opens it. */
export interface TransactionInput {
  readonly outpoint: Outpoint;
  readonly unlockingScript: Uint8Array;
  readonly sequence: number;
}

/** A value with the script that locks it and the token, if any, that rides on it. */
export interface TransactionOutput extends OutputScript {
  /** Base units. */
  readonly value: bigint;
}

/** A transaction (DESIGN 4.2). */
export interface Transaction {
  readonly version: number;
  readonly inputs: readonly TransactionInput[];
  readonly outputs: readonly TransactionOutput[];
  readonly lockTime: number;
  /** 32 bytes; the job this pays for, or zeros. Encoded only from version 10 on. */
  readonly jobId: Uint8Array;
}

const MINIMUM_INPUT = 41;
const MINIMUM_OUTPUT = 9;

/** Bytes of a transaction (DESIGN 4.2); below version 10 exactly Bitcoin's pre-segwit form. */
export function encodeTransaction(transaction: Transaction): Uint8Array {
  const writer = new ByteWriter(512);
  writeTransaction(writer, transaction);
  return writer.finish();
}

/** Writes one transaction behind others (a block). */
export function writeTransaction(writer: ByteWriter, transaction: Transaction): void {
  writer.i32(transaction.version).varInt(transaction.inputs.length);
  for (const input of transaction.inputs) {
    writer.bytes(input.outpoint.hash).u32(input.outpoint.index);
    writer.varBytes(input.unlockingScript).u32(input.sequence);
  }
  writer.varInt(transaction.outputs.length);
  for (const output of transaction.outputs) writeOutput(writer, output);
  writer.u32(transaction.lockTime);
  if (transaction.version >= JOB_VERSION) writer.bytes(transaction.jobId);
}

/** An output as it stands in a transaction: value, then the script field with the token prefix in it. */
export function writeOutput(writer: ByteWriter, output: TransactionOutput): void {
  writer.u64(output.value).varBytes(encodeOutputScript(output));
}

/** Reads what {@link writeOutput} wrote. */
export function readOutput(reader: ByteReader): TransactionOutput {
  const value = reader.u64();
  const { lockingScript, token } = decodeOutputScript(reader.varBytes());
  return token ? { value, lockingScript, token } : { value, lockingScript };
}

/** Reads one transaction from a reader that may hold more (a block). */
export function readTransaction(reader: ByteReader): Transaction {
  const version = reader.i32();
  const inputs: TransactionInput[] = [];
  for (let left = reader.count(MINIMUM_INPUT); left > 0; left--) {
    const outpoint = { hash: reader.bytes(32), index: reader.u32() };
    inputs.push({ outpoint, unlockingScript: reader.varBytes(), sequence: reader.u32() });
  }
  const outputs: TransactionOutput[] = [];
  for (let left = reader.count(MINIMUM_OUTPUT); left > 0; left--) {
    outputs.push(readOutput(reader));
  }
  const lockTime = reader.u32();
  const jobId = version >= JOB_VERSION ? reader.bytes(32) : NO_JOB;
  return { version, inputs, outputs, lockTime, jobId };
}

/**
 * The transaction that these bytes, and nothing after them, encode.
 * @throws BitmodelError `BAD_ENCODING`
 */
export function decodeTransaction(bytes: Uint8Array): Transaction {
  const reader = new ByteReader(bytes);
  const transaction = readTransaction(reader);
  reader.end();
  return transaction;
}

/**
 * The fixed-size header whose double SHA-256 is the id from version 10 on, so that a contract can be shown an
 * ancestor without its scripts. The first 112 bytes are MicroVisionChain's rule; the job id is ours.
 * @param withJobId false leaves the job id out, to hold the rule against MicroVisionChain's own transactions
 */
export function metaTxidPreimage(transaction: Transaction, withJobId = true): Uint8Array {
  const outpoints = new ByteWriter();
  const unlocking = new ByteWriter();
  const outputs = new ByteWriter();
  for (const input of transaction.inputs) {
    outpoints.bytes(input.outpoint.hash).u32(input.outpoint.index).u32(input.sequence);
    unlocking.bytes(sha256(input.unlockingScript));
  }
  for (const output of transaction.outputs) {
    outputs.u64(output.value).bytes(sha256(encodeOutputScript(output)));
  }
  const header = new ByteWriter(144);
  header.i32(transaction.version).u32(transaction.lockTime);
  header.u32(transaction.inputs.length).u32(transaction.outputs.length);
  header.bytes(outpoints.into(sha256)).bytes(unlocking.into(sha256));
  header.bytes(outputs.into(sha256));
  if (withJobId) header.bytes(transaction.jobId);
  return header.finish();
}

/** The transaction's id, 32 bytes in byte order: double SHA-256 of the bytes, or the MetaTxid from version 10 on. */
export function transactionHash(transaction: Transaction): Uint8Array {
  return encodedTransactionHash(transaction, () => encodeTransaction(transaction));
}

/** {@link transactionHash} where the encoded transaction is at hand. */
export function encodedTransactionHash(
  transaction: Transaction,
  bytes: () => Uint8Array,
): Uint8Array {
  return transaction.version >= JOB_VERSION
    ? sha256d(metaTxidPreimage(transaction))
    : sha256d(bytes());
}

/** The transaction's id as people and RPC write it: reversed, in hex. */
export function transactionId(transaction: Transaction): string {
  return hashToId(transactionHash(transaction));
}

/** A transaction or block hash as people write it: reversed, in hex. */
export function hashToId(hash: Uint8Array): string {
  return toHex(reverseBytes(hash));
}

/** The hash behind a printed transaction or block id. @throws BitmodelError `BAD_HEX` */
export function idToHash(id: string): Uint8Array {
  return reverseBytes(fromHex(id, 32));
}

/** `txid:vout`, the usual way to write an outpoint. */
export function formatOutpoint(outpoint: Outpoint): string {
  return `${hashToId(outpoint.hash)}:${outpoint.index}`;
}

/** Reads `txid:vout`. @throws BitmodelError `BAD_OUTPOINT` */
export function parseOutpoint(text: string): Outpoint {
  const match = /^([0-9a-f]{64}):(\d{1,10})$/i.exec(text);
  const index = Number(match?.[2]);
  if (!match || index > 0xffff_ffff) {
    throw new BitmodelError('BAD_OUTPOINT', `"${text.slice(0, 80)}" is not an outpoint.`, {
      next: 'Write it as TXID:INDEX',
    });
  }
  return { hash: idToHash(match[1]!), index };
}

/** Outpoint bytes as they stand in a transaction: hash, then index u32LE; 36 bytes. */
export function encodeOutpoint(outpoint: Outpoint): Uint8Array {
  return new ByteWriter(36).bytes(outpoint.hash).u32(outpoint.index).finish();
}
