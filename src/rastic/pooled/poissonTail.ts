/** Added to each logarithm: far above the rounding of a sum of so many binary64 logarithms, far below what matters. */
const ROUNDING = 1e-6;
/** Most counts that are summed; larger ones are no output's. */
const MOST_COUNT = 1 << 20;

/**
 * ln of an upper bound, by less than a millionth, on P(N ≥ count) for N Poisson with this mean:
 * e^{−mean}·mean^count/count! · (1 + mean/(count + 1) + mean²/((count + 1)(count + 2)) + …). All terms are positive, so
 * nothing cancels, and the rest of the series is at most what a geometric one gives.
 * @param count at least 0
 * @param mean at least 0; infinite gives 0
 * @returns at most 0; −∞ where the mean is 0 and the count is not
 */
export function logPoissonTail(count: number, mean: number): number {
  if (count <= mean || count === 0) return 0;
  if (mean === 0) return Number.NEGATIVE_INFINITY;
  if (count > MOST_COUNT) return logPoissonTail(MOST_COUNT, mean);
  let log = -mean;
  for (let i = 1; i <= count; i++) log += Math.log(mean / i);
  let sum = 1;
  let term = 1;
  let next = count + 1;
  while (term > 1e-12 * sum) {
    term *= mean / next;
    sum += term;
    next++;
  }
  // from here on each term is at most mean/next of the one before
  sum += (term * (mean / next)) / (1 - mean / next);
  return Math.min(0, log + Math.log(sum) + ROUNDING);
}
