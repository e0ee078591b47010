import { LIMITS } from './limits.js';
import { numberBytes } from './number.js';

/**
 * Arithmetic on numbers as scripts hold them (little-endian magnitude, sign in the highest bit, shortest form), byte
 * by byte. For numbers of more than some 30 bytes it is faster than going through BigInt and back, which takes
 * microseconds; what is linear in its cost must be linear in its time.
 */

const NOTHING = new Uint8Array(0);
const SIGN = 0x80;

/** Whether the number is below zero. */
function isNegative(number: Uint8Array): boolean {
  return number.length > 0 && (number[number.length - 1]! & SIGN) !== 0;
}

/**
 * Where results are made, of numbers of at most 10,000 bytes: an array of more than 64 bytes lies outside of
 * JavaScript's heap, and making one takes longer than adding a hundred bytes.
 */
const scratch = new Uint8Array(LIMITS.number + 8);

/** Puts a number's magnitude into the scratch; tells its length, whose highest bit is clear. */
function load(number: Uint8Array): number {
  const { length } = number;
  scratch.set(number);
  if (length > 0) scratch[length - 1]! &= ~SIGN;
  return length;
}

/** The number whose magnitude fills so much of the scratch, in its shortest form. */
function finish(filled: number, negative: boolean): Uint8Array {
  let length = filled;
  while (length > 0 && scratch[length - 1] === 0) length--;
  if (length === 0) return NOTHING;
  if (scratch[length - 1]! >= SIGN) scratch[length++] = 0;
  if (negative) scratch[length - 1]! |= SIGN;
  return scratch.slice(0, length);
}

/** Which magnitude is larger: above zero for the first, zero for none. Both are of numbers in their shortest form. */
function compareMagnitudes(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return a.length - b.length;
  let at = a.length - 1;
  if (at < 0) return 0;
  const top = (a[at]! & ~SIGN) - (b[at]! & ~SIGN);
  if (top !== 0) return top;
  while (--at >= 0) {
    if (a[at] !== b[at]) return a[at]! - b[at]!;
  }
  return 0;
}

/** Above zero where a is larger, below where b is, else zero. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  const negative = isNegative(a);
  if (negative !== isNegative(b)) return negative ? -1 : 1;
  return negative ? compareMagnitudes(b, a) : compareMagnitudes(a, b);
}

/** −a. */
export function negated(a: Uint8Array): Uint8Array {
  const out = new Uint8Array(a);
  if (out.length > 0) out[out.length - 1]! ^= SIGN;
  return out;
}

/** |a|. */
export function absolute(a: Uint8Array): Uint8Array {
  return isNegative(a) ? negated(a) : a;
}

/** Adds a magnitude that is no longer to the one in the scratch; tells the sum's length. */
function addLoaded(length: number, number: Uint8Array): number {
  const last = number.length - 1;
  let carry = 0;
  let i = 0;
  for (; i < last; i++) {
    carry += scratch[i]! + number[i]!;
    scratch[i] = carry;
    carry >>= 8;
  }
  if (last >= 0) {
    carry += scratch[i]! + (number[i]! & ~SIGN);
    scratch[i++] = carry;
    carry >>= 8;
  }
  for (; carry > 0 && i < length; i++) {
    carry += scratch[i]!;
    scratch[i] = carry;
    carry >>= 8;
  }
  if (carry > 0) scratch[length] = carry;
  return length + carry;
}

/** Takes a magnitude that is no larger from the one in the scratch. */
function subtractLoaded(length: number, number: Uint8Array): number {
  const last = number.length - 1;
  let borrow = 0;
  let i = 0;
  for (; i < last; i++) {
    borrow += scratch[i]! - number[i]!;
    scratch[i] = borrow;
    borrow >>= 8;
  }
  if (last >= 0) {
    borrow += scratch[i]! - (number[i]! & ~SIGN);
    scratch[i++] = borrow;
    borrow >>= 8;
  }
  for (; borrow < 0; i++) {
    borrow += scratch[i]!;
    scratch[i] = borrow;
    borrow >>= 8;
  }
  return length;
}

/** a + b, or a − b. */
export function sum(a: Uint8Array, b: Uint8Array, subtract = false): Uint8Array {
  const firstIsLarger = compareMagnitudes(a, b) >= 0;
  const minusB = isNegative(b) !== subtract;
  const negative = firstIsLarger ? isNegative(a) : minusB;
  const combine = isNegative(a) === minusB ? addLoaded : subtractLoaded;
  const length = load(firstIsLarger ? a : b);
  return finish(combine(length, firstIsLarger ? b : a), negative);
}

/** a / 2, toward zero. */
export function halved(a: Uint8Array): Uint8Array {
  const last = load(a) - 1;
  for (let i = 0; i < last; i++) scratch[i] = (scratch[i]! >> 1) | (scratch[i + 1]! << 7);
  if (last >= 0) scratch[last]! >>= 1;
  return finish(last + 1, isNegative(a));
}

/** Factors and divisors of {@link scaled} and {@link divided} are below it: 256 times one is a small integer. */
export const SHORT_FACTOR = 2 ** 22;

/** a · b for a short b. */
export function scaled(a: Uint8Array, b: number): Uint8Array {
  const factor = Math.abs(b);
  const length = load(a);
  let carry = 0;
  let i = 0;
  for (; i < length; i++) {
    carry += scratch[i]! * factor;
    scratch[i] = carry;
    carry >>= 8;
  }
  for (; carry > 0; i++) {
    scratch[i] = carry;
    carry >>= 8;
  }
  return finish(i, isNegative(a) !== b < 0);
}

/** a divided by a short b that is not zero: the quotient toward zero, and the remainder with the sign of a. */
export function divided(a: Uint8Array, b: number): { quotient: Uint8Array; remainder: Uint8Array } {
  const divisor = Math.abs(b);
  const length = load(a);
  let rest = 0;
  for (let i = length - 1; i >= 0; i--) {
    const value = (rest << 8) | scratch[i]!;
    const digit = (value / divisor) | 0;
    scratch[i] = digit;
    rest = value - digit * divisor;
  }
  const negative = isNegative(a);
  return {
    quotient: finish(length, negative !== b < 0),
    remainder: numberBytes(negative ? -rest : rest),
  };
}
