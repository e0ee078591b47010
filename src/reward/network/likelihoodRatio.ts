import { logErfc } from './erfc.js';
import { fitCutOff, fitExponential, fitLognormal, type OtherLaw } from './otherLaws.js';
import type { Histogram } from './powerLaw.js';
import { hurwitzZeta } from './zeta.js';

/** Laws that a power law is held against; the last one contains it. */
export const RIVALS = ['lognormal', 'exponential', 'power law with a cut-off'] as const;
/** One of {@link RIVALS}. */
export type Rival = (typeof RIVALS)[number];

/** A power law held against another law on the same tail. */
export interface LawComparison {
  readonly rival: Rival;
  /** Of the other law, by name. */
  readonly parameters: Readonly<Record<string, number>>;
  /** ln of the likelihood of the power law over that of the other: above 0 where the power law fits better. */
  readonly logRatio: number;
  /** The same over its standard deviation (Vuong 1989). */
  readonly normalisedRatio: number;
  /**
   * Chance of a ratio so far from 0 if both laws were as good: where it is above 0.1, the sign of the ratio says nothing.
   * For the law that contains the power law, by the χ² law of one degree of freedom.
   */
  readonly p: number;
  /** Which one fits better, where p is 0.1 or less. */
  readonly better: 'power law' | 'rival' | 'neither';
}

/** At most so large is p where one law is better than the other (Clauset, Shalizi and Newman, section 5). */
const DECIDED = 0.1;

function compare(
  tail: Histogram,
  power: (x: number) => number,
  rival: Rival,
  { parameters, logChance, isPowerLaw = false }: OtherLaw,
): LawComparison {
  const contains = rival === 'power law with a cut-off';
  const gaps = tail.map(([x, count]): [number, number] => [power(x) - logChance(x), count]);
  const sumOf = (of: (gap: number) => number): number =>
    gaps.reduce((sum, [gap, count]) => sum + count * of(gap), 0);
  const total = sumOf(() => 1);
  const logRatio = sumOf((gap) => gap);
  // a law that contains the power law is never worse but by rounding
  if (isPowerLaw || (contains && logRatio > 0)) {
    return { rival, parameters, logRatio: 0, normalisedRatio: 0, p: 1, better: 'neither' };
  }
  const mean = logRatio / total;
  const normalisedRatio = logRatio / Math.sqrt(sumOf((gap) => (gap - mean) ** 2));
  const away = contains ? Math.sqrt(-logRatio) : Math.abs(normalisedRatio) / Math.SQRT2;
  const p = Math.exp(logErfc(away));
  const winner = logRatio > 0 ? 'power law' : 'rival';
  const better = p <= DECIDED ? winner : 'neither';
  return { rival, parameters, logRatio, normalisedRatio, p, better };
}

/**
 * Holds a fitted power law against other laws, each fitted to the same tail by maximum likelihood: the likelihood ratio
 * tests of Clauset, Shalizi and Newman (SIAM Review 51, 2009, section 5 and appendix C).
 * @param tail values from the law's start on, of at least three sizes
 * @param exponent the likeliest one of the power law
 */
export function compareLaws(tail: Histogram, exponent: number): LawComparison[] {
  const logWhole = Math.log(hurwitzZeta(exponent, tail[0]![0]));
  const power = (x: number): number => -exponent * Math.log(x) - logWhole;
  const laws = [fitLognormal(tail), fitExponential(tail), fitCutOff(tail, exponent)];
  return RIVALS.map((rival, i) => compare(tail, power, rival, laws[i]!));
}
