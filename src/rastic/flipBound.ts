import { ROUNDING } from './ranking.js';

/**
 * An upper bound on the probability, over fresh Gumbel noise at one position, that an honest token shows a margin above 0,
 * whatever the shifts of the logits within the tolerance, as long as they do not depend on that noise, and so whatever the
 * prompt (docs/rastic.md, "Pooled evidence").
 *
 * With δ = τ/T, W⁻ and W⁺ the sums of e^{z/T} over S⁻ and S⁺, and m the share of the most probable token in W⁻ but at least
 * ½: (e^δ − 1)·(m(1 − m) + (W⁺ − W⁻)/W⁻). The first part is for a seller that draws a token of S⁻, the second for the others.
 * A sum over all tokens within τ of the best would be two to four times as large, and say nothing: a token that passes alone
 * is within τ of the best, whoever chose it.
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
  for (let rank = 0; rank < certain; rank++) top = Math.max(top, scaled[rank]!);
  // what others hold beside the most probable token, summed apart so that little is not lost in much
  let others = 0;
  let skipped = false;
  for (let rank = 0; rank < certain; rank++) {
    if (!skipped && scaled[rank] === top) skipped = true;
    else others += Math.exp(scaled[rank]! - top);
  }
  let uncertain = 0;
  for (let rank = certain; rank < reachable; rank++) uncertain += Math.exp(scaled[rank]! - top);
  const rest = Math.min(0.5, others / (1 + others));
  const bound = Math.expm1(delta) * (rest * (1 - rest) + uncertain / (1 + others));
  // an infinite factor of nothing is no number
  return bound < 1 ? bound : 1;
}

/** How far below the greatest z/T a token's weight is no longer worth computing. */
const FAR = 16;

/**
 * The same bound where nothing is cut, so that S⁺ and S⁻ are the whole vocabulary: (e^δ − 1)·m(1 − m). Tokens far below the
 * greatest are counted as if they were as heavy as the heaviest of them, which makes the bound greater by less than a
 * hundredth where it is not tiny.
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
  let far = 0;
  for (let token = 0; token < logits.length; token++) {
    if (logits[token]! < near) far += 1;
    else mass += Math.exp((logits[token]! - top) / temperature);
  }
  mass += far * Math.exp(-FAR);
  const rest = Math.min(0.5, (mass - 1) / mass + ROUNDING);
  const bound = Math.expm1(delta) * rest * (1 - rest);
  return bound < 1 ? bound : 1;
}
