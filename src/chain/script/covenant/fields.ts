import { type Expression, expression } from './expression.js';

/**
 * Demands that the top is exactly as long as all fields together, and cuts it into them.
 *
 * Stack: bytes → first … last
 */
export function cutFields(lengths: readonly number[]): string {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const cuts = lengths.slice(0, -1).map((length) => `${length} OP_SPLIT`);
  return [`OP_SIZE ${total} OP_NUMEQUALVERIFY`, ...cuts].join(' ');
}

/** Reads little-endian bytes as a number that is never negative. Stack: bytes → number */
export const UNSIGNED_TO_NUMBER = '0x00 OP_CAT OP_BIN2NUM';

/** Writes a number that is not negative as u32LE; fails from 2^32 on. Stack: number → 4 bytes */
export const NUMBER_TO_U32 = '5 OP_NUM2BIN 4 OP_SPLIT 0x00 OP_EQUALVERIFY';

/**
 * Makes of bytes of this length (2 to 75) the instruction that pushes them, as it stands in a script's head.
 *
 * Stack: bytes → push
 */
export function asPush(length: number): string {
  return `OP_SIZE ${length} OP_NUMEQUALVERIFY ${length} OP_SWAP OP_CAT`;
}

/** Expression: ⌊total · ppm / 1,000,000⌋. */
export function share(total: Expression, ppm: Expression): string {
  return `${expression(total)} ${expression(ppm)} OP_MUL 1000000 OP_DIV`;
}
