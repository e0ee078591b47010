import { gumbelNoise, type Sampling, sampleToken } from 'bitmodel/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256, u32le } from '#src/base/index.js';
import { flipBound } from '#src/rastic/flipBound.js';
import { checkPosition } from '#src/rastic/margin.js';
import { cases } from '../long.js';
import { shiftBounds } from './exhaustive/shiftBounds.js';

const rows = fc
  .array(fc.integer({ min: -24, max: 24 }), { minLength: 2, maxLength: 10 })
  .map((eighths) => Float32Array.from(eighths, (value) => value / 8));
const samplings = fc.record({
  temperatureMilli: fc.integer({ min: 200, max: 2000 }),
  topK: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 10 })),
  topPMilli: fc.oneof(fc.constant(1000), fc.integer({ min: 100, max: 1000 })),
});
const PLAIN: Sampling = { temperatureMilli: 800, topK: 0, topPMilli: 1000 };

/** How often, over the noise of many seeds, an honest token from shifted logits shows a margin above 0. */
function flips(
  row: Float32Array,
  shifted: Float32Array,
  sampling: Sampling,
  tau: number,
  rounds: number,
): { flips: number; bound: number } {
  let count = 0;
  let bound = 0;
  for (let position = 0; position < rounds; position++) {
    const noise = gumbelNoise(sha256(u32le(position)));
    const token = sampleToken(shifted, position, sampling, noise);
    const check = checkPosition(row, token, position, sampling, noise, tau);
    if (check.kind !== 'margin') throw new Error('an honest token is never excluded');
    bound = check.flipBound;
    if (check.margin > 0) count += 1;
  }
  return { flips: count, bound };
}

/** Bernstein's bound on how many flips an expectation allows, but for one case in 10⁹. */
const allowed = (expected: number): number => {
  const room = Math.log(1e9);
  return expected + Math.sqrt(2 * expected * room) + room;
};

describe('the bound on flips', () => {
  it('is never exceeded by honest sellers, whatever the logits, sampling and shifts within τ/2', () => {
    const shares = fc.array(
      fc.oneof(fc.constantFrom(-1, 1), fc.double({ min: -1, max: 1, noNaN: true })),
      {
        minLength: 10,
        maxLength: 10,
      },
    );
    const total = { flips: 0, expected: 0 };
    fc.assert(
      fc.property(rows, samplings, shares, fc.constantFrom(0.02, 0.1, 0.5), (row, how, by, tau) => {
        const shifted = Float32Array.from(row, (z, i) => z + by[i]! * (tau / 2) * (1 - 1e-6));
        const rounds = 300;
        const { flips: count, bound } = flips(row, shifted, how, tau, rounds);
        expect(count).toBeLessThanOrEqual(allowed(rounds * bound));
        total.flips += count;
        total.expected += rounds * bound;
      }),
      { numRuns: cases(60, 5000) },
    );
    expect(total.flips).toBeGreaterThan(0);
    expect(total.flips).toBeLessThanOrEqual(allowed(total.expected));
  });

  it('is at most three times what the worst shift of a pair gives at T = 0.8', () => {
    for (const gap of [0, 0.5, 1, 2]) {
      const row = Float32Array.of(gap, 0);
      const tau = 0.2;
      const reach = (tau / 2) * (1 - 1e-6);
      const rounds = 5000;
      const [a, b] = [
        Float32Array.of(gap + reach, -reach),
        Float32Array.of(gap - reach, reach),
      ].map((shifted) => flips(row, shifted, PLAIN, tau, rounds));
      const most = Math.max(a!.flips, b!.flips);
      expect(most).toBeLessThanOrEqual(allowed(rounds * a!.bound));
      expect(rounds * a!.bound).toBeLessThan(3 * allowed(most));
    }
  });

  it('is at most (e^{τ/T} − 1)·W⁺/W⁻', () => {
    fc.assert(
      fc.property(rows, samplings, fc.constantFrom(1e-4, 0.01, 0.3), (row, how, tau) => {
        const temperature = how.temperatureMilli / 1000;
        const { order, certain, reachable } = shiftBounds(row, 0, how, tau);
        const scaled = Float64Array.from(order, (id) => row[id]! / temperature);
        const massOf = (count: number) =>
          scaled.subarray(0, count).reduce((sum, value) => sum + Math.exp(value), 0);
        const bound = flipBound(scaled, certain, reachable, tau / temperature);
        const simple = Math.expm1(tau / temperature) * (massOf(reachable) / massOf(certain));
        if (certain > 0) expect(bound).toBeLessThanOrEqual(Math.min(1, simple) * (1 + 1e-9));
        else expect(bound).toBe(1);
      }),
      { numRuns: cases(3000, 300_000) },
    );
  });

  it('is small where one token holds nearly all of the mass, and 1 where there is no noise', () => {
    const row = Float32Array.of(12, 0, 0, 0);
    const noise = gumbelNoise(new Uint8Array(32));
    const bound = (sampling: Sampling) => {
      const check = checkPosition(row, 0, 0, sampling, noise, 0.01);
      return check.kind === 'margin' ? check.flipBound : undefined;
    };
    expect(bound(PLAIN)).toBeLessThan(1e-6);
    expect(bound({ ...PLAIN, temperatureMilli: 0 })).toBe(1);
  });
});

describe('S⁺', () => {
  it('is a prefix of the descending order, which the bound sums over', () => {
    fc.assert(
      fc.property(rows, samplings, fc.constantFrom(1e-4, 0.1, 1), (row, how, tau) => {
        const { order, reachable, certain } = shiftBounds(row, 0, how, tau);
        expect(reachable).toBeGreaterThanOrEqual(certain);
        for (const [rank, token] of order.entries()) {
          expect(shiftBounds(row, token, how, tau).possible).toBe(rank < reachable);
        }
      }),
      { numRuns: cases(3000, 300_000) },
    );
  });
});
