import {
  absolute,
  compare,
  divided,
  halved,
  negated,
  SHORT_FACTOR,
  scaled,
  sum,
} from '../longArithmetic.js';
import { decodeNumber, encodeNumber, numberBytes, SMALL_BYTES, smallNumber } from '../number.js';
import type { ScriptState } from '../ScriptState.js';
import { type Operation, type OperationGroup, ORIGINAL } from './operation.js';

const ONE = numberBytes(1);

/** Up to so many bytes BigInt is faster than byte by byte. */
const BIGINT_BYTES = 24;

/** An operation on one number: in doubles where it is exact in them, else on its bytes. */
function unary(
  onSmall: (a: number) => number,
  onBytes: (a: Uint8Array) => Uint8Array,
  note?: string,
): Operation {
  const run = (state: ScriptState): void => {
    const a = state.popOperand();
    const small = a.length <= SMALL_BYTES;
    state.pushResult(small ? numberBytes(onSmall(smallNumber(a))) : onBytes(a));
  };
  return {
    stack: 'a → b',
    cost: '2|b|',
    source: ORIGINAL,
    ...(note === undefined ? {} : { note }),
    run,
  };
}

/** A test of one number, which is zero where it has no bytes. */
function unaryTest(test: (isZero: boolean) => boolean): Operation {
  return {
    stack: 'a → bool',
    cost: '|bool|',
    source: ORIGINAL,
    run: (state) => state.pushBoolean(test(state.popOperand().length === 0)),
  };
}

function popTwo(state: ScriptState): [Uint8Array, Uint8Array] {
  state.need(2);
  const b = state.popOperand();
  return [state.popOperand(), b];
}

function binary(result: (a: Uint8Array, b: Uint8Array) => Uint8Array): Operation {
  return {
    stack: 'a b → c',
    cost: '2|c|',
    source: ORIGINAL,
    run: (state) => state.pushResult(result(...popTwo(state))),
  };
}

function binaryTest(test: (a: Uint8Array, b: Uint8Array) => boolean): Operation {
  return {
    stack: 'a b → bool',
    cost: '|bool|',
    source: ORIGINAL,
    run: (state) => state.pushBoolean(test(...popTwo(state))),
  };
}

/** Multiplication and division, whose work grows with the product of the lengths. */
function quadratic(
  result: (a: Uint8Array, b: Uint8Array) => Uint8Array,
  zero?: 'div-by-zero' | 'mod-by-zero',
  note?: string,
): Operation {
  const run = (state: ScriptState): void => {
    const [a, b] = popTwo(state);
    if (zero !== undefined && b.length === 0) state.fail(zero);
    state.charge(a.length * b.length);
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

const areSmall = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length <= SMALL_BYTES && b.length <= SMALL_BYTES;

const fitBigint = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length <= BIGINT_BYTES && b.length <= BIGINT_BYTES;

/** A number as a short factor or divisor; undefined where it is none. */
function shortFactor(number: Uint8Array): number | undefined {
  const value = number.length <= SMALL_BYTES ? smallNumber(number) : SHORT_FACTOR;
  return Math.abs(value) < SHORT_FACTOR ? value : undefined;
}

function add(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (areSmall(a, b)) return numberBytes(smallNumber(a) + smallNumber(b));
  if (fitBigint(a, b)) return encodeNumber(decodeNumber(a) + decodeNumber(b));
  return sum(a, b);
}

function subtract(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (areSmall(a, b)) return numberBytes(smallNumber(a) - smallNumber(b));
  if (fitBigint(a, b)) return encodeNumber(decodeNumber(a) - decodeNumber(b));
  return sum(a, b, true);
}

function multiply(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length + b.length <= SMALL_BYTES) return numberBytes(smallNumber(a) * smallNumber(b));
  if (!fitBigint(a, b)) {
    const [longer, shorter] = a.length >= b.length ? [a, b] : [b, a];
    const factor = shortFactor(shorter);
    if (factor !== undefined) return scaled(longer, factor);
  }
  return encodeNumber(decodeNumber(a) * decodeNumber(b));
}

function divide(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (areSmall(a, b)) return numberBytes(Math.trunc(smallNumber(a) / smallNumber(b)));
  const divisor = divisorFor(a, b);
  if (divisor !== undefined) return divided(a, divisor).quotient;
  return encodeNumber(decodeNumber(a) / decodeNumber(b));
}

function remainder(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (areSmall(a, b)) return numberBytes(smallNumber(a) % smallNumber(b));
  const divisor = divisorFor(a, b);
  if (divisor !== undefined) return divided(a, divisor).remainder;
  return encodeNumber(decodeNumber(a) % decodeNumber(b));
}

/** Longer ones than this BigInt divides faster, conversions included. */
const BYTEWISE_DIVIDEND = 600;

function divisorFor(a: Uint8Array, b: Uint8Array): number | undefined {
  return fitBigint(a, b) || a.length > BYTEWISE_DIVIDEND ? undefined : shortFactor(b);
}

function numEqualVerify(state: ScriptState): void {
  const [a, b] = popTwo(state);
  if (compare(a, b) !== 0) state.fail('num-equal-verify');
  state.charge(1);
}

function within(state: ScriptState): void {
  state.need(3);
  const above = state.popOperand();
  const least = state.popOperand();
  const value = state.popOperand();
  state.pushBoolean(compare(value, least) >= 0 && compare(value, above) < 0);
}

const isZero = (number: Uint8Array): boolean => number.length === 0;
const TRUNCATED = 'Rounds toward zero; the remainder has the sign of a';

/** Integers of up to 10,000 bytes. */
export const arithmeticOperations: OperationGroup = {
  OP_1ADD: unary(
    (a) => a + 1,
    (a) => add(a, ONE),
  ),
  OP_1SUB: unary(
    (a) => a - 1,
    (a) => subtract(a, ONE),
  ),
  OP_2MUL: unary(
    (a) => a * 2,
    (a) => add(a, a),
  ),
  OP_2DIV: unary((a) => Math.trunc(a / 2), halved, 'Rounds toward zero'),
  OP_NEGATE: unary((a) => -a, negated),
  OP_ABS: unary(Math.abs, absolute),
  OP_NOT: unaryTest((zero) => zero),
  OP_0NOTEQUAL: unaryTest((zero) => !zero),
  OP_ADD: binary(add),
  OP_SUB: binary(subtract),
  OP_MUL: quadratic(multiply),
  OP_DIV: quadratic(divide, 'div-by-zero', TRUNCATED),
  OP_MOD: quadratic(remainder, 'mod-by-zero', TRUNCATED),
  OP_BOOLAND: binaryTest((a, b) => !isZero(a) && !isZero(b)),
  OP_BOOLOR: binaryTest((a, b) => !isZero(a) || !isZero(b)),
  OP_NUMEQUAL: binaryTest((a, b) => compare(a, b) === 0),
  OP_NUMEQUALVERIFY: { stack: 'a b →', cost: '1', source: ORIGINAL, run: numEqualVerify },
  OP_NUMNOTEQUAL: binaryTest((a, b) => compare(a, b) !== 0),
  OP_LESSTHAN: binaryTest((a, b) => compare(a, b) < 0),
  OP_GREATERTHAN: binaryTest((a, b) => compare(a, b) > 0),
  OP_LESSTHANOREQUAL: binaryTest((a, b) => compare(a, b) <= 0),
  OP_GREATERTHANOREQUAL: binaryTest((a, b) => compare(a, b) >= 0),
  OP_MIN: binary((a, b) => (compare(a, b) <= 0 ? a : b)),
  OP_MAX: binary((a, b) => (compare(a, b) >= 0 ? a : b)),
  OP_WITHIN: {
    stack: 'a least above → bool',
    cost: '|bool|',
    source: ORIGINAL,
    note: 'least ≤ a < above',
    run: within,
  },
};
