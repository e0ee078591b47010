import { compareLaws, type LawComparison } from './likelihoodRatio.js';
import { Random } from './Random.js';
import { hurwitzZeta } from './zeta.js';

/** How often each value occurs: [value, count], values ascending, each once. */
export type Histogram = readonly (readonly [value: number, count: number])[];

/** A power law p(x) ∝ x^−α for whole x ≥ xMinimum, fitted to data. */
export interface PowerLaw {
  readonly exponent: number;
  /** Standard error of the exponent, by the curvature of the likelihood. */
  readonly standardError: number;
  readonly xMinimum: number;
  /** Values at or above xMinimum, to which the law was fitted. */
  readonly tail: number;
  /** Kolmogorov and Smirnov's distance between the tail and the law. */
  readonly distance: number;
  /**
   * Share of samples drawn from the fitted law that lie farther from their own fit than the data do. Clauset, Shalizi
   * and Newman rule a power law out where it is 0.1 or less. Undefined where no samples were drawn.
   */
  readonly plausibility: number | undefined;
  /** Samples drawn for it. */
  readonly rounds: number;
  /** The law held against others on the same tail. */
  readonly comparisons: readonly LawComparison[];
}

/** A fit, or why there is none. */
export type PowerLawFit = PowerLaw | { readonly refused: string };

/** Fewest values that a law is fitted to: below, the exponent's error is too large to say anything (section 3.3 there). */
export const LEAST_TAIL = 50;
const LEAST_DISTINCT = 3;
const STEEPEST = 50;
const STEP = 1e-4;
/** Values of a table for drawing; what lies beyond is drawn from the continuous law, rounded down. */
const TABLE = 10_000;

type Fit = Omit<PowerLaw, 'plausibility' | 'rounds' | 'comparisons'>;

/** First and second derivative of ln ζ(α, q) by α, by central differences. */
function slopes(exponent: number, q: number): [number, number] {
  const above = Math.log(hurwitzZeta(exponent + STEP, q));
  const here = Math.log(hurwitzZeta(exponent, q));
  const below = Math.log(hurwitzZeta(exponent - STEP, q));
  return [(above - below) / (2 * STEP), (above - 2 * here + below) / STEP ** 2];
}

/** The exponent of the greatest likelihood, where −(ln ζ)′ is the mean of ln x: Newton's method between bounds. */
function likeliestExponent(meanLog: number, xMinimum: number): number {
  let low = 1 + 2 * STEP;
  let high = STEEPEST;
  // the continuous approximation (eq. 3.7) is a good start
  const spread = meanLog - Math.log(xMinimum - 0.5);
  let exponent = Math.min(Math.max(1 + 1 / spread, low + STEP), 20);
  for (let step = 0; step < 60; step++) {
    const [first, second] = slopes(exponent, xMinimum);
    const slope = first + meanLog;
    if (slope < 0) low = exponent;
    else high = exponent;
    const newton = exponent - slope / second;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    if (Math.abs(next - exponent) < 1e-9) return next;
    exponent = next;
  }
  return exponent;
}

/** Largest gap between the tail's distribution and the law's; given up once it exceeds `best`. */
function tailDistance(tail: Histogram, total: number, exponent: number, best: number): number {
  const xMinimum = tail[0]![0];
  const whole = hurwitzZeta(exponent, xMinimum);
  let empirical = 0;
  let law = 0;
  let worst = 0;
  let from = xMinimum;
  for (const [value, count] of tail) {
    // both distributions just below the value, then at it
    if (value - from > 16) law = 1 - hurwitzZeta(exponent, value) / whole;
    else for (let x = from; x < value; x++) law += x ** -exponent / whole;
    worst = Math.max(worst, Math.abs(empirical - law));
    empirical += count / total;
    law += value ** -exponent / whole;
    from = value + 1;
    worst = Math.max(worst, Math.abs(empirical - law));
    if (worst > best) return worst;
  }
  return worst;
}

/** The fit whose tail lies nearest its law, over all starting values with 50 values or more above them. */
function nearestFit(histogram: Histogram): Fit | undefined {
  let best: Fit | undefined;
  let total = 0;
  let logs = 0;
  for (let first = histogram.length - 1; first >= 0; first--) {
    const [xMinimum, count] = histogram[first]!;
    total += count;
    logs += count * Math.log(xMinimum);
    if (total < LEAST_TAIL || histogram.length - first < LEAST_DISTINCT) continue;
    const exponent = likeliestExponent(logs / total, xMinimum);
    const limit = best?.distance ?? Number.POSITIVE_INFINITY;
    const distance = tailDistance(histogram.slice(first), total, exponent, limit);
    if (distance > limit) continue;
    const [, curvature] = slopes(exponent, xMinimum);
    const standardError = 1 / Math.sqrt(total * curvature);
    best = { exponent, standardError, xMinimum, tail: total, distance };
  }
  return best;
}

/** Draws values as the hypothesis has them: the body below xMinimum as found, the tail from the law. */
class Hypothesis {
  readonly #body: number[] = [];
  readonly #fit: Fit;
  readonly #total: number;
  readonly #tail: Float64Array;

  constructor(histogram: Histogram, fit: Fit) {
    this.#fit = fit;
    for (const [value, count] of histogram) {
      if (value < fit.xMinimum) for (let i = 0; i < count; i++) this.#body.push(value);
    }
    this.#total = this.#body.length + fit.tail;
    const whole = hurwitzZeta(fit.exponent, fit.xMinimum);
    this.#tail = new Float64Array(TABLE);
    let sum = 0;
    for (let i = 0; i < TABLE; i++) {
      sum += (fit.xMinimum + i) ** -fit.exponent / whole;
      this.#tail[i] = sum;
    }
  }

  #tailValue(random: Random): number {
    const { exponent, xMinimum } = this.#fit;
    const chance = random.word() / 2 ** 32;
    const table = this.#tail;
    const beyond = table[TABLE - 1]!;
    if (chance >= beyond) {
      const left = (1 - chance) / (1 - beyond);
      return Math.floor((xMinimum + TABLE - 0.5) * left ** (-1 / (exponent - 1)) + 0.5);
    }
    let low = 0;
    let high = TABLE - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (table[middle]! > chance) high = middle;
      else low = middle + 1;
    }
    return xMinimum + low;
  }

  sample(random: Random): Histogram {
    const counts = new Map<number, number>();
    for (let i = 0; i < this.#total; i++) {
      const place = random.below(this.#total);
      const value = this.#body[place] ?? this.#tailValue(random);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return [...counts].sort((a, b) => a[0] - b[0]);
  }
}

/**
 * Fits a discrete power law to values of 1 and more, as Clauset, Shalizi and Newman do ("Power-law distributions in
 * empirical data", SIAM Review 51, 2009): the exponent by maximum likelihood, its start by the smallest
 * Kolmogorov–Smirnov distance, plausibility by fitting samples of the law in the same way, and held against other laws.
 * @param histogram values below 1 are left aside
 * @param rounds samples for the plausibility; its error is about 1 / (2 √rounds); 0 for none
 */
export function fitPowerLaw(histogram: Histogram, rounds: number, seed: string): PowerLawFit {
  const positive = histogram.filter(([value]) => value >= 1);
  const fit = nearestFit(positive);
  if (fit === undefined) {
    const values = positive.reduce((sum, [, count]) => sum + count, 0);
    return {
      refused: `${values} values above 0, ${positive.length} of them distinct: a fit needs at least ${LEAST_TAIL}, of at least ${LEAST_DISTINCT} sizes`,
    };
  }
  const tail = positive.filter(([value]) => value >= fit.xMinimum);
  const comparisons = compareLaws(tail, fit.exponent);
  if (rounds === 0) return { ...fit, plausibility: undefined, rounds, comparisons };
  const hypothesis = new Hypothesis(positive, fit);
  const random = new Random(`power law ${seed}`);
  let farther = 0;
  for (let round = 0; round < rounds; round++) {
    const again = nearestFit(hypothesis.sample(random));
    if (again !== undefined && again.distance >= fit.distance) farther++;
  }
  return { ...fit, plausibility: farther / rounds, rounds, comparisons };
}
