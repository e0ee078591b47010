import { BitmodelError, EXIT } from '../base/index.js';

/** Lanczos' coefficients for g = 7, nine terms (P. Godfrey, "A note on the computation of the convergent Lanczos complex gamma approximation", 2001). */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
  -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
  1.5056327351493116e-7,
] as const;

/** ln Γ(x) for x ≥ ½, to about 14 digits. */
function logGamma(x: number): number {
  const z = x - 1;
  let sum: number = LANCZOS[0];
  for (let i = 1; i < LANCZOS.length; i++) sum += LANCZOS[i]! / (z + i);
  const t = z + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** The continued fraction that goes with the incomplete beta function, by the method of Lentz (DLMF 8.17.22). */
function betaFraction(x: number, a: number, b: number): number {
  const TINY = 1e-300;
  const away = (value: number): number => (Math.abs(value) < TINY ? TINY : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  // it needs about √max(a, b) steps; the bound is only there so that NaN ends too
  for (let m = 1; m < 100_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    const step = d * c;
    fraction *= step;
    if (Math.abs(step - 1) < 1e-15) break;
  }
  return fraction;
}

/**
 * The regularised incomplete beta function I_x(a, b) (DLMF 8.17), which sums binomial tails:
 * I_p(k, n − k + 1) is the probability of at least k successes in n trials that each succeed with probability p.
 * @param x from 0 to 1
 * @param a at least ½
 * @param b at least ½
 */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const logFront =
    a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b);
  // the fraction converges fast only below the mean
  if (x < (a + 1) / (a + b + 2)) return (Math.exp(logFront) * betaFraction(x, a, b)) / a;
  return 1 - (Math.exp(logFront) * betaFraction(1 - x, b, a)) / b;
}

function checkCounts(events: number, trials: number, confidence: number): void {
  const counts = [events, trials].every(Number.isSafeInteger);
  if (counts && events >= 0 && events <= trials && trials > 0 && confidence > 0 && confidence < 1) {
    return;
  }
  throw new BitmodelError(
    'BAD_PROPORTION',
    'A bound on a rate takes at least one trial, no more events than trials, and a confidence between 0 and 1.',
    { next: 'Count trials and events in whole numbers', exitCode: EXIT.usage },
  );
}

/** The p in [0, 1] at which a rising function passes `target`, by bisection down to neighbouring numbers. */
function solve(rising: (p: number) => number, target: number): number {
  let low = 0;
  let high = 1;
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return high;
    if (rising(middle) < target) low = middle;
    else high = middle;
  }
}

/**
 * Clopper's and Pearson's upper bound on the rate of an event seen `events` times in `trials` independent trials: the
 * greatest rate at which so few events have a probability of at least 1 − confidence. Exact: it lies below the true rate
 * with probability at most 1 − confidence, whatever that rate is (C. J. Clopper, E. S. Pearson, Biometrika 26, 1934). An
 * interval of confidence c takes this and `clopperPearsonLower` at (1 + c)/2 each.
 * @throws BitmodelError `BAD_PROPORTION`
 */
export function clopperPearsonUpper(events: number, trials: number, confidence: number): number {
  checkCounts(events, trials, confidence);
  if (events === trials) return 1;
  // P(X ≤ events) = I_{1−p}(n − k, k + 1); as a function of q = 1 − p it rises, and small tails keep their digits
  const missing = solve((q) => incompleteBeta(q, trials - events, events + 1), 1 - confidence);
  return 1 - missing;
}

/**
 * Clopper's and Pearson's lower bound: the least rate at which so many events have a probability of at least
 * 1 − confidence.
 * @throws BitmodelError `BAD_PROPORTION`
 */
export function clopperPearsonLower(events: number, trials: number, confidence: number): number {
  checkCounts(events, trials, confidence);
  if (events === 0) return 0;
  return solve((p) => incompleteBeta(p, events, trials - events + 1), 1 - confidence);
}
