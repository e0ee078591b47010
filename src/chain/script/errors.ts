/**
 * Why a script failed, and Bitcoin's sentence for it (script_error.cpp; the BCH and our own additions in the
 * same manner).
 */
export const SCRIPT_ERRORS = {
  'eval-false': 'Script evaluated without error but finished with a false/empty top stack element',
  verify: 'Script failed an OP_VERIFY operation',
  'equal-verify': 'Script failed an OP_EQUALVERIFY operation',
  'num-equal-verify': 'Script failed an OP_NUMEQUALVERIFY operation',
  'check-sig-verify': 'Script failed an OP_CHECKSIGVERIFY operation',
  'check-multi-sig-verify': 'Script failed an OP_CHECKMULTISIGVERIFY operation',
  'check-data-sig-verify': 'Script failed an OP_CHECKDATASIGVERIFY operation',
  'push-size': 'Push value size limit exceeded',
  'stack-size': 'Stack size limit exceeded',
  'control-depth': 'Conditional and loop nesting limit exceeded',
  'sig-count': 'Signature count negative or greater than pubkey count',
  'pubkey-count': 'Pubkey count negative or limit exceeded',
  'bad-opcode': 'Opcode missing or not understood',
  'reserved-opcode': 'Attempted to use a reserved opcode',
  'op-return': 'OP_RETURN was encountered',
  'invalid-stack-operation': 'Operation not valid with the current stack size',
  'invalid-altstack-operation': 'Operation not valid with the current altstack size',
  'unbalanced-conditional': 'Invalid OP_IF construction',
  'unbalanced-loop': 'Invalid OP_BEGIN construction',
  'operand-size': 'Invalid operand size',
  'number-range': 'Given operand is not a number within the valid range',
  'minimal-number': 'Number is not minimally encoded',
  'impossible-encoding': 'The requested encoding is impossible to satisfy',
  'split-range': 'Invalid OP_SPLIT range',
  'div-by-zero': 'Division by zero error',
  'mod-by-zero': 'Modulo by zero error',
  'negative-locktime': 'Negative locktime',
  'unsatisfied-locktime': 'Locktime requirement not satisfied',
  'sig-hashtype': 'Signature hash type missing or not understood',
  'sig-der': 'Non-canonical DER signature',
  'sig-high-s': 'Non-canonical signature: S value is unnecessarily high',
  'sig-nulldummy': 'Dummy CHECKMULTISIG argument must be zero',
  'sig-nullfail': 'Signature must be zero for failed CHECK(MULTI)SIG operation',
  'sig-pushonly': 'Only push operators allowed in signature',
  pubkeytype: 'Public key is neither compressed or uncompressed',
  minimaldata: 'Data push larger than necessary',
  cleanstack: 'Stack size must be exactly one after execution',
  'introspection-index': 'The transaction has no input or output with this index',
  'operation-cost': 'Operation cost limit exceeded',
  'hash-iterations': 'Hash iteration limit exceeded',
  'no-input': 'The transaction has no such input, or its spent output is missing',
} as const;

/** Why a script fails: one of {@link SCRIPT_ERRORS}. */
export type ScriptErrorCode = keyof typeof SCRIPT_ERRORS;

/** The reject reason as Bitcoin writes it: `mandatory-script-verify-flag-failed (…)`. */
export function scriptRejectReason(code: ScriptErrorCode): string {
  return `mandatory-script-verify-flag-failed (${SCRIPT_ERRORS[code]})`;
}

/** Ends the evaluation of a script; never leaves this room. */
export class ScriptFailure extends Error {
  readonly code: ScriptErrorCode;

  constructor(code: ScriptErrorCode) {
    super(SCRIPT_ERRORS[code]);
    this.code = code;
  }
}
