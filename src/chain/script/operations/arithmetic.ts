import { LIMITS } from '../limits.js';
import type { ScriptState } from '../state.js';
import { type Operation, type OperationGroup, ORIGINAL } from './operation.js';

function unary(result: (a: bigint) => bigint, note?: string): Operation {
  return {
    stack: 'a → b',
    cost: '2|b|',
    source: ORIGINAL,
    ...(note === undefined ? {} : { note }),
    run: (state) => state.pushResult(result(state.popNumber())),
  };
}

function unaryTest(test: (a: bigint) => boolean): Operation {
  return {
    stack: 'a → bool',
    cost: '|bool|',
    source: ORIGINAL,
    run: (state) => state.pushBoolean(test(state.popNumber())),
  };
}

function popTwo(state: ScriptState): [bigint, bigint] {
  state.need(2);
  const b = state.popNumber();
  return [state.popNumber(), b];
}

function binary(result: (a: bigint, b: bigint) => bigint): Operation {
  return {
    stack: 'a b → c',
    cost: '2|c|',
    source: ORIGINAL,
    run: (state) => state.pushResult(result(...popTwo(state))),
  };
}

function binaryTest(test: (a: bigint, b: bigint) => boolean): Operation {
  return {
    stack: 'a b → bool',
    cost: '|bool|',
    source: ORIGINAL,
    run: (state) => state.pushBoolean(test(...popTwo(state))),
  };
}

/** Multiplication and division, whose work grows with the product of the lengths. */
function quadratic(
  result: (a: bigint, b: bigint) => bigint,
  zero?: 'div-by-zero' | 'mod-by-zero',
  note?: string,
): Operation {
  const run = (state: ScriptState): void => {
    state.need(2);
    const second = state.pop();
    const first = state.pop();
    const b = state.toNumber(second, LIMITS.number);
    const a = state.toNumber(first, LIMITS.number);
    if (zero !== undefined && b === 0n) state.fail(zero);
    state.charge(first.length * second.length);
    state.pushResult(result(a, b));
  };
  return {
    stack: 'a b → c',
    cost: '2|c| + |a|·|b|',
    source: 'Bitcoin 0.1, as BCH restored it',
    ...(note === undefined ? {} : { note }),
    run,
  };
}

function numEqualVerify(state: ScriptState): void {
  const [a, b] = popTwo(state);
  if (a !== b) state.fail('num-equal-verify');
  state.charge(1);
}

function within(state: ScriptState): void {
  state.need(3);
  const above = state.popNumber();
  const least = state.popNumber();
  const value = state.popNumber();
  state.pushBoolean(value >= least && value < above);
}

// Math.min has no bigints
function least(a: bigint, b: bigint): bigint {
  if (a <= b) return a;
  return b;
}

const TRUNCATED = 'Rounds toward zero; the remainder has the sign of a';

/** Integers of up to 10,000 bytes. */
export const arithmeticOperations: OperationGroup = {
  OP_1ADD: unary((a) => a + 1n),
  OP_1SUB: unary((a) => a - 1n),
  OP_2MUL: unary((a) => a * 2n),
  OP_2DIV: unary((a) => a / 2n, 'Rounds toward zero'),
  OP_NEGATE: unary((a) => -a),
  OP_ABS: unary((a) => (a < 0n ? -a : a)),
  OP_NOT: unaryTest((a) => a === 0n),
  OP_0NOTEQUAL: unaryTest((a) => a !== 0n),
  OP_ADD: binary((a, b) => a + b),
  OP_SUB: binary((a, b) => a - b),
  OP_MUL: quadratic((a, b) => a * b),
  OP_DIV: quadratic((a, b) => a / b, 'div-by-zero', TRUNCATED),
  OP_MOD: quadratic((a, b) => a % b, 'mod-by-zero', TRUNCATED),
  OP_BOOLAND: binaryTest((a, b) => a !== 0n && b !== 0n),
  OP_BOOLOR: binaryTest((a, b) => a !== 0n || b !== 0n),
  OP_NUMEQUAL: binaryTest((a, b) => a === b),
  OP_NUMEQUALVERIFY: { stack: 'a b →', cost: '1', source: ORIGINAL, run: numEqualVerify },
  OP_NUMNOTEQUAL: binaryTest((a, b) => a !== b),
  OP_LESSTHAN: binaryTest((a, b) => a < b),
  OP_GREATERTHAN: binaryTest((a, b) => a > b),
  OP_LESSTHANOREQUAL: binaryTest((a, b) => a <= b),
  OP_GREATERTHANOREQUAL: binaryTest((a, b) => a >= b),
  OP_MIN: binary(least),
  OP_MAX: binary((a, b) => -least(-a, -b)),
  OP_WITHIN: {
    stack: 'a least above → bool',
    cost: '|bool|',
    source: ORIGINAL,
    note: 'least ≤ a < above',
    run: within,
  },
};
