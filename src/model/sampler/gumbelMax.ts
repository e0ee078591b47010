import type { GumbelNoise } from './noise.js';

/** No noise is greater: −ln(−ln u) at the largest u that 32 bits give is 22.87. */
export const GREATEST_NOISE = 23;

/** Steps per unit in which the least word that can win is kept. */
const STEPS = 8;
/** Beyond this, rounding of z/T is not small against the margin that the table keeps. */
const LARGEST_TABLED = 1e6;
/** Room for rounding: by so much less noise than needed a token is still looked at exactly. */
const MARGIN = 1e-6;

/** Words below the `i`th give less noise than i / STEPS, with room for rounding. */
const leastWords = Float64Array.from({ length: (GREATEST_NOISE + 2) * STEPS }, (_, i) =>
  Math.max(0, Math.floor(Math.exp(-Math.exp(MARGIN - i / STEPS)) * 2 ** 32) - 2),
);

/** A token with its perturbed score z/T + g. */
export interface Scored {
  readonly score: number;
  readonly token: number;
}

/**
 * The token with the greatest z/T + g (the Gumbel-max trick) among the first of a descending list; the smaller id among equals.
 * @param tokens in descending order of their logits
 * @param scaled z/T of each of `tokens`, binary64
 * @param count how many of them take part
 * @param position output position, from 0
 * @returns token −1 with a score of −∞ where none takes part
 */
export function bestOf(
  tokens: Uint32Array,
  scaled: Float64Array,
  count: number,
  position: number,
  noise: GumbelNoise,
): Scored {
  let score = Number.NEGATIVE_INFINITY;
  let token = -1;
  for (let rank = 0; rank < count; rank++) {
    // from here on not even the greatest noise wins
    if (scaled[rank]! + GREATEST_NOISE < score) break;
    const candidate = scaled[rank]! + noise.at(position, tokens[rank]!);
    if (token < 0 || candidate > score || (candidate === score && tokens[rank]! < token)) {
      score = candidate;
      token = tokens[rank]!;
    }
  }
  return { score, token };
}

/**
 * The same over a whole row. Most words give far too little noise for their token to win, which a table tells without a
 * logarithm; those left are compared exactly.
 * @param top the token with the largest logit
 */
export function bestOfAll(
  logits: Float32Array,
  top: number,
  temperature: number,
  position: number,
  noise: GumbelNoise,
): Scored {
  let token = top;
  let score = logits[top]! / temperature + noise.at(position, top);
  // a little lower than the least logit that could win, so that the exact comparison is left to those that come near
  const floorOf = (best: number): number => (best - GREATEST_NOISE - MARGIN) * temperature;
  let floor = floorOf(score);
  const isTabled = Math.abs(score) < LARGEST_TABLED;
  for (let candidate = 0; candidate < logits.length; candidate++) {
    const logit = logits[candidate]!;
    if (logit < floor) continue;
    const scaled = logit / temperature;
    if (isTabled) {
      const needed = Math.max(0, score - scaled) * STEPS;
      if (scaled <= score && noise.word(position, candidate) < leastWords[needed | 0]!) continue;
    }
    const own = scaled + noise.at(position, candidate);
    if (own > score || (own === score && candidate < token)) {
      score = own;
      token = candidate;
      floor = floorOf(score);
    }
  }
  return { score, token };
}
