import { magnitudeBytes, magnitudeOf } from './bigintBytes.js';

/**
 * Whether the bytes are a number in its shortest form: no trailing byte that holds nothing but a sign
 * that the byte before it could carry.
 */
export function isMinimalNumber(bytes: Uint8Array): boolean {
  const last = bytes.length - 1;
  if (last < 0 || (bytes[last]! & 0x7f) !== 0) return true;
  return last > 0 && (bytes[last - 1]! & 0x80) !== 0;
}

/** Below it a number is exact as a double, and faster in one. */
const SMALL = 2n ** 47n;

/** Numbers of up to so many bytes are exact as doubles, and so are their sums. */
export const SMALL_BYTES = 6;

function encodeSmall(magnitude: number, negative: boolean): Uint8Array {
  let length = 1;
  for (let limit = 0x80; magnitude >= limit; limit *= 0x100) length++;
  const bytes = new Uint8Array(length);
  let rest = magnitude;
  for (let i = 0; i < length; i++) {
    bytes[i] = rest % 0x100;
    rest = Math.floor(rest / 0x100);
  }
  if (negative) bytes[length - 1]! |= 0x80;
  return bytes;
}

/** A whole number below 2^53 as scripts hold it; see {@link encodeNumber}. */
export function numberBytes(value: number): Uint8Array {
  if (value === 0) return new Uint8Array(0);
  return encodeSmall(Math.abs(value), value < 0);
}

/**
 * A number as scripts hold it: little-endian magnitude, sign in the highest bit of the last byte, zero is
 * empty; always the shortest form.
 */
export function encodeNumber(value: bigint): Uint8Array {
  if (value === 0n) return new Uint8Array(0);
  const negative = value < 0n;
  if (value > -SMALL && value < SMALL) return encodeSmall(Math.abs(Number(value)), negative);
  const magnitude = magnitudeBytes(negative ? -value : value);
  const { length } = magnitude;
  // a magnitude that fills its highest bit needs one more byte for the sign
  const full = magnitude[length - 1]! >= 0x80;
  if (!full && !negative) return magnitude;
  const bytes = full ? new Uint8Array(length + 1) : magnitude;
  if (full) bytes.set(magnitude);
  if (negative) bytes[bytes.length - 1]! |= 0x80;
  return bytes;
}

/** The number behind at most {@link SMALL_BYTES} bytes. */
export function smallNumber(bytes: Uint8Array): number {
  const last = bytes.length - 1;
  if (last < 0) return 0;
  let magnitude = bytes[last]! & 0x7f;
  for (let i = last - 1; i >= 0; i--) magnitude = magnitude * 256 + bytes[i]!;
  return (bytes[last]! & 0x80) === 0 ? magnitude : -magnitude;
}

/** The number behind the bytes, whether in its shortest form or not. Negative zero is zero. */
export function decodeNumber(bytes: Uint8Array): bigint {
  const { length } = bytes;
  if (length === 0) return 0n;
  if (length <= SMALL_BYTES) return BigInt(smallNumber(bytes));
  const negative = (bytes[length - 1]! & 0x80) !== 0;
  if (!negative) return magnitudeOf(bytes);
  const unsigned = new Uint8Array(bytes);
  unsigned[length - 1]! &= 0x7f;
  return -magnitudeOf(unsigned);
}

/** The shortest form of a number that may carry needless zeros below its sign. */
export function minimized(number: Uint8Array): Uint8Array {
  if (isMinimalNumber(number)) return number;
  const sign = number.at(-1)! & 0x80;
  let length = number.length - 1;
  while (length > 0 && number[length - 1] === 0) length--;
  if (length === 0) return new Uint8Array(0);
  if ((number[length - 1]! & 0x80) !== 0) {
    const out = new Uint8Array(number.subarray(0, length + 1));
    out[length] = sign;
    return out;
  }
  const out = new Uint8Array(number.subarray(0, length));
  out[length - 1]! |= sign;
  return out;
}

/** What IF and VERIFY make of an element: false for zeros only, negative zero included. */
export function isTruthy(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== 0) return i !== bytes.length - 1 || bytes[i] !== 0x80;
  }
  return false;
}
