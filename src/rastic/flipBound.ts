import { ROUNDING } from './ranking.js';

/**
 * An upper bound on the probability, over fresh Gumbel noise at one position, that an honest token shows a margin above 0,
 * whatever the shifts of the logits within the tolerance, and so whatever the prompt.
 *
 * With w = e^{z/T}, W⁻ their sum over S⁻, δ = τ/T, and W_u that sum without u: if the seller draws u, then u came within δ
 * of the best of S⁻ without u under the verifier's own logits; if its margin is above 0, u stayed below that best. The best
 * is Gumbel distributed around ln W_u, so both hold with probability w_u/(w_u + W_u·e^−δ) − w_u/(w_u + W_u). The bound is the
 * sum of that over S⁺; it is at most (e^δ − 1)·W⁺/W⁻, and far less where one token holds nearly all of the mass.
 *
 * @param scaled z/T by rank: S⁻ are the first `certain`, S⁺ the first `reachable`
 * @param delta δ = τ/T, with room for rounding
 * @returns 1 where S⁻ is empty, since then every margin passes and nothing is bounded
 */
export function flipBound(
  scaled: ArrayLike<number>,
  certain: number,
  reachable: number,
  delta: number,
): number {
  if (certain === 0) return 1;
  let top = Number.NEGATIVE_INFINITY;
  for (let rank = 0; rank < reachable; rank++) top = Math.max(top, scaled[rank]!);
  let mass = 0;
  for (let rank = 0; rank < certain; rank++) mass += Math.exp(scaled[rank]! - top);
  const shrink = Math.exp(-delta);
  const gain = -Math.expm1(-delta);
  let bound = 0;
  for (let rank = 0; rank < reachable; rank++) {
    const own = Math.exp(scaled[rank]! - top);
    const rivals = rank < certain ? Math.max(mass - own, 0) : mass;
    if (own > 0) bound += ((own * gain) / (own + rivals * shrink)) * (rivals / (own + rivals));
  }
  return Math.min(1, bound);
}

/** How far below the greatest z/T a token's weight is no longer worth computing. */
const FAR = 16;

/**
 * The same bound where nothing is cut, so that S⁺ and S⁻ are the whole vocabulary: with q = w/W, each term above is at most
 * (e^δ − 1)·q(1 − q), so the sum at most (e^δ − 1)·(1 − Σq²). Tokens far below the greatest are counted into W as if they
 * were as heavy as the heaviest of them, which makes the bound greater by less than a hundredth.
 * @param top the greatest logit
 */
export function uncutFlipBound(
  logits: Float32Array,
  top: number,
  temperature: number,
  delta: number,
): number {
  const near = top - FAR * temperature;
  let mass = 0;
  let squares = 0;
  let far = 0;
  for (let token = 0; token < logits.length; token++) {
    if (logits[token]! < near) {
      far += 1;
      continue;
    }
    const weight = Math.exp((logits[token]! - top) / temperature);
    mass += weight;
    squares += weight * weight;
  }
  mass += far * Math.exp(-FAR);
  return Math.min(1, Math.expm1(delta) * (1 - squares / (mass * mass) + ROUNDING));
}
