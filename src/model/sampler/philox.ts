/** Multipliers and Weyl increments of Philox4x32 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011). */
const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;
const ROUNDS = 10;

/** High 32 bits of an unsigned 32 × 32 bit product, of four 16-bit products; no sum on the way exceeds 32 bits. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const cross = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) | 0;
  const carry = (Math.imul(aLow, bHigh) + (cross & 0xffff)) | 0;
  return (Math.imul(aHigh, bHigh) + (cross >>> 16) + (carry >>> 16)) >>> 0;
}

/**
 * The first word of one block of Philox4x32-10 with counter (c0, c1, 0, 0): the inner loop of sampling, so it allocates
 * nothing. The same as `philox4x32([c0, c1, 0, 0], [k0, k1])[0]`.
 */
export function philoxWord(c0: number, c1: number, k0: number, k1: number): number {
  let a = c0 | 0;
  let b = c1 | 0;
  let c = 0;
  let d = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const highA = mulHigh(M0, a);
    const highC = mulHigh(M1, c);
    const lowA = Math.imul(M0, a);
    a = highC ^ b ^ k0;
    b = Math.imul(M1, c);
    c = highA ^ d ^ k1;
    d = lowA;
    k0 = (k0 + W0) | 0;
    k1 = (k1 + W1) | 0;
  }
  return a >>> 0;
}

/**
 * One block of Philox4x32-10: four 32-bit words from a 128-bit counter and a 64-bit key, all as unsigned words,
 * little-endian word first. A pure function, so that any position can be recomputed alone.
 */
export function philox4x32(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = mulHigh(M0, c0);
    const high1 = mulHigh(M1, c2);
    const low0 = Math.imul(M0, c0) >>> 0;
    const low1 = Math.imul(M1, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  return [c0, c1, c2, c3];
}
