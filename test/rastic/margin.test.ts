import { GREEDY, gumbelNoise, type Sampling, sampleToken } from 'bitmodel/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkPosition } from '#src/rastic/margin.js';
import { shiftBounds } from '#src/rastic/shiftBounds.js';

const samplings = fc.record({
  temperatureMilli: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3000 })),
  topK: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 12 })),
  topPMilli: fc.oneof(fc.constant(1000), fc.integer({ min: 1, max: 1000 })),
});
/** Those that leave something out of rows of up to 12 tokens. */
const warm = samplings.filter(
  ({ temperatureMilli, topPMilli }) => temperatureMilli > 0 && topPMilli < 1000,
);
const bounds = (row: Float32Array, token: number, how: Sampling, tau: number) =>
  shiftBounds(row, Math.max(...row), token, how, tau);
const rows = fc
  .array(fc.integer({ min: -40, max: 40 }), { minLength: 2, maxLength: 12 })
  .map((eighths) => Float32Array.from(eighths, (value) => value / 8));
const taus = fc.constantFrom(1e-4, 0.01, 0.25, 2);
const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
/** One shift per token as a share of τ/2; the extremes are drawn often, since the bounds are reached there. */
const shares = fc.array(
  fc.oneof(fc.constantFrom(-1, 1), fc.double({ min: -1, max: 1, noNaN: true })),
  {
    minLength: 12,
    maxLength: 12,
  },
);

/** Float32 rounding must not push a shift beyond τ/2. */
function shifted(row: Float32Array, by: readonly number[], tau: number): Float32Array {
  return Float32Array.from(row, (logit, i) => logit + by[i]! * (tau / 2) * (1 - 1e-6));
}

/** What top-k, then top-p leave, read from DESIGN 6. */
function left(row: Float32Array, sampling: Sampling): Set<number> {
  const t = sampling.temperatureMilli / 1000;
  let kept = [...row].map((logit, token) => ({ token, s: logit / t }));
  kept.sort((a, b) => b.s - a.s || a.token - b.token);
  if (sampling.topK > 0) kept = kept.slice(0, sampling.topK);
  const weights = kept.map(({ s }) => Math.exp(s - kept[0]!.s));
  const total = weights.reduce((a, b) => a + b, 0);
  let before = 0;
  const out = new Set<number>();
  kept.forEach(({ token }, i) => {
    if (sampling.topPMilli === 1000 || before < sampling.topPMilli / 1000) out.add(token);
    before += weights[i]! / total;
  });
  return out;
}

describe('the margin of a token', () => {
  it('never exceeds τ for a seller whose logits lie within τ/2 of the verifier’s', () => {
    fc.assert(
      fc.property(
        rows,
        shares,
        samplings,
        taus,
        seeds,
        fc.nat(300),
        (row, by, how, tau, seed, at) => {
          const noise = gumbelNoise(seed);
          const token = sampleToken(shifted(row, by, tau), at, how, noise);
          const check = checkPosition(row, token, at, how, noise, tau);
          expect(check.kind).toBe('margin');
          if (check.kind === 'margin') expect(check.margin).toBeLessThanOrEqual(tau);
        },
      ),
      { numRuns: 20_000 },
    );
  });

  it('is far above τ for a token that the noise does not favour', () => {
    const row = Float32Array.of(5, 4, -3, -8);
    const noise = gumbelNoise(new Uint8Array(32));
    const how = { temperatureMilli: 500, topK: 0, topPMilli: 1000 };
    const honest = sampleToken(row, 0, how, noise);
    for (let token = 0; token < row.length; token++) {
      const check = checkPosition(row, token, 0, how, noise, 1e-3);
      if (check.kind !== 'margin') throw new Error('no token is excluded without top-k and top-p');
      expect(check.best).toBe(honest);
      if (token === honest) expect(check.margin).toBe(0);
      else expect(check.margin).toBeGreaterThan(0.01);
    }
  });

  it('is the gap to the largest logit at temperature 0', () => {
    const check = checkPosition(
      Float32Array.of(1, 3, 2),
      2,
      0,
      GREEDY,
      gumbelNoise(new Uint8Array(32)),
      1e-3,
    );
    expect(check).toEqual({ kind: 'margin', margin: 1, flipBound: 1, best: 1 });
  });

  it('excludes what top-k leaves out under every shift', () => {
    const how = { temperatureMilli: 1000, topK: 1, topPMilli: 1000 };
    const noise = gumbelNoise(new Uint8Array(32));
    expect(checkPosition(Float32Array.of(1, 3, 2), 2, 0, how, noise, 0.5)).toEqual({
      kind: 'excluded',
      best: 1,
    });
    expect(checkPosition(Float32Array.of(1, 3, 2), 2, 0, how, noise, 1.5).kind).toBe('margin');
  });

  it('says nothing about logits that are not finite', () => {
    const noise = gumbelNoise(new Uint8Array(32));
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(checkPosition(Float32Array.of(1, bad), 0, 0, GREEDY, noise, 1e-3).kind).toBe(
        'non-finite',
      );
    }
  });
});

describe('S⁺ and S⁻', () => {
  it('hold for every shift tried: S⁻ is always left, what is left is always in S⁺', () => {
    fc.assert(
      fc.property(rows, shares, warm, taus, (row, by, how, tau) => {
        const kept = left(shifted(row, by, tau), how);
        const { order, certain } = bounds(row, 0, how, tau);
        for (const token of order.subarray(0, certain)) expect(kept.has(token)).toBe(true);
        for (const token of kept) expect(bounds(row, token, how, tau).possible).toBe(true);
      }),
      { numRuns: 10_000 },
    );
  });

  it('are no wider than they must be: a shift at the extremes reaches each bound', () => {
    fc.assert(
      fc.property(rows, warm, fc.constantFrom(0.01, 0.25, 2), (row, how, tau) => {
        const reach = tau / 2;
        const inner = (1 - 1e-3) * tau;
        const { order, certain } = bounds(row, 0, how, inner);
        for (const [rank, token] of order.entries()) {
          const own = row[token]!;
          // towards S⁺: the token up, what is within reach brought just below it, what is not down
          const up = Float32Array.from(row, (logit, other) => {
            if (other === token) return own + reach;
            if (logit - reach > own + reach) return logit - reach;
            return Math.min(logit + reach, own + reach - 1e-6);
          });
          if (bounds(row, token, how, inner).possible) expect(left(up, how).has(token)).toBe(true);
          // against S⁻: the token down, what can stand before it up, the rest down
          const down = Float32Array.from(row, (logit, other) => {
            if (other === token) return own - reach;
            return logit + reach > own - reach ? logit + reach : logit - reach;
          });
          if (rank >= certain) expect(left(down, how).has(token)).toBe(false);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('meet where there is no tolerance and no tie', () => {
    const row = Float32Array.of(4, 3, 2, 1, 0);
    const how = { temperatureMilli: 1000, topK: 3, topPMilli: 900 };
    const { certain, nominal } = bounds(row, 0, how, 0);
    expect(certain).toBe(nominal);
    expect(left(row, how).size).toBe(nominal);
    for (let token = 0; token < row.length; token++) {
      expect(bounds(row, token, how, 0).possible).toBe(left(row, how).has(token));
    }
  });
});
