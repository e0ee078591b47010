import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shownText, tokenText } from '#src/job/explained/tokenText.js';
import { visibleText } from '#src/job/index.js';
import { loadTokenizer } from '#src/model/index.js';

const tokenizer = loadTokenizer('fixtures/bitmodel-tiny');

describe('the text of a token', () => {
  it.each([
    [' the', '␣the'],
    ['\n', '↵'],
    ['\r\n\t', '␍↵⇥'],
    ['\u001b[31m', '\\u{1B}[31m'],
    ['\u202eevil', '\\u{202E}evil'],
    ['\u200b', '\\u{200B}'],
    ['\u00a0', '\\u{A0}'],
    ['\u0301', '◌\u0301'],
    ['\ud83d', '\\u{D83D}'],
  ])('hides nothing: %j is %s', (text, shown) => {
    expect(visibleText(text)).toBe(shown);
  });

  it('has one line and no character that a terminal or a page would act on', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visibleText(text)).not.toMatch(/[\p{C}\p{Zl}\p{Zp}\s]/u);
        expect(shownText(text)).not.toMatch(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/u);
      }),
      { numRuns: 5000 },
    );
  });

  it('is its bytes where it is part of a character', () => {
    const ids = tokenizer.encode('🐪', { addSpecialTokens: false });
    const shown = ids.map((id, at) => tokenText(tokenizer, ids.slice(0, at), id));
    const bytes = shown.join('').match(/[0-9A-F]{2}/g)!;
    expect(Buffer.from(bytes.join(''), 'hex').toString()).toBe('🐪');
  });

  it('adds up to the whole text', () => {
    const text = 'The whale rose, and the captain\n cried out: 42!';
    const ids = tokenizer.encode(text, { addSpecialTokens: false });
    expect(ids.map((id, at) => tokenText(tokenizer, ids.slice(0, at), id)).join('')).toBe(text);
  });

  it('is its number where the vocabulary has no such token', () => {
    expect(tokenText(tokenizer, [260], 999_999)).toBe('‹token 999999›');
  });
});
