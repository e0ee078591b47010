import { describe, expect, it } from 'vitest';
import { formatFee, parseFee, withFee } from '#src/reward/index.js';

describe('what a model asks of each job', () => {
  it.each([
    ['5%', { feePpm: 50_000 }, '5 % of the price of each job'],
    ['50000ppm', { feePpm: 50_000 }, '5 % of the price of each job'],
    ['0.01', { feePpm: 0, feePerJob: 1_000_000n }, '0.01000000 coins for each job'],
    [
      '5% + 2',
      { feePpm: 50_000, feePerJob: 200_000_000n },
      '5 % of the price of each job and 2.00000000 coins beside it',
    ],
    ['0', { feePpm: 0 }, '0 % of the price of each job'],
  ])('reads %s as a share, an amount or both', (text, fee, shown) => {
    expect(parseFee(text)).toEqual(fee);
    expect(formatFee(parseFee(text))).toBe(shown);
  });

  it.each([
    ['101%', 'BAD_WEIGHT'],
    ['150%', 'BAD_WEIGHT'],
    ['', 'BAD_FEE'],
    ['-1', 'BAD_FEE'],
    ['abc', 'BAD_FEE'],
    ['0.000000001', 'BAD_AMOUNT'],
    ['1000000.00000001', 'BAD_FEE'],
    ['0.01+5%', 'BAD_FEE'],
    ['5%+5%', 'BAD_FEE'],
    ['5%+0.01+0.01', 'BAD_FEE'],
  ])('refuses %j', (text, code) => {
    expect(() => parseFee(text)).toThrow(expect.objectContaining({ code, exitCode: 2 }));
  });

  it('is taken as a whole: an amount that is asked no more is gone', () => {
    const asked = { name: 'poet', feePpm: 1, feePerJob: 1n };
    expect(withFee(asked, { feePpm: 2 })).toEqual({ name: 'poet', feePpm: 2 });
    expect(withFee(asked, parseFee('3'))).toEqual({ ...asked, feePpm: 0, feePerJob: 300_000_000n });
  });
});
