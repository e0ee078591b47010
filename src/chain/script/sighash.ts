import { BitmodelError, sha256d } from '../../base/index.js';
import { ByteWriter } from '../codec/ByteWriter.js';
import { encodeTokenPrefix } from '../codec/token.js';
import {
  JOB_VERSION,
  type Transaction,
  type TransactionOutput,
  writeOutput,
} from '../codec/transaction.js';
import type { ScriptContext } from './context.js';

/** Bits of the hash type byte behind a signature: which parts of the transaction it covers. */
export const SIGHASH = {
  ALL: 1,
  NONE: 2,
  SINGLE: 3,
  /** Covers every output that the transaction spends, with its token (CHIP-2022-02); not with ANYONECANPAY. */
  UTXOS: 0x20,
  FORKID: 0x40,
  ANYONECANPAY: 0x80,
} as const;

const BASE_MASK = 0x1f;
const ZERO_HASH = new Uint8Array(32);

/** Whether a byte is one of the nine hash types with FORKID set; any other is refused (DESIGN 4.2, CHIP-2022-02). */
export function isDefinedHashType(hashType: number): boolean {
  const anyone = (hashType & SIGHASH.ANYONECANPAY) !== 0;
  const base = hashType & ~SIGHASH.FORKID & (anyone ? ~SIGHASH.ANYONECANPAY : ~SIGHASH.UTXOS);
  return (
    (hashType & SIGHASH.FORKID) !== 0 &&
    hashType <= 0xff &&
    base >= SIGHASH.ALL &&
    base <= SIGHASH.SINGLE
  );
}

interface SharedHashes {
  prevouts?: Uint8Array;
  sequences?: Uint8Array;
  outputs?: Uint8Array;
  /** Of one output each, for SINGLE: without them a script could have one long output hashed again and again. */
  readonly single: Map<number, Uint8Array>;
}

/** What all signatures of a transaction share is hashed once; entries go with their transaction. */
const shared = new WeakMap<Transaction, SharedHashes>();

function sharedHashes(transaction: Transaction): SharedHashes {
  let hashes = shared.get(transaction);
  if (!hashes) {
    hashes = { single: new Map() };
    shared.set(transaction, hashes);
  }
  return hashes;
}

function hashPrevouts(transaction: Transaction): Uint8Array {
  const hashes = sharedHashes(transaction);
  if (!hashes.prevouts) {
    const writer = new ByteWriter(36 * transaction.inputs.length + 36);
    for (const { outpoint } of transaction.inputs) writer.bytes(outpoint.hash).u32(outpoint.index);
    hashes.prevouts = writer.into(sha256d);
  }
  return hashes.prevouts;
}

function hashSequences(transaction: Transaction): Uint8Array {
  const hashes = sharedHashes(transaction);
  if (!hashes.sequences) {
    const writer = new ByteWriter(4 * transaction.inputs.length + 4);
    for (const input of transaction.inputs) writer.u32(input.sequence);
    hashes.sequences = writer.into(sha256d);
  }
  return hashes.sequences;
}

/** By the list of spent outputs, not by the transaction: the list is told from outside. */
const sharedUtxos = new WeakMap<readonly TransactionOutput[], Uint8Array>();

function hashUtxos(spentOutputs: readonly TransactionOutput[]): Uint8Array {
  let hash = sharedUtxos.get(spentOutputs);
  if (!hash) {
    hash = sha256d(outputBytes(spentOutputs));
    sharedUtxos.set(spentOutputs, hash);
  }
  return hash;
}

function hashOutputs(transaction: Transaction, base: number, inputIndex: number): Uint8Array {
  if (base === SIGHASH.NONE) return ZERO_HASH;
  const hashes = sharedHashes(transaction);
  if (base !== SIGHASH.SINGLE) {
    hashes.outputs ??= sha256d(outputBytes(transaction.outputs));
    return hashes.outputs;
  }
  const output = transaction.outputs[inputIndex];
  if (!output) return ZERO_HASH;
  let hash = hashes.single.get(inputIndex);
  if (!hash) {
    hash = sha256d(outputBytes([output]));
    hashes.single.set(inputIndex, hash);
  }
  return hash;
}

function outputBytes(outputs: readonly TransactionOutput[]): Uint8Array {
  const writer = new ByteWriter();
  for (const output of outputs) writeOutput(writer, output);
  return writer.finish();
}

/**
 * What a signature's hash is taken over: BIP143's fields, as in BCH, with the token prefix of the spent output before
 * the script code (CHIP-2022-02); from version 10 on the job id follows the lock time (DESIGN 4.2). The hash type ends
 * it as u32.
 */
export function signatureHashPreimage(
  context: ScriptContext,
  scriptCode: Uint8Array,
  hashType: number,
): Uint8Array {
  const { transaction, inputIndex, spentOutputs } = context;
  const input = transaction.inputs[inputIndex];
  const spent = spentOutputs[inputIndex];
  if (!input || !spent) {
    throw new BitmodelError('BAD_INPUT_INDEX', `The transaction has no input ${inputIndex}.`);
  }
  const base = hashType & BASE_MASK;
  const anyone = (hashType & SIGHASH.ANYONECANPAY) !== 0;
  const single = base === SIGHASH.SINGLE || base === SIGHASH.NONE;
  const writer = new ByteWriter(220 + scriptCode.length);
  writer.i32(transaction.version);
  writer.bytes(anyone ? ZERO_HASH : hashPrevouts(transaction));
  if ((hashType & SIGHASH.UTXOS) !== 0) writer.bytes(hashUtxos(spentOutputs));
  writer.bytes(anyone || single ? ZERO_HASH : hashSequences(transaction));
  writer.bytes(input.outpoint.hash).u32(input.outpoint.index);
  if (spent.token) writer.bytes(encodeTokenPrefix(spent.token));
  writer.varBytes(scriptCode).u64(spent.value).u32(input.sequence);
  writer.bytes(hashOutputs(transaction, base, inputIndex)).u32(transaction.lockTime);
  if (transaction.version >= JOB_VERSION) writer.bytes(transaction.jobId);
  return writer.u32(hashType).finish();
}

/**
 * The 32 bytes that a signature for one input signs.
 * @param scriptCode the locking script, or what follows the last executed OP_CODESEPARATOR in it
 * @throws BitmodelError `BAD_INPUT_INDEX`
 */
export function signatureHash(
  context: ScriptContext,
  scriptCode: Uint8Array,
  hashType: number,
): Uint8Array {
  return sha256d(signatureHashPreimage(context, scriptCode, hashType));
}
