import { numberBytes } from './number.js';

/**
 * Arithmetic on numbers as scripts hold them (little-endian magnitude, sign in the highest bit, shortest form), byte
 * by byte. For numbers of more than a few bytes it is faster than going through BigInt and back, which takes
 * microseconds; what is linear in its cost must be linear in its time.
 */

const NOTHING = new Uint8Array(0);
const SIGN = 0x80;

/** Whether the number is below zero. */
export function isNegative(number: Uint8Array): boolean {
  return number.length > 0 && (number[number.length - 1]! & SIGN) !== 0;
}

/** The magnitude, in as many bytes as the number has; the highest bit is clear. */
function magnitude(number: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(number);
  if (bytes.length > 0) bytes[bytes.length - 1]! &= ~SIGN;
  return bytes;
}

/** The number of this magnitude, in its shortest form. */
function signed(bytes: Uint8Array, negative: boolean): Uint8Array {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length--;
  if (length === 0) return NOTHING;
  const full = bytes[length - 1]! >= SIGN;
  const out = new Uint8Array(full ? length + 1 : length);
  out.set(bytes.subarray(0, length));
  if (negative) out[out.length - 1]! |= SIGN;
  return out;
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
  return isNegative(a) ? magnitude(a) : a;
}

function addMagnitudes(longer: Uint8Array, shorter: Uint8Array): Uint8Array {
  const out = new Uint8Array(longer.length + 1);
  let carry = 0;
  let i = 0;
  for (; i < shorter.length; i++) {
    carry += longer[i]! + shorter[i]!;
    out[i] = carry;
    carry >>= 8;
  }
  for (; i < longer.length; i++) {
    carry += longer[i]!;
    out[i] = carry;
    carry >>= 8;
  }
  out[i] = carry;
  return out;
}

function subtractMagnitudes(larger: Uint8Array, smaller: Uint8Array): Uint8Array {
  const out = new Uint8Array(larger.length);
  let borrow = 0;
  let i = 0;
  for (; i < smaller.length; i++) {
    borrow += larger[i]! - smaller[i]!;
    out[i] = borrow;
    borrow >>= 8;
  }
  for (; i < larger.length; i++) {
    borrow += larger[i]!;
    out[i] = borrow;
    borrow >>= 8;
  }
  return out;
}

/** a + b. */
export function sum(a: Uint8Array, b: Uint8Array): Uint8Array {
  const [larger, smaller] = compareMagnitudes(a, b) >= 0 ? [a, b] : [b, a];
  const negative = isNegative(larger);
  const combine = negative === isNegative(smaller) ? addMagnitudes : subtractMagnitudes;
  return signed(combine(magnitude(larger), magnitude(smaller)), negative);
}

/** a / 2, toward zero. */
export function halved(a: Uint8Array): Uint8Array {
  const bytes = magnitude(a);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = (bytes[i]! >> 1) | ((bytes[i + 1] ?? 0) << 7);
  }
  return signed(bytes, isNegative(a));
}

/** Most bytes of a factor or divisor that {@link scaled} and {@link divided} take: a double holds 256 times its value. */
export const SHORT_FACTOR = 5;

/** a · b for a short b. */
export function scaled(a: Uint8Array, b: number): Uint8Array {
  const factor = Math.abs(b);
  const bytes = magnitude(a);
  const out = new Uint8Array(bytes.length + SHORT_FACTOR);
  let carry = 0;
  let i = 0;
  for (; i < bytes.length; i++) {
    carry += bytes[i]! * factor;
    const rest = Math.floor(carry / 256);
    out[i] = carry - rest * 256;
    carry = rest;
  }
  for (; carry > 0; i++) {
    out[i] = carry % 256;
    carry = Math.floor(carry / 256);
  }
  return signed(out, isNegative(a) !== b < 0);
}

/** a divided by a short b that is not zero: the quotient toward zero, and the remainder with the sign of a. */
export function divided(a: Uint8Array, b: number): { quotient: Uint8Array; remainder: Uint8Array } {
  const divisor = Math.abs(b);
  const bytes = magnitude(a);
  let rest = 0;
  for (let i = bytes.length - 1; i >= 0; i--) {
    const value = rest * 256 + bytes[i]!;
    const digit = Math.floor(value / divisor);
    bytes[i] = digit;
    rest = value - digit * divisor;
  }
  const negative = isNegative(a);
  return {
    quotient: signed(bytes, negative !== b < 0),
    remainder: numberBytes(negative ? -rest : rest),
  };
}
