import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { logErfc } from '#src/reward/network/erfc.js';
import { compareLaws, type LawComparison } from '#src/reward/network/likelihoodRatio.js';
import { fitCutOff, logCutOffSum } from '#src/reward/network/otherLaws.js';
import type { Histogram } from '#src/reward/network/powerLaw.js';
import { hurwitzZeta } from '#src/reward/network/zeta.js';

/** As mpmath 1.4.1 has ln erfc(z), to 16 digits. */
const LOG_ERFC: readonly [z: number, value: number][] = [
  [-3, 0.6931361352504468],
  [-2.5, 0.6929436838471712],
  [-0.7, 0.5174841229791058],
  [0, 0],
  [0.3, -0.3984300514400853],
  [1.999, -5.360524027545016],
  [2, -5.364941264616638],
  [3.5, -14.11243740214817],
  [8, -66.65947197080516],
  [40, -1604.261556653274],
  [5000, -25000009.08955815],
];

/** As mpmath 1.4.1 has the sum, by its Lerch transcendent. */
const CUT_OFF_SUMS: readonly [alpha: number, lambda: number, q: number, value: number][] = [
  [2.5, 0.001, 3, -1.81079006831278],
  [1.9, 0.02, 7, -2.01775830199128],
  [0.0, 0.1, 2, 2.152168461044091],
  [0.4, 1.0e-6, 1, 8.687348763194464],
  [3.0, 1.0e-9, 50, -8.497194630044461],
  [2.0, 2.0, 1, -1.964595565962552],
  [1.0, 0.5, 4, -2.689645179128615],
  [6.0, 12.0, 9, -121.183344198725],
];

describe('special functions', () => {
  it.each(LOG_ERFC)('ln erfc(%f) is %f', (z, value) => {
    expect(Math.abs(logErfc(z) - value)).toBeLessThan(1e-12 * Math.max(1, Math.abs(value)));
  });

  it.each(CUT_OFF_SUMS)('ln Σ x^−%f e^(−%f x) from %i on is %f', (alpha, lambda, q, value) => {
    expect(Math.abs(logCutOffSum(alpha, lambda, q) - value)).toBeLessThan(1e-9);
  });

  it('a power law with hardly a cut-off has the sum of the power law', () => {
    expect(logCutOffSum(2.5, 1e-10, 3)).toBeCloseTo(Math.log(hurwitzZeta(2.5, 3)), 8);
  });
});

interface Expected {
  readonly tail: Histogram;
  readonly exponent: number;
  readonly comparisons: readonly Pick<
    LawComparison,
    'rival' | 'normalisedRatio' | 'logRatio' | 'p'
  >[];
}

const { laws } = JSON.parse(
  readFileSync(new URL('../../../fixtures/graphs/laws-expected.json', import.meta.url), 'utf8'),
) as { laws: Record<string, Expected> };

describe('a power law held against other laws', () => {
  it.each(Object.entries(laws))('of %s has the ratios of powerlaw', (_, expected) => {
    const found = compareLaws(expected.tail, expected.exponent);
    expect(found.map(({ rival }) => rival)).toEqual(expected.comparisons.map(({ rival }) => rival));
    found.forEach(({ logRatio, normalisedRatio, p }, i) => {
      const other = expected.comparisons[i]!;
      expect(Math.abs(logRatio - other.logRatio)).toBeLessThan(1e-4);
      expect(Math.abs(normalisedRatio - other.normalisedRatio)).toBeLessThan(1e-3);
      expect(Math.abs(p - other.p)).toBeLessThan(1e-3);
    });
  });

  const betterOf = (name: string): Record<string, string> =>
    Object.fromEntries(
      compareLaws(laws[name]!.tail, laws[name]!.exponent).map(({ rival, better }) => [
        rival,
        better,
      ]),
    );

  it('is told from the law that values were drawn from', () => {
    expect(betterOf('a power law')).toEqual({
      lognormal: 'neither',
      exponential: 'power law',
      'power law with a cut-off': 'neither',
    });
    expect(betterOf('a lognormal')).toMatchObject({ lognormal: 'rival' });
    expect(betterOf('an exponential')).toMatchObject({ exponential: 'rival' });
    expect(betterOf('a power law with a cut-off')).toMatchObject({
      'power law with a cut-off': 'rival',
    });
  });

  it('finds nothing better where the others can only become the power law itself', () => {
    // steep at first and flat farther out: neither a bend down nor a cut-off can follow that
    const tail = Array.from({ length: 400 }, (_, i): [number, number] => [
      i + 1,
      Math.round(3000 * (i + 1) ** -3 + 40 * (i + 1) ** -0.9),
    ]).filter(([, count]) => count > 0);
    const { parameters } = fitCutOff(tail, 2);
    const [lognormal, exponential, cutOff] = compareLaws(tail, parameters.alpha!);
    const same = { logRatio: 0, normalisedRatio: 0, p: 1, better: 'neither' };
    expect(lognormal).toMatchObject(same);
    expect(exponential).toMatchObject({ better: 'power law' });
    expect(cutOff).toMatchObject(same);
  });
});
