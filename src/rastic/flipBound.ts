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
