import { deserialize, serialize } from 'node:v8';

/**
 * Magnitudes as little-endian bytes. JavaScript has no conversion between BigInt and bytes; hexadecimal text is
 * the usual way round, and takes 2 ns per byte. Numbers of scripts are converted at every operation, so:
 * short ones go through 64-bit words, and long ones through the digits that V8's own serialisation copies as
 * they are (its format may be stored, so it stays; where it is another one, text takes its place).
 */

const WORD_BITS = 64n;
/** Up to so many 64-bit words, word by word is fastest. */
const WORDS = 48;
const words = new BigUint64Array(WORDS);
const wordBytes = new Uint8Array(words.buffer);
const WORDS_END = 1n << (WORD_BITS * BigInt(WORDS));

// a serialised BigInt: 0xff, version, 'Z', then a variable-length field (sign, and twice the length of the digits)
const TAG = 0x5a;
const HEAD = 3;
const VERSION = serialize(1n)[1]!;

function readSerialized(bytes: Uint8Array): bigint {
  const digits = Math.ceil(bytes.length / 8) * 8;
  const out = Buffer.allocUnsafe(HEAD + 5 + digits);
  out[0] = 0xff;
  out[1] = VERSION;
  out[2] = TAG;
  let at = HEAD;
  let field = digits * 2;
  for (; field >= 0x80; field >>>= 7) out[at++] = (field & 0x7f) | 0x80;
  out[at++] = field;
  out.set(bytes, at);
  out.fill(0, at + bytes.length, at + digits);
  return deserialize(out.subarray(0, at + digits)) as bigint;
}

function writeSerialized(magnitude: bigint): Uint8Array {
  const bytes = serialize(magnitude);
  let at = HEAD;
  while ((bytes[at]! & 0x80) !== 0) at++;
  let end = bytes.length;
  while (bytes[end - 1] === 0) end--;
  return new Uint8Array(bytes.subarray(at + 1, end));
}

/** One way between a magnitude above zero and its little-endian bytes. */
export interface MagnitudeConversion {
  readonly read: (bytes: Uint8Array) => bigint;
  /** Without zeros at the end. */
  readonly write: (magnitude: bigint) => Uint8Array;
}

/** By hexadecimal text: right everywhere, and slow. */
export const byText: MagnitudeConversion = {
  read: (bytes) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`),
  write: (magnitude) => {
    const hex = magnitude.toString(16);
    return new Uint8Array(Buffer.from(hex.length % 2 === 1 ? `0${hex}` : hex, 'hex').reverse());
  },
};

/** By V8's serialisation. */
const bySerialization: MagnitudeConversion = { read: readSerialized, write: writeSerialized };

function knowsSerialization(): boolean {
  const bytes = Uint8Array.from({ length: 301 }, (_, i) => (i * 7 + 1) & 0xff);
  const value = byText.read(bytes);
  const written = serialize(value);
  return (
    written[0] === 0xff &&
    written[2] === TAG &&
    readSerialized(bytes) === value &&
    Buffer.compare(writeSerialized(value), bytes) === 0
  );
}

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
const long = littleEndian && knowsSerialization() ? bySerialization : byText;

/** The number whose little-endian magnitude this is; not empty. */
export function magnitudeOf(bytes: Uint8Array): bigint {
  if (bytes.length > WORDS * 8 || !littleEndian) return long.read(bytes);
  const count = Math.ceil(bytes.length / 8);
  words[count - 1] = 0n;
  wordBytes.set(bytes);
  let value = words[count - 1]!;
  for (let i = count - 2; i >= 0; i--) value = (value << WORD_BITS) | words[i]!;
  return value;
}

/** Little-endian bytes of a number above zero, without zeros at the end. */
export function magnitudeBytes(magnitude: bigint): Uint8Array {
  if (magnitude >= WORDS_END || !littleEndian) return long.write(magnitude);
  let count = 0;
  for (let rest = magnitude; rest !== 0n; rest >>= WORD_BITS) words[count++] = rest;
  let end = count * 8;
  while (wordBytes[end - 1] === 0) end--;
  return wordBytes.slice(0, end);
}
