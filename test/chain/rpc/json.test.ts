import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeJson, indentJson, JsonAmount, memberText } from '#src/chain/index.js';

describe('JSON with exact amounts', () => {
  it('writes amounts beyond 2⁵³ to the last digit', () => {
    const units = 9_999_999_912_345_678n;
    expect(encodeJson({ value: new JsonAmount(units) })).toBe('{"value":99999999.12345678}');
  });

  it('finds a member in any JSON object, and indents without changing its meaning', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (before, result) => {
        const json = JSON.stringify({ before, result, after: 1 });
        expect(JSON.parse(memberText(json, 'result')!)).toEqual(JSON.parse(JSON.stringify(result)));
        expect(JSON.parse(indentJson(json))).toEqual(JSON.parse(json));
      }),
    );
  });

  it('keeps every digit of a number', () => {
    expect(memberText('{"id":1,"result":99999999.10000000}', 'result')).toBe('99999999.10000000');
    expect(memberText('{"result":null}', 'error')).toBeUndefined();
  });
});
