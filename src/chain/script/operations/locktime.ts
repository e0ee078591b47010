import {
  FINAL_SEQUENCE,
  LOCK_TIME_THRESHOLD,
  SEQUENCE_DISABLED,
  SEQUENCE_IS_TIME,
  SEQUENCE_MASK,
} from '../lockTimes.js';
import { smallNumber } from '../number.js';
import type { ScriptState } from '../ScriptState.js';
import type { OperationGroup } from './operation.js';

const LOCK_TIME_BYTES = 5;

/** Whether a number, which may be longer than 32 bits, has a bit. */
const has = (value: number, bit: number): boolean => Math.floor(value / bit) % 2 === 1;

/** The lock time on top of the stack, which stays there. */
function peekLockTime(state: ScriptState): number {
  const required = smallNumber(state.toOperand(state.peek(0), LOCK_TIME_BYTES));
  if (required < 0) state.fail('negative-locktime');
  return required;
}

function checkLockTime(state: ScriptState): void {
  if (!state.flags.lockTime) return;
  const required = peekLockTime(state);
  const { transaction, inputIndex } = state.context;
  const { lockTime } = transaction;
  const sameKind = required < LOCK_TIME_THRESHOLD === lockTime < LOCK_TIME_THRESHOLD;
  const final = transaction.inputs[inputIndex]!.sequence === FINAL_SEQUENCE;
  if (!sameKind || required > lockTime || final) state.fail('unsatisfied-locktime');
}

function checkSequence(state: ScriptState): void {
  if (!state.flags.sequence) return;
  const required = peekLockTime(state);
  if (has(required, SEQUENCE_DISABLED)) return;
  const { transaction, inputIndex } = state.context;
  const { sequence } = transaction.inputs[inputIndex]!;
  // BIP68 reads the version as unsigned: a negative one is large
  const locksApply = transaction.version >>> 0 >= 2 && !has(sequence, SEQUENCE_DISABLED);
  const sameKind = has(required, SEQUENCE_IS_TIME) === has(sequence, SEQUENCE_IS_TIME);
  const reached = required % (SEQUENCE_MASK + 1) <= (sequence & SEQUENCE_MASK);
  if (!locksApply || !sameKind || !reached) state.fail('unsatisfied-locktime');
}

/** Absolute and relative time locks. The argument stays on the stack. */
export const lockTimeOperations: OperationGroup = {
  OP_CHECKLOCKTIMEVERIFY: {
    stack: 'n → n',
    cost: '0',
    source: 'BIP65',
    note: "Fails unless the transaction's lock time is of n's kind and at least n",
    run: checkLockTime,
  },
  OP_CHECKSEQUENCEVERIFY: {
    stack: 'n → n',
    cost: '0',
    source: 'BIP68, BIP112',
    note: "Fails unless the input's sequence demands at least the age n",
    run: checkSequence,
  },
};
