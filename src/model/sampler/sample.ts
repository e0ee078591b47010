import { candidatesOf } from './candidates.js';
import { GREATEST_NOISE, type GumbelNoise } from './noise.js';
import type { Sampling } from './sampling.js';

/** The token with the largest logit; the smaller id among equals. */
export function argmax(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  return best;
}

/**
 * The token that these logits, this sampling and this noise fix at an output position: argmax of z/T + g over what
 * top-k and top-p leave (the Gumbel-max trick); plain argmax of z at temperature 0. Ties go to the smaller id.
 * @param logits one row, as many as the vocabulary; finite
 * @param position output position, from 0
 */
export function sampleToken(
  logits: Float32Array,
  position: number,
  sampling: Sampling,
  noise: GumbelNoise,
): number {
  if (sampling.temperatureMilli === 0) return argmax(logits);
  const { tokens, scaled } = candidatesOf(logits, sampling);
  // the most probable token first: most others cannot reach its score even with the greatest noise, and need none drawn
  let first = 0;
  for (let i = 1; i < scaled.length; i++) if (scaled[i]! > scaled[first]!) first = i;
  let best = tokens[first]!;
  let bestScore = scaled[first]! + noise.at(position, best);
  for (let i = 0; i < tokens.length; i++) {
    if (scaled[i]! + GREATEST_NOISE < bestScore) continue;
    const token = tokens[i]!;
    const score = scaled[i]! + noise.at(position, token);
    if (score > bestScore || (score === bestScore && token < best)) {
      best = token;
      bestScore = score;
    }
  }
  return best;
}
