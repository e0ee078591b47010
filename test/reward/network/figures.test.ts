import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concentration } from '#src/reward/network/concentration.js';
import { distances } from '#src/reward/network/distances.js';
import { fitPowerLaw } from '#src/reward/network/powerLaw.js';
import { Random } from '#src/reward/network/Random.js';
import { hurwitzZeta } from '#src/reward/network/zeta.js';

describe('the random stream', () => {
  it('gives the same numbers for a seed on every machine', () => {
    const random = new Random('0');
    const words = Array.from({ length: 4 }, () => random.word());
    expect(words).toEqual([1230322792, 829367708, 1498247065, 3821163778]);
  });

  it('stays below any bound', () => {
    const bounds = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(bounds, fc.string(), (bound, seed) => {
        const value = new Random(seed).below(bound);
        expect(Number.isInteger(value) && value >= 0 && value < bound).toBe(true);
      }),
    );
  });
});

/** As mpmath 1.4.1 has them, to 16 digits. */
const ZETA: readonly [s: number, q: number, value: number][] = [
  [2, 1, 1.644934066848226],
  [1.0002, 1, 5000.577230227877],
  [2.5, 1, 1.341487257250917],
  [2.5, 7, 0.0400817579336607],
  [3.7, 100, 1.494499104808484e-6],
  [20, 2, 9.53962033872796e-7],
];

describe("Hurwitz's zeta function", () => {
  it.each(ZETA)('of %f from %i on is %f', (s, q, value) => {
    expect(hurwitzZeta(s, q) / value).toBeCloseTo(1, 11);
  });
});

describe('fitting a power law', () => {
  /** Values of the law with this exponent, from 1 on, by the inverse of its distribution. */
  function drawn(exponent: number, count: number): [number, number][] {
    const random = new Random(`drawn ${exponent}`);
    const whole = hurwitzZeta(exponent, 1);
    const counts = new Map<number, number>();
    for (let i = 0; i < count; i++) {
      let left = (random.word() / 2 ** 32) * whole - 1;
      let x = 1;
      while (left > 0 && x < 100_000) left -= (++x) ** -exponent;
      counts.set(x, (counts.get(x) ?? 0) + 1);
    }
    return [...counts].sort((a, b) => a[0] - b[0]);
  }

  it.each([2.2, 2.5, 3.5])('finds the exponent %f again and takes it for plausible', (exponent) => {
    const fit = fitPowerLaw(drawn(exponent, 5000), 40, '0');
    if ('refused' in fit) throw new Error(fit.refused);
    expect(Math.abs(fit.exponent - exponent)).toBeLessThan(4 * fit.standardError);
    expect(fit.rounds).toBe(40);
    expect(fit.plausibility).toBeGreaterThan(0.1);
  });

  it('rules a power law out for what is none', () => {
    const even = Array.from({ length: 60 }, (_, i): [number, number] => [i + 1, 50]);
    expect(fitPowerLaw(even, 40, '0')).toMatchObject({ plausibility: 0 });
  });

  const few: [string, [number, number][]][] = [
    ['nothing', []],
    ['zeros alone', [[0, 1000]]],
    [
      '49 values',
      [
        [1, 30],
        [2, 15],
        [3, 4],
      ],
    ],
    [
      'two sizes',
      [
        [1, 500],
        [2, 100],
      ],
    ],
  ];
  it.each(few)('is refused for %s', (_, histogram) => {
    expect(fitPowerLaw(histogram, 0, '0')).toHaveProperty('refused');
  });
});

describe('concentration', () => {
  it('is 0 where all earn the same, and near 1 where one earns all', () => {
    expect(concentration(new BigUint64Array(4).fill(7n))).toMatchObject({ giniPpm: 0, earners: 4 });
    expect(concentration(BigUint64Array.of(0n, 0n, 0n, 8n))).toMatchObject({
      giniPpm: 750_000,
      earners: 1,
      top: [{ earners: 1, ppm: 1_000_000 }],
      topHundredthPpm: 1_000_000,
    });
  });

  it("has the textbook's Gini, whatever the order, and a Lorenz curve that rises", () => {
    const amounts = fc.array(fc.bigInt(0n, 1n << 50n), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(amounts, (list) => {
        const found = concentration(BigUint64Array.from(list));
        const total = list.reduce((a, b) => a + b, 0n);
        expect(found.total).toBe(total);
        let gaps = 0n;
        for (const a of list) for (const b of list) gaps += a > b ? a - b : b - a;
        const n = BigInt(list.length);
        const gini = total === 0n ? 0n : (gaps * 1_000_000n) / (2n * n * total);
        expect(found.giniPpm).toBe(Number(gini));
        const steps = found.lorenzPpm;
        expect(steps.every((ppm, i) => i === 0 || ppm >= steps[i - 1]!)).toBe(true);
        expect(steps.at(-1)).toBe(total === 0n ? 0 : 1_000_000);
      }),
    );
  });
});

describe('paths of a network too large for an exact answer', () => {
  // a ring: its mean and its longest path are known
  const count = 40_000;
  const rows = Uint32Array.from({ length: count + 1 }, (_, i) => 2 * i);
  const targets = new Uint32Array(2 * count);
  for (let i = 0; i < count; i++) {
    targets.set(
      [(i + count - 1) % count, (i + 1) % count].sort((a, b) => a - b),
      2 * i,
    );
  }
  const all = Uint32Array.from({ length: count }, (_, i) => i);

  it('are sampled by seed, and say so', () => {
    const found = distances({ rows, targets }, all, 3, 'x', true);
    expect(found).toMatchObject({ exact: false, searches: 3, diameter: count / 2 });
    expect(found.mean).toBeCloseTo(count ** 2 / 4 / (count - 1), 6);
    expect(found.standardError).toBeCloseTo(0, 6);
    expect(distances({ rows, targets }, all, 3, 'x', true)).toEqual(found);
  });
});
