import { gumbelNoise, type Sampling, sampleToken } from 'bitmodel/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256, u32le } from '#src/base/index.js';
import { checkPosition } from '#src/rastic/margin.js';
import { pooledEvidence, pooledScore } from '#src/rastic/pooled/evidence.js';
import { logPoissonTail } from '#src/rastic/pooled/poissonTail.js';
import { cases } from '../../long.js';

describe('the tail of a Poisson distribution', () => {
  it('is what summing all that lies below leaves, and never less', () => {
    for (const mean of [0.01, 0.3, 1, 4.5, 20]) {
      let term = Math.exp(-mean);
      let below = 0;
      for (let count = 0; count < 60; count++) {
        const rest = 1 - below;
        if (count > mean && rest > 1e-6) {
          const tail = Math.exp(logPoissonTail(count, mean));
          expect(tail).toBeGreaterThanOrEqual(rest * (1 - 1e-9));
          expect(tail).toBeLessThanOrEqual(rest * (1 + 3e-6));
        }
        below += term;
        term *= mean / (count + 1);
      }
    }
  });

  it('keeps its digits where it is far too small for them', () => {
    // e^−1·(1/100!)·(1 + 1/101 + …), from exact integers
    let factorial = 1n;
    for (let i = 1n; i <= 100n; i++) factorial *= i;
    const log = -1 - Math.log(Number(factorial)) + Math.log(1 + 1 / 101 + 1 / (101 * 102));
    expect(logPoissonTail(100, 1)).toBeCloseTo(log, 4);
    expect(logPoissonTail(5, 0)).toBe(Number.NEGATIVE_INFINITY);
    expect(logPoissonTail(0, 3)).toBe(0);
    expect(logPoissonTail(2, 3)).toBe(0);
  });

  it('falls with the count and rises with the mean', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 400 }),
        fc.double({ min: 0, max: 50, noNaN: true }),
        (count, mean) => {
          expect(logPoissonTail(count + 1, mean)).toBeLessThanOrEqual(logPoissonTail(count, mean));
          expect(logPoissonTail(count, mean * 1.1)).toBeGreaterThanOrEqual(
            logPoissonTail(count, mean),
          );
        },
      ),
    );
  });
});

/**
 * The greatest probability with which somebody who chooses, position by position and knowing all that came of those before,
 * how large the next bound is, and when to stop, can reach a score. By enumeration of all such strategies.
 * @param scoreOf of so many flips at such a mean
 */
function bestStrategy(scoreOf: (flips: number, mean: number) => number, wanted: number): number {
  const unit = 0.01;
  const units = 120;
  const steps = [1, 3, 9];
  const value: number[][] = [];
  for (let used = units; used >= 0; used--) {
    value[used] = [];
    for (let flips = 0; flips <= 12; flips++) {
      let best = scoreOf(flips, used * unit) >= wanted ? 1 : 0;
      for (const step of steps) {
        if (used + step > units || flips === 12) continue;
        const chance = -Math.expm1(-step * unit);
        const later = value[used + step]!;
        best = Math.max(best, chance * later[flips + 1]! + (1 - chance) * later[flips]!);
      }
      value[used]![flips] = best;
    }
  }
  return value[0]![0]!;
}

describe('pooled evidence', () => {
  it('reaches a score of s with probability at most 10^−s, whatever chooses the bounds and the end', () => {
    for (const wanted of [0.5, 1, 2, 3, 4.5, 6]) {
      expect(bestStrategy(pooledScore, wanted)).toBeLessThanOrEqual(10 ** -wanted);
    }
  });

  it('would not, if it were the tail alone', () => {
    const alone = (flips: number, mean: number) => -logPoissonTail(flips, mean) / Math.LN10;
    const excess = [1, 2, 3].map((wanted) => bestStrategy(alone, wanted) * 10 ** wanted);
    expect(Math.max(...excess)).toBeGreaterThan(1);
  });

  it('leaves out what nothing is known of, and all of an output without noise', () => {
    const context = { vocabulary: 10, delta: 0.01 };
    const rows = [
      { margin: 1, flipBound: 1 },
      { margin: 1, flipBound: 0.2 },
      { flipBound: 0.001 },
      { margin: 1 },
      { margin: Number.NEGATIVE_INFINITY, flipBound: 0.001 },
    ];
    expect(pooledEvidence(rows, context)).toMatchObject({ positions: 1, flips: 0, score: 0 });
    const many = Array.from({ length: 50 }, () => ({ margin: 0.001, flipBound: 0.001 }));
    expect(pooledEvidence(many, context).score).toBeGreaterThan(9);
    const greedy = { vocabulary: 10, delta: Number.POSITIVE_INFINITY };
    expect(pooledEvidence(many, greedy)).toEqual({ positions: 0, flips: 0, mean: 0, score: 0 });
  });

  it('gives nothing for impossible bounds', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ margin: fc.double(), flipBound: fc.double() }, { requiredKeys: [] })),
        (rows) => {
          const { score, positions, flips } = pooledEvidence(rows, { vocabulary: 9, delta: 0.1 });
          expect(score).toBeGreaterThanOrEqual(0);
          expect(flips).toBeLessThanOrEqual(positions);
        },
      ),
    );
  });
});

const HOW: Sampling = { temperatureMilli: 1000, topK: 0, topPMilli: 1000 };

describe('outputs of honest sellers', () => {
  it('reach a score of 1 at most as often as one in ten, even where every shift is the worst there is', () => {
    const tau = 0.3;
    const outputs = cases(1500, 100_000);
    const tokens = 40;
    // half of the mass up, half of it down: no shift makes more flips
    const row = Float32Array.of(1, 1, 0, 0, -1, -1);
    const shifted = row.map((z, i) => z + (i % 2 === 0 ? 1 : -1) * (tau / 2) * (1 - 1e-6));
    let reached = 0;
    let flips = 0;
    let mean = 0;
    for (let output = 0; output < outputs; output++) {
      const noise = gumbelNoise(sha256(u32le(output)));
      const rows = Array.from({ length: tokens }, (_, position) => {
        const token = sampleToken(shifted, position, HOW, noise);
        const check = checkPosition(row, token, position, HOW, noise, tau);
        if (check.kind !== 'margin') throw new Error('an honest token is never excluded');
        return { margin: check.margin, flipBound: check.flipBound };
      });
      const evidence = pooledEvidence(rows, { vocabulary: row.length, delta: tau });
      if (evidence.score >= 1) reached++;
      flips += evidence.flips;
      mean += evidence.mean;
    }
    expect(flips).toBeGreaterThan(0);
    expect(flips).toBeLessThan(mean + 4 * Math.sqrt(mean));
    // 0.1 and four standard deviations
    expect(reached / outputs).toBeLessThan(0.1 + 4 * Math.sqrt(0.09 / outputs));
  });
});
