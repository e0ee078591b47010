import type { Sampling } from '../model/index.js';
import { type Ranking, ROUNDING, rank } from './ranking.js';

/** Which tokens top-k and top-p leave when every logit may be shifted by at most τ/2. */
export interface ShiftBounds {
  /** Tokens by logit, descending, the smaller id first among equals: all of S⁺ at least. */
  readonly order: Uint32Array;
  /** z/T of each of `order`. */
  readonly scaled: Float64Array;
  /** How many of `order` are left without any shift. */
  readonly nominal: number;
  /** |S⁻|: how many of `order`, from the front, are left under every shift. S⁻ is a prefix, since whatever stands higher is left whenever a lower one is. */
  readonly certain: number;
  /** Whether the token asked about is in S⁺: left under some shift. */
  readonly possible: boolean;
  /**
   * |S⁺|: how many of `order`, from the front, are left under some shift. S⁺ is a prefix too, since a shift that leaves a
   * token leaves whatever stands higher when it is brought at least as high.
   */
  readonly reachable: number;
}

/** First rank in a descending row whose value is below `bound` (or equal to it, where `orEqual`). */
function firstRankBelow(scaled: Float64Array, bound: number, orEqual: boolean): number {
  let low = 0;
  let high = scaled.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const value = scaled[middle]!;
    if (value < bound || (orEqual && value === bound)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Largest count in 0…`limit` for which `holds` is true, where it holds for all smaller counts too. */
function largestPrefix(limit: number, holds: (count: number) => boolean): number {
  let low = 0;
  let high = limit;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (holds(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * Sums of softmax weights from the front and, over the first `k`, from the back: each sum is exact where it is small, so no
 * difference of sums loses what it is about.
 */
function sumsOf(
  { weights, tail }: Ranking,
  k: number,
): { before: Float64Array; after: Float64Array } {
  const count = Math.min(k, weights.length);
  const before = new Float64Array(count + 1);
  const after = new Float64Array(count + 1);
  if (k > count) after[count] = tail;
  for (let rank = 0; rank < count; rank++) before[rank + 1] = before[rank]! + weights[rank]!;
  for (let rank = count - 1; rank >= 0; rank--) after[rank] = after[rank + 1]! + weights[rank]!;
  return { before, after };
}

/**
 * Bounds of the set that top-k, then top-p leave, over all shifts of the logits by at most τ/2 each.
 *
 * With s = z/T, ε = τ/(2T) and w = e^s, each extreme is reached by one shift, because the mass before a token,
 * a/(a + b), rises with a (what stands before it) and falls with b (itself and what stands after it):
 * - for S⁺ the token goes up by ε; whatever can be brought level with it is, and counts into b; only tokens more than 2ε
 *   above it stay before it, and they go down by ε;
 * - for S⁻ the token goes down by ε; whatever can stand before it does, and goes up by ε; the rest goes down by ε.
 * The derivation stands in docs/rastic.md.
 *
 * @param token the token asked about for S⁺
 * @param logits finite
 * @param top the greatest of them
 * @param sampling with a temperature above zero that is cut by top-k or top-p
 */
export function shiftBounds(
  logits: Float32Array,
  top: number,
  token: number,
  sampling: Sampling,
  tau: number,
): ShiftBounds {
  const size = logits.length;
  const k = sampling.topK > 0 ? Math.min(sampling.topK, size) : size;
  const p = sampling.topPMilli / 1000;
  const cutByP = sampling.topPMilli < 1000;
  // mass before < p, as mass before : rest < p : 1 − p, in logarithms, since a small temperature spreads the weights widely
  const logOdds = Math.log(p / (1 - p));
  const temperature = sampling.temperatureMilli / 1000;
  const ranking = rank(logits, top, sampling, tau);
  const { order, scaled, weights } = ranking;
  const epsilon = tau / (2 * temperature) + ROUNDING;
  const { before, after } = sumsOf(ranking, k);
  const limit = before.length - 1;

  /** Whether a token with this z/T is left under some shift. */
  const isPossible = (own: number): boolean => {
    // what is not ranked at all can't be left
    if (own < scaled.at(-1)!) return false;
    const certainlyBefore = firstRankBelow(scaled, own + 2 * epsilon, true);
    if (certainlyBefore >= k) return false;
    if (!cutByP || certainlyBefore === 0) return true;
    const level = Math.min(Math.max(firstRankBelow(scaled, own, true), certainlyBefore), limit);
    const ownWeight = Math.exp(own - scaled[0]!);
    const below = ownWeight > 0 ? after[level]! / ownWeight : k - level;
    const notBefore = own - scaled[0]! + Math.log(level - certainlyBefore + below);
    return Math.log(before[certainlyBefore]!) - 2 * epsilon < logOdds + notBefore + ROUNDING;
  };

  /** Whether the token of this rank is left under every shift. */
  const isCertain = (rank: number): boolean => {
    const perhapsBefore = firstRankBelow(scaled, scaled[rank]! - 2 * epsilon, false);
    if (perhapsBefore > k) return false;
    if (!cutByP || perhapsBefore === 1) return true;
    const mass = before[rank]! + (after[rank + 1]! - after[perhapsBefore]!);
    const rest = Math.log(weights[rank]! + after[perhapsBefore]!) - 2 * epsilon;
    return mass > 0 && Math.log(mass) < logOdds + rest - ROUNDING;
  };

  const total = before[limit]! + after[limit]!;
  const nominal = cutByP
    ? largestPrefix(limit, (count) => count <= 1 || before[count - 1]! < p * total)
    : limit;
  return {
    order,
    scaled,
    nominal,
    certain: largestPrefix(limit, (count) => count === 0 || isCertain(count - 1)),
    possible: isPossible(logits[token]! / temperature),
    reachable: largestPrefix(
      order.length,
      (count) => count === 0 || isPossible(scaled[count - 1]!),
    ),
  };
}
