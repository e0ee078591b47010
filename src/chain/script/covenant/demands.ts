import { type Expression, expression } from './expression.js';

/**
 * Demands on the transaction that spends an output. Each part leaves the stack as it found it unless it says
 * otherwise, and ends the script where its demand is not met. Expressions are run first, on the stack as the
 * part finds it.
 */

/** Demands that this is input `index`: so that two contracts can't be satisfied by one output. */
export function requireInputIndex(index: number): string {
  return `OP_INPUTINDEX ${index} OP_NUMEQUALVERIFY`;
}

/** Demands that the transaction carries this job id (32 bytes). */
export function requireJobId(id: Expression): string {
  return `${expression(id)} OP_TXJOBID OP_EQUALVERIFY`;
}

/** Demands that output `index` is worth exactly `value` base units. */
export function requireOutputValue(index: number, value: Expression): string {
  return `${expression(value)} ${index} OP_OUTPUTVALUE OP_NUMEQUALVERIFY`;
}

/** Demands that output `index` is worth `value` base units or more. */
export function requireOutputValueAtLeast(index: number, value: Expression): string {
  return `${expression(value)} ${index} OP_OUTPUTVALUE OP_LESSTHANOREQUAL OP_VERIFY`;
}

/** Demands that the locking script of output `index` is exactly this. */
export function requireOutputScript(index: number, script: Expression): string {
  return `${expression(script)} ${index} OP_OUTPUTBYTECODE OP_EQUALVERIFY`;
}

/** Demands that the locking script of output `index` has this SHA-256 (32 bytes). */
export function requireOutputScriptHash(index: number, sha256: Expression): string {
  return `${expression(sha256)} ${index} OP_OUTPUTBYTECODE OP_SHA256 OP_EQUALVERIFY`;
}

/** Demands that output `index` has this value and this locking script. */
export function requireOutput(index: number, value: Expression, script: Expression): string {
  return `${requireOutputValue(index, value)} ${requireOutputScript(index, script)}`;
}

export interface OutputTemplate {
  readonly index: number;
  /** Bytes of the head: the part of the script that holds the contract's parameters. */
  readonly headLength: number;
  /** SHA-256 of everything behind the head, 32 bytes. */
  readonly codeHash: Uint8Array;
}

/**
 * Demands that output `index` is locked by head ‖ code, where SHA-256(code) is known: an instance of a contract
 * whose parameters stand in its head. Leaves the head on the stack, for the caller to demand its bytes.
 *
 * Stack: → head
 */
export function requireOutputTemplate({ index, headLength, codeHash }: OutputTemplate): string {
  const split = `${index} OP_OUTPUTBYTECODE ${headLength} OP_SPLIT`;
  return `${split} OP_SHA256 ${expression(codeHash)} OP_EQUALVERIFY`;
}

/**
 * Demands that output `index` is locked by this contract's own code behind another head of the same length.
 * Leaves the output's head on the stack.
 *
 * Stack: → head
 */
export function requireOutputSameCode(index: number, headLength: number): string {
  const own = `${OWN_SCRIPT} ${headLength} OP_SPLIT OP_NIP`;
  return `${index} OP_OUTPUTBYTECODE ${headLength} OP_SPLIT ${own} OP_EQUALVERIFY`;
}

/** Expression: the locking script that is being unlocked. */
export const OWN_SCRIPT = 'OP_INPUTINDEX OP_UTXOBYTECODE';

/** Expression: base units that the output being unlocked is worth. */
export const OWN_VALUE = 'OP_INPUTINDEX OP_UTXOVALUE';
