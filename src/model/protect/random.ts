import { randomFillSync } from 'node:crypto';

/** Bytes taken from the system's generator at a time. */
const POOL = 1 << 16;
const WORDS = POOL / 4;
const TWO_32 = 2 ** 32;
const TWO_53 = 2 ** 53;

/** Whole numbers below a bound, each as likely as the others, from the system's generator of random bytes. */
export class RandomNumbers {
  readonly #pool = new Uint32Array(WORDS);
  #next = WORDS;

  #word(): number {
    if (this.#next === WORDS) {
      randomFillSync(this.#pool);
      this.#next = 0;
    }
    return this.#pool[this.#next++]!;
  }

  /** @param bound at least 1, at most 2⁵³ */
  below(bound: number): number {
    const wide = bound > TWO_32;
    const range = wide ? TWO_53 : TWO_32;
    // the few values at the end that would make small results likelier are drawn again
    const limit = range - (range % bound);
    for (;;) {
      const word = this.#word();
      const drawn = wide ? (this.#word() >>> 11) * TWO_32 + word : word;
      if (drawn < limit) return drawn % bound;
    }
  }
}

/** @returns `count` different numbers below `total`, ascending; each such set is equally likely */
export function drawSubset(count: number, total: number, random: RandomNumbers): Float64Array {
  if (count * 2 > total) return complement(drawSubset(total - count, total, random), total);
  const kept = new Float64Array(count);
  let have = 0;
  while (have < count) {
    for (let i = have; i < count; i++) kept[i] = random.below(total);
    kept.sort();
    have = unique(kept);
  }
  return kept;
}

/** Moves the different numbers of a sorted list to its front. @returns how many there are */
function unique(sorted: Float64Array): number {
  let count = 0;
  for (let i = 0; i < sorted.length; i++) {
    if (i === 0 || sorted[i] !== sorted[count - 1]) sorted[count++] = sorted[i]!;
  }
  return count;
}

function complement(left: Float64Array, total: number): Float64Array {
  const out = new Float64Array(total - left.length);
  let at = 0;
  let next = 0;
  for (let i = 0; i < total; i++) {
    if (next < left.length && left[next] === i) next++;
    else out[at++] = i;
  }
  return out;
}

/** The numbers below `count` in an order drawn by chance (Fisher and Yates; Durstenfeld 1964). */
export function drawOrder(count: number, random: RandomNumbers): Uint32Array {
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const j = random.below(i + 1);
    order[i] = order[j]!;
    order[j] = i;
  }
  return order;
}
