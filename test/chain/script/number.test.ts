import { bigIntToVmNumber } from '@bitauth/libauth';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '#src/base/index.js';
import { decodeNumber, encodeNumber, isMinimalNumber } from '#src/chain/index.js';
import { byText, magnitudeBytes, magnitudeOf } from '#src/chain/script/bigintBytes.js';

const small = fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n });
const wide = fc.bigInt({ min: -(2n ** 800n), max: 2n ** 800n });

describe('numbers', () => {
  it.each([
    [0n, ''],
    [1n, '01'],
    [-1n, '81'],
    [127n, '7f'],
    [128n, '8000'],
    [-128n, '8080'],
    [255n, 'ff00'],
    [256n, '0001'],
    [-32_768n, '008080'],
    [2n ** 31n, '0000008000'],
    [2n ** 47n - 1n, 'ffffffffff7f'],
    [2n ** 47n, '00000000008000'],
    [-(2n ** 47n), '00000000008080'],
    [2n ** 64n, '000000000000000001'],
  ])('%i is %s', (value, hex) => {
    expect(toHex(encodeNumber(value))).toBe(hex);
    expect(decodeNumber(fromHex(hex))).toBe(value);
  });

  it('come back from their bytes, the shortest there are, the same as libauth’s', () => {
    const back = fc.property(fc.oneof(small, wide), (value) => {
      const bytes = encodeNumber(value);
      expect(decodeNumber(bytes)).toBe(value);
      expect(isMinimalNumber(bytes)).toBe(true);
      expect(bytes).toEqual(bigIntToVmNumber(value));
    });
    fc.assert(back, { numRuns: 500 });
  });

  it('have one minimal form: any bytes that are minimal come back from their number', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc.array(fc.constantFrom(0, 0x80, 1, 0xff), { maxLength: 9 }).map((b) => Uint8Array.from(b)),
    );
    const one = fc.property(bytes, (b) => {
      const shortest = encodeNumber(decodeNumber(b));
      expect(isMinimalNumber(b)).toBe(toHex(shortest) === toHex(b));
    });
    fc.assert(one, { numRuns: 500 });
  });

  it('of any length are read and written as by hexadecimal text', () => {
    const lengths = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 10_000 }));
    const magnitude = fc.tuple(lengths, fc.integer({ min: 1, max: 255 }), fc.nat());
    const same = fc.property(magnitude, ([length, last, seed]) => {
      const bytes = Uint8Array.from({ length }, (_, i) => Math.imul(i + seed, 0x9e37_79b1) >>> 24);
      bytes[length - 1] = last;
      const value = byText.read(bytes);
      expect(magnitudeOf(bytes)).toBe(value);
      expect(toHex(magnitudeBytes(value))).toBe(toHex(bytes));
      expect(toHex(byText.write(value))).toBe(toHex(bytes));
    });
    fc.assert(same, { numRuns: 400 });
    for (let length = 1; length <= 300; length++) {
      for (const byte of [0x01, 0x7f, 0x80, 0xff]) {
        const bytes = new Uint8Array(length);
        bytes[length - 1] = byte;
        expect(toHex(magnitudeBytes(magnitudeOf(bytes)))).toBe(toHex(bytes));
      }
    }
  });

  it('take negative zero and padding when read', () => {
    expect(decodeNumber(fromHex('80'))).toBe(0n);
    expect(decodeNumber(fromHex('0000000000000080'))).toBe(0n);
    expect(decodeNumber(fromHex('0500000000000080'))).toBe(-5n);
  });
});
