import type { Random } from '../network/Random.js';

/** One over rank is counted in units of 2⁻³². */
const ZIPF_UNIT = 2 ** 32;

/** Weights of ranks 1 to `count` by Zipf's law, ⌊2³² / rank⌋: whole numbers, so that nothing depends on rounding. */
export function zipfWeights(count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.floor(ZIPF_UNIT / (i + 1)));
}

/** A wheel of fortune: draws places with a chance in proportion to their weight. */
export class Wheel {
  readonly #sums: Float64Array;

  /** @param weights whole numbers from 0 on, not all 0, their sum below 2⁵³ */
  constructor(weights: readonly number[]) {
    this.#sums = new Float64Array(weights.length);
    let sum = 0;
    weights.forEach((weight, i) => {
      sum += weight;
      this.#sums[i] = sum;
    });
  }

  /** The place of one weight. */
  turn(random: Random): number {
    const sums = this.#sums;
    const at = random.below(sums[sums.length - 1]!);
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle]! > at) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
