import { concatBytes } from '../../../base/index.js';
import { LIMITS } from '../limits.js';
import { minimized } from '../number.js';
import type { ScriptState } from '../ScriptState.js';
import { type OperationGroup, ORIGINAL } from './operation.js';

const MAY_2018 = 'Bitcoin 0.1, as BCH restored it in May 2018';

function cat(state: ScriptState): void {
  state.need(2);
  const right = state.pop();
  const left = state.pop();
  if (left.length + right.length > LIMITS.element) state.fail('push-size');
  state.push(concatBytes(left, right));
}

/** Pops a position in, or a size of, an element that is `length` long: 0 to `length`. */
function popWithin(state: ScriptState, length: number): number {
  const at = state.popIndex();
  if (at < 0 || at > length) state.fail('split-range');
  return at;
}

/** A copy of a part: a view would keep the whole element in memory, of which the machine then counts a part. */
function part(element: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(element.subarray(from, to));
}

function split(state: ScriptState): void {
  state.need(2);
  const at = popWithin(state, state.peek(1).length);
  const element = state.pop();
  state.push(part(element, 0, at));
  state.push(part(element, at, element.length));
}

function substr(state: ScriptState): void {
  state.need(3);
  const { length } = state.peek(2);
  const size = popWithin(state, length);
  const begin = popWithin(state, length - size);
  state.push(part(state.pop(), begin, begin + size));
}

function left(state: ScriptState): void {
  state.need(2);
  const size = popWithin(state, state.peek(1).length);
  state.push(part(state.pop(), 0, size));
}

function right(state: ScriptState): void {
  state.need(2);
  const size = popWithin(state, state.peek(1).length);
  const element = state.pop();
  state.push(part(element, element.length - size, element.length));
}

function numToBin(state: ScriptState): void {
  state.need(2);
  const size = state.popIndex();
  if (size < 0 || size > LIMITS.element) state.fail('push-size');
  const number = minimized(state.pop());
  if (number.length > size) state.fail('impossible-encoding');
  const out = new Uint8Array(size);
  out.set(number);
  if (number.length > 0 && number.length < size) {
    out[number.length - 1]! &= 0x7f;
    out[size - 1] = number.at(-1)! & 0x80;
  }
  state.push(out);
}

function binToNum(state: ScriptState): void {
  const number = minimized(state.pop());
  if (number.length > LIMITS.number) state.fail('number-range');
  state.push(number);
}

/** Joins, cuts and pads byte strings. A range outside of the element fails; nothing is clamped. */
export const spliceOperations: OperationGroup = {
  OP_CAT: { stack: 'a b → ab', cost: '|ab|', source: MAY_2018, run: cat },
  OP_SPLIT: {
    stack: 'ab n → a b',
    cost: '|ab|',
    source: 'BCH, May 2018',
    note: 'a is n bytes long',
    run: split,
  },
  OP_NUM2BIN: {
    stack: 'a n → b',
    cost: 'n',
    source: 'BCH, May 2018',
    note: 'The number a in exactly n bytes',
    run: numToBin,
  },
  OP_BIN2NUM: {
    stack: 'a → b',
    cost: '|b|',
    source: 'BCH, May 2018',
    note: 'The bytes a as a number in its shortest form',
    run: binToNum,
  },
  OP_SIZE: {
    stack: 'a → a n',
    cost: '|n|',
    source: ORIGINAL,
    run: (state) => state.pushNumber(state.peek(0).length),
  },
  OP_SUBSTR: {
    stack: 'a begin size → b',
    cost: '|b|',
    source: `${ORIGINAL}, at another byte`,
    run: substr,
  },
  OP_LEFT: {
    stack: 'a size → b',
    cost: '|b|',
    source: `${ORIGINAL}, at another byte`,
    note: 'The first bytes',
    run: left,
  },
  OP_RIGHT: {
    stack: 'a size → b',
    cost: '|b|',
    source: `${ORIGINAL}, at another byte`,
    note: 'The last bytes',
    run: right,
  },
};
