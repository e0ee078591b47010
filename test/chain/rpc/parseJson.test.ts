import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { amountOf, encodeJson, JsonNumber, parseJson, plainJson } from '#src/chain/index.js';
import { cases } from '../../long.js';

/** What a reader makes of a text: its value, or that it is none. */
function outcome(read: () => unknown): unknown {
  try {
    return { value: read() };
  } catch {
    return 'refused';
  }
}

describe('parseJson', () => {
  it('reads what JSON.parse reads, and to the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fc.constantFrom(0, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(plainJson(parseJson(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('takes and refuses the same texts as JSON.parse', () => {
    const fragments = ['{', '}', '[', ']', ',', ':', '"', '\\', '\\u00', '0', '1', '-', '.', 'e'];
    const words = ['true', 'false', 'null', 'nul', '"a"', '"\\n"', ' ', '\t', '\u0000', 'é', '01'];
    const texts = fc
      .array(fc.constantFrom(...fragments, ...words), { maxLength: 12 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(texts, fc.string()), (text) => {
        expect(outcome(() => plainJson(parseJson(text)))).toEqual(
          outcome(() => JSON.parse(text) as unknown),
        );
      }),
      { numRuns: cases(20_000, 10_000_000) },
    );
  });

  it('keeps every digit of fractions and of numbers that no double holds', () => {
    const text = '[99999999.12345678,9007199254740993,-0,1e400,7]';
    const value = parseJson(text) as unknown[];
    expect(encodeJson(value)).toBe(text);
    expect(value.map((each) => each instanceof JsonNumber)).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
  });

  it('makes own properties only, whatever they are called', () => {
    const value = parseJson('{"__proto__":{"a":1},"constructor":2}') as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
  });

  it('refuses what is nested or filled beyond its bounds, and soon', () => {
    for (const text of [
      '['.repeat(200_000),
      `${'{"a":'.repeat(600)}1${'}'.repeat(600)}`,
      `[${'1,'.repeat(1_000_001)}1]`,
      `"${'\\'.repeat(1_000_001)}`,
    ]) {
      expect(() => parseJson(text)).toThrow(BitmodelError);
    }
    expect(parseJson(`${'['.repeat(512)}${']'.repeat(512)}`)).toHaveLength(1);
  });
});

describe('amountOf', () => {
  it('takes amounts to the last unit, as number or text, in any of the forms of JSON', () => {
    const cases: [text: string, units: bigint][] = [
      ['0', 0n],
      ['0.00000001', 1n],
      ['1e-8', 1n],
      ['1.5', 150_000_000n],
      ['15E-1', 150_000_000n],
      ['99999999.99999999', 9_999_999_999_999_999n],
      ['0.100000000000', 10_000_000n],
      ['1E+3', 100_000_000_000n],
    ];
    for (const [text, units] of cases) {
      expect(amountOf(new JsonNumber(text))).toBe(units);
      expect(amountOf(text)).toBe(units);
    }
    expect(amountOf(parseJson('99999999.99999999'))).toBe(9_999_999_999_999_999n);
  });

  it('refuses what is no amount with Bitcoin Core’s words', () => {
    const cases: [value: unknown, message: string][] = [
      ['', 'Invalid amount'],
      ['1.', 'Invalid amount'],
      ['0.000000001', 'Invalid amount'],
      ['1e999', 'Invalid amount'],
      ['0x10', 'Invalid amount'],
      ['-1', 'Amount out of range'],
      [true, 'Amount is not a number or string'],
      [{}, 'Amount is not a number or string'],
    ];
    for (const [value, message] of cases) {
      expect(() => amountOf(value)).toThrow(expect.objectContaining({ rpcCode: -3, message }));
    }
  });
});
