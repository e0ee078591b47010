import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clopperPearsonLower, clopperPearsonUpper, incompleteBeta } from '#src/rastic/index.js';

/** P(X ≥ k) of n trials, summed term by term. */
function binomialTail(k: number, n: number, p: number): number {
  let logTerm = n * Math.log1p(-p);
  let sum = k === 0 ? Math.exp(logTerm) : 0;
  for (let i = 1; i <= n; i++) {
    logTerm += Math.log((n - i + 1) / i) + Math.log(p) - Math.log1p(-p);
    if (i >= k) sum += Math.exp(logTerm);
  }
  return sum;
}

describe('the regularised incomplete beta function', () => {
  it('has the values of its closed forms', () => {
    for (const x of [0, 0.1, 0.37, 0.5, 0.9, 1]) {
      expect(incompleteBeta(x, 1, 1)).toBeCloseTo(x, 14);
      expect(incompleteBeta(x, 3, 1)).toBeCloseTo(x ** 3, 14);
      expect(incompleteBeta(x, 1, 4)).toBeCloseTo(1 - (1 - x) ** 4, 14);
      expect(incompleteBeta(x, 0.5, 0.5)).toBeCloseTo((2 / Math.PI) * Math.asin(Math.sqrt(x)), 13);
    }
  });

  it('sums the tail of a binomial distribution', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 400 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        (n, share, p) => {
          const k = 1 + Math.floor(share * (n - 1));
          const tail = binomialTail(k, n, p);
          expect(Math.abs(incompleteBeta(p, k, n - k + 1) - tail)).toBeLessThan(1e-11);
        },
      ),
    );
  });
});

describe("Clopper's and Pearson's bounds", () => {
  it('have the published values', () => {
    // two-sided at 95 %: each bound at 97.5 %
    expect(clopperPearsonLower(1, 10, 0.975)).toBeCloseTo(0.00252858, 7);
    expect(clopperPearsonUpper(1, 10, 0.975)).toBeCloseTo(0.4450161, 6);
    expect(clopperPearsonLower(5, 50, 0.975)).toBeCloseTo(0.0332751, 6);
    expect(clopperPearsonUpper(5, 50, 0.975)).toBeCloseTo(0.2181354, 6);
  });

  it('of no event are 0 and 1 − (1 − confidence)^(1/n)', () => {
    for (const trials of [1, 10, 3000, 1_000_000]) {
      for (const confidence of [0.5, 0.95, 0.999, 1 - 1e-9]) {
        const exact = -Math.expm1(Math.log(1 - confidence) / trials);
        expect(clopperPearsonUpper(0, trials, confidence) / exact).toBeCloseTo(1, 8);
        expect(clopperPearsonLower(0, trials, confidence)).toBe(0);
      }
    }
  });

  it('make what was seen exactly as improbable as was asked for', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 400 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom(0.5, 0.9, 0.95, 0.999),
        (trials, share, confidence) => {
          const events = 1 + Math.floor(share * (trials - 2));
          const upper = clopperPearsonUpper(events, trials, confidence);
          expect(1 - binomialTail(events + 1, trials, upper)).toBeCloseTo(1 - confidence, 9);
          const lower = clopperPearsonLower(events, trials, confidence);
          expect(binomialTail(events, trials, lower)).toBeCloseTo(1 - confidence, 9);
          expect(lower).toBeLessThan(events / trials);
          expect(upper).toBeGreaterThan(events / trials);
        },
      ),
    );
  });

  it('are 1 and below 1 where every trial showed the event', () => {
    expect(clopperPearsonUpper(7, 7, 0.95)).toBe(1);
    expect(clopperPearsonLower(7, 7, 0.95)).toBeCloseTo(0.05 ** (1 / 7), 12);
  });

  it.each([
    [1, 0, 0.95],
    [-1, 5, 0.95],
    [6, 5, 0.95],
    [0.5, 5, 0.95],
    [1, 5, 0],
    [1, 5, 1],
    [1, 5, Number.NaN],
  ])('refuse %d events in %d trials at confidence %d', (events, trials, confidence) => {
    for (const bound of [clopperPearsonLower, clopperPearsonUpper]) {
      expect(() => bound(events, trials, confidence)).toThrow(
        expect.objectContaining({ code: 'BAD_PROPORTION' }),
      );
    }
  });
});
