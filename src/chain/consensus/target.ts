/** One past the largest 256-bit number. */
const TWO_256 = 1n << 256n;

/** A 256-bit target in the compact form of a header ("nBits"), rounded down as Bitcoin does. */
export function targetToBits(target: bigint): number {
  let size = Math.ceil(target.toString(16).length / 2);
  let mantissa = Number(
    size <= 3 ? target << BigInt(8 * (3 - size)) : target >> BigInt(8 * (size - 3)),
  );
  // the top bit is a sign; a mantissa that would set it moves one byte up
  if (mantissa & 0x80_0000) {
    mantissa >>>= 8;
    size++;
  }
  return ((size << 24) | mantissa) >>> 0;
}

/** The target behind a header's compact form; undefined for a negative, zero or overflowing one. */
export function bitsToTarget(bits: number): bigint | undefined {
  const size = bits >>> 24;
  const mantissa = BigInt(bits & 0x7f_ffff);
  const target =
    size <= 3 ? mantissa >> BigInt(8 * (3 - size)) : mantissa << BigInt(8 * (size - 3));
  if (bits & 0x80_0000 || target === 0n || target >= TWO_256) return undefined;
  return target;
}

/** Expected number of hashes to meet the target: what a chain's total work adds up. */
export function workOf(target: bigint): bigint {
  return TWO_256 / (target + 1n);
}

/** A block hash, 32 bytes in byte order, as the number that must not exceed the target. */
export function hashToNumber(hash: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(hash).reverse().toString('hex')}`);
}
