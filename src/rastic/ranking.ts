import type { Sampling } from '../model/index.js';

/** Room for binary64 rounding in sums over a vocabulary, given to the seller on both sides. */
export const ROUNDING = 1e-9;

/** How finely z/T is divided when looking for where top-p may end, and how far below the greatest. */
const BINS_PER_UNIT = 8;
const BINS = 512;
/** τ/T from which on the whole vocabulary is ranked under top-p. */
const WIDE = 30;

/** The tokens of a row that a cut-off can leave under some shift, best first; the others are told by their mass alone. */
export interface Ranking {
  /** By logit, descending, the smaller id first among equals. */
  readonly order: Uint32Array;
  /** z/T of each of `order`. */
  readonly scaled: Float64Array;
  /** e^(z/T − first) of each of `order`. */
  readonly weights: Float64Array;
  /** The sum of that over all other tokens; 0 where top-k leaves none of them. */
  readonly tail: number;
}

/** The `count` greatest values seen, as a heap with the least of them at the root. */
class Greatest {
  readonly #heap: Float32Array;

  constructor(count: number) {
    this.#heap = new Float32Array(count).fill(Number.NEGATIVE_INFINITY);
  }

  /** −∞ until as many values were seen. */
  get least(): number {
    return this.#heap[0]!;
  }

  /** Takes a value in the place of the least. */
  replaceLeast(value: number): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child += 1;
      if (heap[child]! >= value) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = value;
  }
}

function rankingOf(
  tokens: readonly number[],
  logits: Float32Array,
  temperature: number,
  tail: number,
): Ranking {
  const order = Uint32Array.from(tokens).sort((a, b) => logits[b]! - logits[a]! || a - b);
  const scaled = Float64Array.from(order, (id) => logits[id]! / temperature);
  const weights = scaled.map((value) => Math.exp(value - scaled[0]!));
  return { order, scaled, weights, tail: order.length === logits.length ? 0 : tail };
}

/** Those that top-k can leave under some shift: all down to the kth and as far below it as two shifts reach. */
function firstByCount(
  logits: Float32Array,
  k: number,
  temperature: number,
  reach: number,
): Ranking {
  const greatest = new Greatest(k);
  const seen: number[] = [];
  let floor = Number.NEGATIVE_INFINITY;
  for (let token = 0; token < logits.length; token++) {
    const logit = logits[token]!;
    if (logit < floor) continue;
    seen.push(token);
    if (logit <= greatest.least) continue;
    greatest.replaceLeast(logit);
    floor = greatest.least - reach;
  }
  const kept = seen.filter((token) => logits[token]! >= floor);
  return rankingOf(kept, logits, temperature, 0);
}

/** Those that top-p can leave under some shift. What stands before the others holds too much for that under every shift. */
function firstByMass(
  logits: Float32Array,
  top: number,
  temperature: number,
  reach: number,
  needed: (before: number, rest: number) => boolean,
): Ranking {
  const masses = new Float64Array(BINS);
  const binOf = (below: number): number => Math.min(BINS - 1, Math.floor(below * BINS_PER_UNIT));
  for (let token = 0; token < logits.length; token++) {
    const below = (top - logits[token]!) / temperature;
    masses[binOf(below)]! += Math.exp(-below);
  }
  const rests = new Float64Array(BINS + 1);
  for (let bin = BINS - 1; bin >= 0; bin--) rests[bin] = rests[bin + 1]! + masses[bin]!;
  let before = 0;
  let bin = 0;
  while (bin < BINS - 1 && needed(before, rests[bin]!)) before += masses[bin++]!;
  const cut =
    bin === BINS - 1 ? Number.NEGATIVE_INFINITY : top - (bin / BINS_PER_UNIT) * temperature;
  const kept: number[] = [];
  let tail = rests[bin]!;
  for (let token = 0; token < logits.length; token++) {
    if (logits[token]! < cut - reach) continue;
    kept.push(token);
    const below = (top - logits[token]!) / temperature;
    if (binOf(below) >= bin) tail -= Math.exp(-below);
  }
  return rankingOf(kept, logits, temperature, Math.max(0, tail));
}

/**
 * The tokens of a row, best first, as far down as top-k and top-p can leave them when each logit may be shifted by at most
 * τ/2. Vocabularies are large and few tokens are left: what can't be is neither sorted nor, under top-k, weighed.
 * @param logits finite
 * @param top the greatest of them
 * @param sampling with a temperature above zero that is cut by top-k or top-p
 */
export function rank(logits: Float32Array, top: number, sampling: Sampling, tau: number): Ranking {
  const temperature = sampling.temperatureMilli / 1000;
  // twice as far as two shifts can bring tokens together, so that rounding does not matter
  const reach = 2 * (tau + 2 * ROUNDING * temperature);
  const { topK, topPMilli } = sampling;
  if (topK > 0 && topK < logits.length) return firstByCount(logits, topK, temperature, reach);
  const odds = topPMilli / (1000 - topPMilli);
  const slack = Math.exp(tau / temperature + 4 * ROUNDING) * (1 + ROUNDING);
  // where shifts are so large in units of the noise, masses that matter are too small for binary64
  const isWide = tau / temperature > WIDE;
  return firstByMass(logits, top, temperature, reach, (a, b) => isWide || a < odds * slack * b);
}
