import { logErfc } from './erfc.js';
import { lowestPoint } from './minimise.js';
import type { Histogram } from './powerLaw.js';

/** A law other than a power law, fitted to the same tail by maximum likelihood. */
export interface OtherLaw {
  /** By name: μ and σ of a lognormal, λ of an exponential, α and λ of a power law with a cut-off. */
  readonly parameters: Readonly<Record<string, number>>;
  /** Natural logarithm of the chance of one value, for x from the tail's start on. */
  readonly logChance: (x: number) => number;
  /** Whether the likeliest of these laws is the limit in which they are a power law. */
  readonly isPowerLaw?: boolean;
}

/** Values of 5-point Gauss–Legendre quadrature on [−1, 1]: places and weights (exact up to degree 9). */
const GAUSS = [-1, 1].flatMap((sign): [number, number][] => [
  [(sign * Math.sqrt(5 - 2 * Math.sqrt(10 / 7))) / 3, (322 + 13 * Math.sqrt(70)) / 900],
  [(sign * Math.sqrt(5 + 2 * Math.sqrt(10 / 7))) / 3, (322 - 13 * Math.sqrt(70)) / 900],
]);
GAUSS.push([0, 128 / 225]);
const PANEL = 0.25;
/** Least bend: with σ = 1000 doubles have too few digits, and no data can tell a lognormal from a power law. */
const LEAST_BEND = Math.log(1e-6);
const MOST_BEND = Math.log(1e4);
const LEAST_CUT = Math.log(1e-11);
const MOST_CUT = Math.log(30);
/** So near its bound a search has gone as far as it could. */
const AT_BOUND = 0.5;
/** Terms that are summed one by one before the rest is taken as an integral. */
const SUMMED = 30;
/** e^(−45) of the first term is nothing beside it. */
const NOTHING = 45;

/** ∫ x^−α e^(−λ(x − q)) dx from `from` on, with x = from · e^t. */
function tailIntegral(alpha: number, lambda: number, q: number, from: number): number {
  const end = Math.log(1 + NOTHING / (lambda * from));
  const panels = Math.ceil(end / PANEL);
  const half = end / panels / 2;
  let sum = 0;
  for (let panel = 0; panel < panels; panel++) {
    const middle = (2 * panel + 1) * half;
    for (const [place, weight] of GAUSS) {
      const t = middle + place * half;
      sum += weight * half * Math.exp((1 - alpha) * t - lambda * (from * Math.exp(t) - q));
    }
  }
  return from ** (1 - alpha) * sum;
}

/**
 * ln Σ x^−α e^(−λx) over whole x from q on, Lerch's transcendent e^(−λq) Φ(e^(−λ), α, q), to about 10 digits: some
 * terms, then Euler and Maclaurin's formula.
 * @param alpha from 0 on
 * @param lambda above 0
 * @param q at least 1
 */
export function logCutOffSum(alpha: number, lambda: number, q: number): number {
  const term = (x: number): number => Math.exp(-alpha * Math.log(x) - lambda * (x - q));
  const end = q + SUMMED;
  let sum = 0;
  for (let x = q; x < end; x++) sum += term(x);
  // the rest by Euler and Maclaurin's formula, from derivatives of the term's logarithm
  const first = -alpha / end - lambda;
  const second = alpha / end ** 2;
  const third = (-2 * alpha) / end ** 3;
  const thirdOfTerm = third + 3 * first * second + first ** 3;
  const corrections = 1 / 2 - first / 12 + thirdOfTerm / 720;
  const rest = tailIntegral(alpha, lambda, q, end) + term(end) * corrections;
  return Math.log(sum + rest) - lambda * q;
}

/** The lowest of the points that are found from several starts. */
function lowestOf(
  height: (x: number, y: number) => number,
  starts: readonly (readonly [number, number])[],
): readonly [number, number] {
  const ends = starts.map((start) => lowestPoint(height, start));
  return ends.reduce((best, end) => (end[1] < best[1] ? end : best))[0];
}

const sumOf = (tail: Histogram, of: (x: number) => number): number =>
  tail.reduce((sum, [x, count]) => sum + count * of(x), 0);

/** p(x) = (1 − e^(−λ)) e^(−λ(x − q)), whose likeliest λ is ln(1 + 1 / mean(x − q)). */
export function fitExponential(tail: Histogram): OtherLaw {
  const q = tail[0]![0];
  const total = sumOf(tail, () => 1);
  const lambda = Math.log1p(total / sumOf(tail, (x) => x - q));
  const log = Math.log(-Math.expm1(-lambda));
  return { parameters: { lambda }, logChance: (x) => log - lambda * (x - q) };
}

/** ln of what a normal law has between a and b, in units of √2 σ from its middle; b above a. */
function logBetween(a: number, b: number): number {
  if (b <= 0) return logBetween(-b, -a);
  const above = logErfc(a);
  return above + Math.log(-Math.expm1(logErfc(b) - above)) - Math.LN2;
}

/**
 * p(x) ∝ Φ((ln(x + ½) − μ)/σ) − Φ((ln(x − ½) − μ)/σ), a lognormal rounded to whole numbers, from x − ½ on. It is sought by
 * its slope and its bend on two logarithmic axes: without a bend it is a power law, however far μ then lies below.
 */
export function fitLognormal(tail: Histogram): OtherLaw {
  const from = Math.log(tail[0]![0] - 0.5);
  const lawOf = (slope: number, logBend: number): OtherLaw => {
    const bend = Math.exp(logBend);
    const mu = from - slope / bend;
    const sigma = 1 / Math.sqrt(bend);
    const place = (x: number): number => (Math.log(x) - mu) / (Math.SQRT2 * sigma);
    const whole = logErfc(place(tail[0]![0] - 0.5)) - Math.LN2;
    return {
      parameters: { mu, sigma },
      logChance: (x) => logBetween(place(x - 0.5), place(x + 0.5)) - whole,
    };
  };
  const height = (slope: number, logBend: number): number => {
    if (logBend < LEAST_BEND || logBend > MOST_BEND) return Number.POSITIVE_INFINITY;
    const cost = -sumOf(tail, lawOf(slope, logBend).logChance);
    return Number.isNaN(cost) ? Number.POSITIVE_INFINITY : cost;
  };
  const total = sumOf(tail, () => 1);
  const mean = sumOf(tail, Math.log) / total;
  const spread = sumOf(tail, (x) => (Math.log(x) - mean) ** 2) / total;
  const starts = [
    [(from - mean) / spread, -Math.log(spread)],
    [1 / (mean - from), Math.log(0.01)],
  ] as const;
  const [slope, logBend] = lowestOf(height, starts);
  return { ...lawOf(slope, logBend), isPowerLaw: logBend < LEAST_BEND + AT_BOUND };
}

/** p(x) ∝ x^−α e^(−λx) with α ≥ 0 and λ > 0, which for λ = 0 is a power law. @param exponent of the power law */
export function fitCutOff(tail: Histogram, exponent: number): OtherLaw {
  const q = tail[0]![0];
  const lawOf = (alpha: number, logLambda: number): OtherLaw => {
    const lambda = Math.exp(logLambda);
    const whole = logCutOffSum(alpha, lambda, q);
    return {
      parameters: { alpha, lambda },
      logChance: (x) => -alpha * Math.log(x) - lambda * x - whole,
    };
  };
  const height = (alpha: number, logLambda: number): number => {
    if (alpha < 0 || logLambda < LEAST_CUT || logLambda > MOST_CUT) return Number.POSITIVE_INFINITY;
    return -sumOf(tail, lawOf(alpha, logLambda).logChance);
  };
  const mean = sumOf(tail, (x) => x) / sumOf(tail, () => 1);
  const starts = [mean, tail.at(-1)![0]].map((size) => [exponent, -Math.log(size)] as const);
  const [alpha, logLambda] = lowestOf(height, starts);
  return { ...lawOf(alpha, logLambda), isPowerLaw: logLambda < LEAST_CUT + AT_BOUND };
}
