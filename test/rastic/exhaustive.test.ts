import { gumbelNoise, type Sampling, sampleToken } from 'bitmodel/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkPosition } from '#src/rastic/margin.js';
import { shiftBounds } from '#src/rastic/shiftBounds.js';
import { cases } from '../long.js';
import { checkPosition as exhaustive } from './exhaustive/checkPosition.js';
import { shiftBounds as exhaustiveBounds } from './exhaustive/shiftBounds.js';

/** Rows as models give them: most logits in a broad hump, a few far above it, some of them equal. */
const rows = fc
  .record({
    size: fc.integer({ min: 2, max: 600 }),
    spread: fc.constantFrom(0.5, 3, 12),
    peaks: fc.array(fc.double({ min: 0, max: 30, noNaN: true }), { maxLength: 8 }),
    grid: fc.constantFrom(0, 8),
    seed: fc.nat(),
  })
  .map(({ size, spread, peaks, grid, seed }) => {
    let state = seed >>> 0;
    const uniform = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    const row = Float32Array.from({ length: size }, () => {
      const normal = uniform() + uniform() + uniform() + uniform() - 2;
      return grid === 0 ? normal * spread : Math.round(normal * spread * grid) / grid;
    });
    for (const peak of peaks) row[Math.floor(uniform() * size)] = peak;
    return row;
  });
const samplings: fc.Arbitrary<Sampling> = fc.record({
  temperatureMilli: fc.oneof(
    fc.constantFrom(0, 1, 800),
    fc.integer({ min: 1, max: 3000 }),
    fc.constant(100_000),
  ),
  topK: fc.oneof(fc.constantFrom(0, 1, 40), fc.integer({ min: 1, max: 700 })),
  topPMilli: fc.oneof(fc.constantFrom(1000, 999, 950, 1), fc.integer({ min: 1, max: 1000 })),
});
const taus = fc.constantFrom(0, 1e-4, 0.001, 0.1, 2, 50);
const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
const isCut = ({ topK, topPMilli }: Sampling, size: number): boolean =>
  (topK > 0 && topK < size) || topPMilli < 1000;

describe('a check that sorts and weighs no more than it must', () => {
  it('says the same as the one that sorts and weighs the whole vocabulary', () => {
    fc.assert(
      fc.property(
        rows,
        samplings,
        taus,
        seeds,
        fc.nat(300),
        fc.nat(),
        (row, how, tau, seed, at, other) => {
          const noise = gumbelNoise(seed);
          for (const token of [sampleToken(row, at, how, noise), other % row.length]) {
            const fast = checkPosition(row, token, at, how, noise, tau);
            const slow = exhaustive(row, token, at, how, noise, tau);
            if (fast.kind !== 'margin' || slow.kind !== 'margin') {
              expect(fast).toEqual(slow);
              continue;
            }
            expect({ ...fast, flipBound: 0 }).toEqual({ ...slow, flipBound: 0 });
            // never below what the exact sum allows, and hardly above it
            expect(fast.flipBound).toBeGreaterThanOrEqual(slow.flipBound * (1 - 1e-6));
            const mostSlack = isCut(how, row.length) ? 1e-6 : 0.02 + Math.expm1(tau / 800);
            if (how.temperatureMilli >= 800 && tau <= 0.1) {
              expect(fast.flipBound).toBeLessThanOrEqual(slow.flipBound + mostSlack);
            }
          }
        },
      ),
      { numRuns: cases(1500, 300_000) },
    );
  });

  it('leaves the same tokens under some, no and every shift', () => {
    fc.assert(
      fc.property(rows, samplings, taus, fc.nat(), (row, how, tau, other) => {
        fc.pre(how.temperatureMilli > 0 && isCut(how, row.length));
        const token = other % row.length;
        const fast = shiftBounds(row, Math.max(...row), token, how, tau);
        const slow = exhaustiveBounds(row, token, how, tau);
        const count = fast.reachable;
        expect(fast.order.subarray(0, count)).toEqual(slow.order.subarray(0, count));
        const { order: _, scaled: __, ...counts } = fast;
        const { order: ___, ...expected } = slow;
        expect(counts).toEqual(expected);
      }),
      { numRuns: cases(1500, 300_000) },
    );
  });

  it('abstains wherever a logit is not finite', () => {
    const noise = gumbelNoise(new Uint8Array(32));
    fc.assert(
      fc.property(
        rows,
        samplings,
        fc.nat(),
        fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
        (row, how, at, bad) => {
          row[at % row.length] = bad;
          expect(checkPosition(row, 0, 0, how, noise, 1e-3)).toEqual({ kind: 'non-finite' });
        },
      ),
      { numRuns: cases(500, 50_000) },
    );
  });
});
