import { createHash } from 'node:crypto';

/** Spends of a block. */
export const SPENDS = 10_000;
/** Blocks that are timed in one run; the first ones also warm up what is compiled at run time. */
export const BLOCKS = 6;
/** Base units of each output that is spent: nothing is lost to fees, so that it lasts for every block. */
export const VALUE = 400_000n;
/** Blocks below the one that splits the first coinbase. */
export const MATURITY = 100;

/** `1` or `2` inputs, and as many outputs, per transaction. */
export function perTransaction(args) {
  return args.includes('--single') ? 1 : 2;
}

/** The private key of each output: every spend has a key of its own. */
export function privateKey(index) {
  return createHash('sha256').update(`spend ${index}`).digest();
}
