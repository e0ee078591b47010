import { concatBytes, fromHex } from '../../base/index.js';

const HALF_ORDER = fromHex('7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0');

/** Whether the bytes are one ECDSA signature in strict DER, without a hash type byte (BIP66). */
export function isStrictDer(signature: Uint8Array): boolean {
  const { length } = signature;
  if (length < 8 || length > 72) return false;
  if (signature[0] !== 0x30 || signature[1] !== length - 2) return false;
  const rLength = signature[3]!;
  if (5 + rLength >= length) return false;
  const sLength = signature[5 + rLength]!;
  if (rLength + sLength + 6 !== length) return false;
  return isStrictInteger(signature, 2, rLength) && isStrictInteger(signature, 4 + rLength, sLength);
}

function isStrictInteger(bytes: Uint8Array, at: number, length: number): boolean {
  if (bytes[at] !== 0x02 || length === 0) return false;
  if ((bytes[at + 2]! & 0x80) !== 0) return false;
  return !(length > 1 && bytes[at + 2] === 0 && (bytes[at + 3]! & 0x80) === 0);
}

/** Whether s of a compact signature is at most half the group order, the only form taken (BIP62 rule 5). */
export function isLowS(compact: Uint8Array): boolean {
  const first = compact[32]!;
  // all but one of 32,768 signatures are told apart by the first byte
  if (first !== HALF_ORDER[0]) return first < HALF_ORDER[0]!;
  return Buffer.compare(compact.subarray(32), HALF_ORDER) <= 0;
}

/**
 * r and s of a DER signature, 32 bytes each. Lengths are followed without judging their form, which is
 * {@link isStrictDer}'s matter; undefined where they lead nowhere or a number has more than 32 bytes.
 */
export function compactFromDer(signature: Uint8Array): Uint8Array | undefined {
  const compact = new Uint8Array(64);
  let at = 2;
  for (const into of [0, 32]) {
    const length = signature[at + 1];
    if (length === undefined || at + 2 + length > signature.length) return undefined;
    let value = signature.subarray(at + 2, at + 2 + length);
    while (value.length > 32 && value[0] === 0) value = value.subarray(1);
    if (value.length > 32) return undefined;
    compact.set(value, into + 32 - value.length);
    at += 2 + length;
  }
  return compact;
}

/** Strict DER of a 64-byte compact signature. */
export function derFromCompact(compact: Uint8Array): Uint8Array {
  const r = derInteger(compact.subarray(0, 32));
  const s = derInteger(compact.subarray(32, 64));
  return concatBytes(Uint8Array.of(0x30, r.length + s.length), r, s);
}

function derInteger(bigEndian: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bigEndian.length - 1 && bigEndian[start] === 0) start++;
  const magnitude = bigEndian.subarray(start);
  const sign = (magnitude[0]! & 0x80) !== 0 ? [0] : [];
  return Uint8Array.of(0x02, magnitude.length + sign.length, ...sign, ...magnitude);
}
