import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatWeight, parseWeight } from '#src/reward/index.js';

describe('a weight', () => {
  it.each([
    ['15%', 150_000],
    ['15 %', 150_000],
    ['0.0001%', 1],
    ['100%', 1_000_000],
    ['0%', 0],
    ['5.5%', 55_000],
    ['150000ppm', 150_000],
  ])('of %s is %i parts per million', (text, ppm) => {
    expect(parseWeight(text)).toBe(ppm);
  });

  it.each(['', '15', '100.0001%', '-1%', '1e1%', '0.00001%', '1000001ppm', '1.5ppm', '%', 'NaN%'])(
    'is not read from "%s"',
    (text) => {
      expect(() => parseWeight(text)).toThrow(/is not a weight/);
    },
  );

  it('is written exactly', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), (ppm) => {
        expect(parseWeight(formatWeight(ppm))).toBe(ppm);
      }),
    );
    expect(formatWeight(50_001)).toBe('5.0001 %');
    expect(formatWeight(150_000)).toBe('15 %');
  });
});
