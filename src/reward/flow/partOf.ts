import { PPM } from '../graph/graph.js';

const WHOLE = BigInt(PPM);

/**
 * ⌊amount · ppm / 10⁶⌋, what a parent of this weight is passed. Neither product reaches 2⁶⁴, so that the run time
 * can keep both in machine words.
 */
export function partOf(amount: bigint, ppm: bigint): bigint {
  const millions = amount / WHOLE;
  const units = amount - millions * WHOLE;
  return BigInt.asUintN(64, millions * ppm) + BigInt.asUintN(64, units * ppm) / WHOLE;
}
