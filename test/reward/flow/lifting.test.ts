import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { solveByLifting } from '#src/reward/flow/lifting.js';

/** Whole numbers that are those of a circle: columns dominated by a diagonal of 10⁶. */
const system = fc.integer({ min: 1, max: 40 }).chain((size) =>
  fc.record({
    size: fc.constant(size),
    edges: fc.array(
      fc.tuple(fc.nat(size - 1), fc.nat(size - 1), fc.integer({ min: 1, max: 90_000 })),
      {
        maxLength: 4 * size,
      },
    ),
    right: fc.array(fc.bigInt(0n, 2n ** 63n - 1n), { minLength: size, maxLength: size }),
  }),
);

describe('lifting', () => {
  it('solves every circle exactly', () => {
    fc.assert(
      fc.property(system, ({ size, edges, right }) => {
        const given = new Array<number>(size).fill(0);
        const kept = edges.filter(([, column, weight]) => {
          if (given[column]! + weight > 999_999) return false;
          given[column]! += weight;
          return true;
        });
        const diagonal = right.map((_, i) => [i, i, 1_000_000] as const);
        const entries = [...diagonal, ...kept.map(([r, c, w]) => [r, c, -w] as const)];
        const whole = 10n ** 6n;
        const total = right.reduce((a, b) => a + b, 0n);
        const { numerators, denominator } = solveByLifting({
          size,
          to: Uint32Array.from(entries, ([row]) => row),
          from: Uint32Array.from(entries, ([, column]) => column),
          value: Int32Array.from(entries, ([, , value]) => value),
          right: right.map((units) => units * whole),
          bounds: { numerator: whole ** BigInt(size) * total, denominator: whole ** BigInt(size) },
        });
        const left = new Array<bigint>(size).fill(0n);
        for (const [r, c, v] of entries) left[r]! += BigInt(v) * numerators[c]!;
        expect(left).toEqual(right.map((units) => units * whole * denominator));
        expect(denominator > 0n).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('takes another prime where a pivot is 0 modulo the first', () => {
    const solution = solveByLifting({
      size: 1,
      to: Uint32Array.of(0),
      from: Uint32Array.of(0),
      value: Int32Array.of(1_048_573),
      right: [7n],
      bounds: { numerator: 7n, denominator: 1_048_573n },
    });
    expect(solution).toEqual({ numerators: [7n], denominator: 1_048_573n });
  });
});
