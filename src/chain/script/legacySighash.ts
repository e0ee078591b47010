import { concatBytes, sha256d } from '../../base/index.js';
import { ByteWriter } from '../codec/ByteWriter.js';
import { type Transaction, type TransactionOutput, writeOutput } from '../codec/transaction.js';
import { OP } from './opcodes.js';
import { pushHead, readInstruction } from './push.js';
import { SIGHASH } from './sighash.js';

/**
 * Bitcoin's original signature hash. No signature on the chain is checked with it: it serves to run public vectors,
 * with the flag `forkId` off.
 */

const BASE_MASK = 0x1f;
/** What a SINGLE signature without its output signs: the number one, an old mistake that became a rule. */
const ONE = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0));
const NO_SCRIPT = new Uint8Array(0);
const EMPTY_OUTPUT: TransactionOutput = {
  value: 0xffff_ffff_ffff_ffffn,
  lockingScript: NO_SCRIPT,
};

function startsAt(script: Uint8Array, needle: Uint8Array, offset: number): boolean {
  const end = offset + needle.length;
  return end <= script.length && Buffer.compare(script.subarray(offset, end), needle) === 0;
}

/** `FindAndDelete`: the script without the pushes of a signature, which can't sign itself. */
function withoutPushesOf(script: Uint8Array, signature: Uint8Array): Uint8Array {
  const needle = concatBytes(Uint8Array.from(pushHead(signature.length)), signature);
  const kept: Uint8Array[] = [];
  for (let offset = 0; offset < script.length; ) {
    if (startsAt(script, needle, offset)) {
      offset += needle.length;
      continue;
    }
    const { end } = readInstruction(script, offset);
    kept.push(script.subarray(offset, end));
    offset = end;
  }
  return concatBytes(...kept);
}

function withoutSeparators(script: Uint8Array): Uint8Array {
  const kept: Uint8Array[] = [];
  for (let offset = 0; offset < script.length; ) {
    const { opcode, end } = readInstruction(script, offset);
    if (opcode !== OP.OP_CODESEPARATOR) kept.push(script.subarray(offset, end));
    offset = end;
  }
  return concatBytes(...kept);
}

/** The script code that original signatures cover: without their own pushes. */
export function legacyScriptCode(
  script: Uint8Array,
  signatures: readonly Uint8Array[],
): Uint8Array {
  return signatures.reduce(withoutPushesOf, script);
}

function signedOutputs(
  { outputs }: Transaction,
  base: number,
  inputIndex: number,
): readonly TransactionOutput[] {
  if (base === SIGHASH.NONE) return [];
  if (base !== SIGHASH.SINGLE) return outputs;
  return outputs
    .slice(0, inputIndex + 1)
    .map((output, index) => (index === inputIndex ? output : EMPTY_OUTPUT));
}

/**
 * The 32 bytes that an original signature for one input signs.
 * @param scriptCode see {@link legacyScriptCode}; its OP_CODESEPARATORs are left out here
 * @param hashType all 32 bits of it are signed
 */
export function legacySignatureHash(
  transaction: Transaction,
  inputIndex: number,
  scriptCode: Uint8Array,
  hashType: number,
): Uint8Array {
  const base = hashType & BASE_MASK;
  const anyone = (hashType & SIGHASH.ANYONECANPAY) !== 0;
  const ownSequence = base === SIGHASH.NONE || base === SIGHASH.SINGLE;
  if (base === SIGHASH.SINGLE && inputIndex >= transaction.outputs.length) return ONE;
  const writer = new ByteWriter(512).i32(transaction.version);
  writer.varInt(anyone ? 1 : transaction.inputs.length);
  transaction.inputs.forEach(({ outpoint, sequence }, index) => {
    const own = index === inputIndex;
    if (anyone && !own) return;
    writer.bytes(outpoint.hash).u32(outpoint.index);
    writer.varBytes(own ? withoutSeparators(scriptCode) : NO_SCRIPT);
    writer.u32(ownSequence && !own ? 0 : sequence);
  });
  const outputs = signedOutputs(transaction, base, inputIndex);
  writer.varInt(outputs.length);
  for (const output of outputs) writeOutput(writer, output);
  return sha256d(writer.u32(transaction.lockTime).i32(hashType).finish());
}
