import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAmount, parseAmount } from '#src/base/index.js';

describe('an amount of coins', () => {
  it('comes back out of its text to the unit', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 20n - 1n }), (units) => {
        expect(parseAmount(formatAmount(units))).toBe(units);
      }),
    );
  });

  it('is written with eight places, and read with up to eight', () => {
    expect(formatAmount(150_000_000n)).toBe('1.50000000');
    expect(formatAmount(-1n)).toBe('-0.00000001');
    expect(parseAmount('0.00000001')).toBe(1n);
    expect(parseAmount(' 7 ')).toBe(700_000_000n);
  });

  for (const text of [
    '',
    '1.',
    '.5',
    '1.123456789',
    '-1',
    '1e3',
    '0x1',
    '1,5',
    'NaN',
    '1234567890123',
  ]) {
    it(`is not "${text}"`, () => {
      expect(() => parseAmount(text)).toThrow(
        expect.objectContaining({ code: 'BAD_AMOUNT', exitCode: 2 }),
      );
    });
  }
});
