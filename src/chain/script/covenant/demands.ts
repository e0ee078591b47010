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

/**
 * Demands that output `index` carries no token. A locking script as scripts see it is without the token in front of
 * it, and signatures cover that token: whoever could put one on a contract would have made an output that its other
 * party, who knows the script alone, can't sign for.
 */
export function requireNoToken(index: number | string): string {
  return `${index} OP_OUTPUTTOKENCATEGORY 0 OP_EQUALVERIFY`;
}

/** Demands that the locking script of output `index` is exactly this, and that no token lies on it. */
export function requireOutputScript(index: number, script: Expression): string {
  return `${requireTokenScript(index, script)} ${requireNoToken(index)}`;
}

/** Demands the locking script of output `index` alone: for one that carries a token, which the caller looks at. */
export function requireTokenScript(index: number, script: Expression): string {
  return `${expression(script)} ${index} OP_OUTPUTBYTECODE OP_EQUALVERIFY`;
}

/** Demands that the locking script of output `index` has this SHA-256 (32 bytes), and that no token lies on it. */
export function requireOutputScriptHash(index: number, sha256: Expression): string {
  const script = `${expression(sha256)} ${index} OP_OUTPUTBYTECODE OP_SHA256 OP_EQUALVERIFY`;
  return `${script} ${requireNoToken(index)}`;
}

/** Demands that output `index` has this value and this locking script, and carries no token. */
export function requireOutput(index: number, value: Expression, script: Expression): string {
  return `${requireOutputValue(index, value)} ${requireOutputScript(index, script)}`;
}

/** An output whose script is a contract's code behind a head that holds its parameters. */
export interface OutputTemplate {
  readonly index: number;
  /** Bytes of the head: the part of the script that holds the contract's parameters. */
  readonly headLength: number;
  /** SHA-256 of everything behind the head, 32 bytes. */
  readonly codeHash: Uint8Array;
}

/**
 * Demands that output `index` is locked by head ‖ code, where SHA-256(code) is known: an instance of a contract
 * whose parameters stand in its head; and that it carries no token. Leaves the head on the stack, for the caller to
 * demand its bytes.
 *
 * Stack: → head
 */
export function requireOutputTemplate({ index, headLength, codeHash }: OutputTemplate): string {
  const split = `${index} OP_OUTPUTBYTECODE ${headLength} OP_SPLIT`;
  return `${split} OP_SHA256 ${expression(codeHash)} OP_EQUALVERIFY ${requireNoToken(index)}`;
}

/**
 * Demands that output `index` is locked by this contract's own code behind another head of the same length, and
 * carries no token. Leaves the output's head on the stack.
 *
 * Stack: → head
 */
export function requireOutputSameCode(index: number, headLength: number): string {
  const own = `${OWN_SCRIPT} ${headLength} OP_SPLIT OP_NIP`;
  const split = `${index} OP_OUTPUTBYTECODE ${headLength} OP_SPLIT`;
  return `${split} ${own} OP_EQUALVERIFY ${requireNoToken(index)}`;
}

/** Expression: the locking script that is being unlocked. */
export const OWN_SCRIPT = 'OP_INPUTINDEX OP_UTXOBYTECODE';

/** Expression: base units that the output being unlocked is worth. */
export const OWN_VALUE = 'OP_INPUTINDEX OP_UTXOVALUE';
