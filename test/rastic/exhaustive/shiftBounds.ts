import type { Sampling } from '#src/model/index.js';

/** Which tokens top-k and top-p leave when every logit may be shifted by at most τ/2. */
export interface ShiftBounds {
  /** All tokens by logit, descending, the smaller id first among equals; by id where nothing is cut, and order tells nothing. */
  readonly order: Uint32Array;
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

/** Room for binary64 rounding in sums over a vocabulary, given to the seller on both sides. */
export const ROUNDING = 1e-9;

function orderOf(logits: Float32Array): Uint32Array {
  return Uint32Array.from(logits, (_, token) => token).sort(
    (a, b) => logits[b]! - logits[a]! || a - b,
  );
}

/** First rank in a descending row whose value is below `bound` (or equal to it, where `orEqual`). */
function firstRankBelow(scaled: Float64Array, bound: number, orEqual: boolean): number {
  // from the front, one by one: the code under test bisects
  const rank = scaled.findIndex((value) => value < bound || (orEqual && value === bound));
  return rank < 0 ? scaled.length : rank;
}

/** Largest count up to `limit` for which `holds` is true, and true of all smaller ones above 0, one by one. */
function largestPrefix(limit: number, holds: (count: number) => boolean): number {
  let count = 0;
  while (count < limit && holds(count + 1)) count++;
  return count;
}

/**
 * Softmax weights relative to the first, and their sums from the front and, over the first `k`, from the back: each sum is
 * exact where it is small, so no difference of sums loses what it is about.
 */
function softmaxSums(
  scaled: Float64Array,
  k: number,
): { weights: Float64Array; before: Float64Array; after: Float64Array } {
  const weights = scaled.map((value) => Math.exp(value - scaled[0]!));
  const before = new Float64Array(k + 1);
  const after = new Float64Array(k + 1);
  for (let rank = 0; rank < k; rank++) before[rank + 1] = before[rank]! + weights[rank]!;
  for (let rank = k - 1; rank >= 0; rank--) after[rank] = after[rank + 1]! + weights[rank]!;
  return { weights, before, after };
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
 * @param sampling with a temperature above zero
 */
export function shiftBounds(
  logits: Float32Array,
  token: number,
  sampling: Sampling,
  tau: number,
): ShiftBounds {
  const size = logits.length;
  const k = sampling.topK > 0 ? Math.min(sampling.topK, size) : size;
  const p = sampling.topPMilli / 1000;
  const cutByP = sampling.topPMilli < 1000;
  if (k === size && !cutByP) {
    const order = Uint32Array.from(logits, (_, id) => id);
    return { order, nominal: size, certain: size, possible: true, reachable: size };
  }
  // mass before < p, as mass before : rest < p : 1 − p, in logarithms, since a small temperature spreads the weights widely
  const logOdds = Math.log(p / (1 - p));
  const order = orderOf(logits);
  const temperature = sampling.temperatureMilli / 1000;
  const scaled = Float64Array.from(order, (id) => logits[id]! / temperature);
  const epsilon = tau / (2 * temperature) + ROUNDING;
  const { weights, before, after } = softmaxSums(scaled, k);

  /** Whether a token with this z/T is left under some shift. */
  const isPossible = (own: number): boolean => {
    const certainlyBefore = firstRankBelow(scaled, own + 2 * epsilon, true);
    if (certainlyBefore >= k) return false;
    if (!cutByP || certainlyBefore === 0) return true;
    const level = Math.min(Math.max(firstRankBelow(scaled, own, true), certainlyBefore), k);
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

  const nominal = cutByP
    ? largestPrefix(k, (count) => count <= 1 || before[count - 1]! < p * before[k]!)
    : k;
  return {
    order,
    nominal,
    certain: largestPrefix(k, (count) => count === 0 || isCertain(count - 1)),
    possible: isPossible(logits[token]! / temperature),
    reachable: largestPrefix(size, (count) => count === 0 || isPossible(scaled[count - 1]!)),
  };
}
