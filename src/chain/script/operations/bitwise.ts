import { equalBytes } from '../../../base/index.js';
import type { ScriptState } from '../ScriptState.js';
import { type Operation, type OperationGroup, ORIGINAL } from './operation.js';

/** Fills `out` from two byte strings as long as it. */
type Combine = (out: Uint8Array, a: Uint8Array, b: Uint8Array) => void;

// a loop for each: one that calls what differs per byte takes three times as long once it has called several
const and: Combine = (out, a, b) => {
  for (let i = 0; i < out.length; i++) out[i] = a[i]! & b[i]!;
};

const or: Combine = (out, a, b) => {
  for (let i = 0; i < out.length; i++) out[i] = a[i]! | b[i]!;
};

const xor: Combine = (out, a, b) => {
  for (let i = 0; i < out.length; i++) out[i] = a[i]! ^ b[i]!;
};

function bytewise(combine: Combine): Operation {
  const run = (state: ScriptState): void => {
    state.need(2);
    const b = state.pop();
    const a = state.pop();
    if (a.length !== b.length) state.fail('operand-size');
    const out = new Uint8Array(a.length);
    combine(out, a, b);
    state.push(out);
  };
  return {
    stack: 'a b → c',
    cost: '|c|',
    source: 'Bitcoin 0.1, as BCH restored it in May 2018',
    note: 'Both of the same length',
    run,
  };
}

function invert(state: ScriptState): void {
  const bytes = state.pop();
  const out = new Uint8Array(bytes.length);
  for (let i = 0; i < out.length; i++) out[i] = ~bytes[i]!;
  state.push(out);
}

/** Moves all bits of a byte string, first byte highest; its length stays. */
function shift(toLeft: boolean): (state: ScriptState) => void {
  return (state) => {
    state.need(2);
    const count = state.popIndex();
    if (count < 0) state.fail('number-range');
    const bytes = state.pop();
    const out = new Uint8Array(bytes.length);
    const whole = Math.floor(count / 8);
    const bits = count % 8;
    if (whole < bytes.length) {
      if (toLeft) shiftLeft(bytes, out, whole, bits);
      else shiftRight(bytes, out, whole, bits);
    }
    state.push(out);
  };
}

function shiftLeft(from: Uint8Array, to: Uint8Array, whole: number, bits: number): void {
  const last = from.length - 1;
  for (let i = whole; i < last; i++) {
    to[i - whole] = (from[i]! << bits) | (from[i + 1]! >> (8 - bits));
  }
  to[last - whole] = from[last]! << bits;
}

function shiftRight(from: Uint8Array, to: Uint8Array, whole: number, bits: number): void {
  to[whole] = from[0]! >> bits;
  for (let i = whole + 1; i < from.length; i++) {
    to[i] = (from[i - whole]! >> bits) | (from[i - whole - 1]! << (8 - bits));
  }
}

function popEqual(state: ScriptState): boolean {
  state.need(2);
  return equalBytes(state.pop(), state.pop());
}

const SHIFT_NOTE = 'Bits of the byte string a, first byte highest; the length stays';
const SHIFT_SOURCE = 'Bitcoin 0.1, on bytes as MicroVisionChain restored it';

/** Bits of byte strings, and equality. */
export const bitwiseOperations: OperationGroup = {
  OP_INVERT: { stack: 'a → b', cost: '|b|', source: ORIGINAL, run: invert },
  OP_AND: bytewise(and),
  OP_OR: bytewise(or),
  OP_XOR: bytewise(xor),
  OP_LSHIFT: {
    stack: 'a n → b',
    cost: '|b|',
    source: SHIFT_SOURCE,
    note: SHIFT_NOTE,
    run: shift(true),
  },
  OP_RSHIFT: {
    stack: 'a n → b',
    cost: '|b|',
    source: SHIFT_SOURCE,
    note: SHIFT_NOTE,
    run: shift(false),
  },
  OP_EQUAL: {
    stack: 'a b → bool',
    cost: '|bool|',
    source: ORIGINAL,
    run: (state) => state.pushBoolean(popEqual(state)),
  },
  OP_EQUALVERIFY: {
    stack: 'a b →',
    cost: '1',
    source: ORIGINAL,
    run: (state) => {
      const equal = popEqual(state);
      state.charge(equal ? 1 : 0);
      if (!equal) state.fail('equal-verify');
    },
  },
};
