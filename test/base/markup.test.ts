import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Markup, markup } from '#src/base/index.js';

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
};

describe('markup', () => {
  it('makes text of whatever is filled in', () => {
    expect(String(markup`<p title="${'"><script>'}">${"a & b's"}</p>`)).toBe(
      '<p title="&quot;&gt;&lt;script&gt;">a &amp; b&#39;s</p>',
    );
  });

  it('takes what it made itself as it is, lists one behind the other, and nothing as nothing', () => {
    const items = [1, 2n].map((n) => markup`<li>${n}</li>`);
    expect(String(markup`<ul>${items}${undefined}</ul>`)).toBe('<ul><li>1</li><li>2</li></ul>');
  });

  it('keeps every text, and lets none out of its place', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const inside = String(markup`${text}`);
        expect(inside).not.toMatch(/[<>"']/);
        const back = inside.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity]!);
        expect(back).toBe(text.replace(/(?![\t\n\r])\p{Cc}|[\ufffe\uffff]/gu, '\ufffd'));
      }),
      { numRuns: 2000 },
    );
  });

  it('shows characters that no page may hold as U+FFFD', () => {
    expect(String(markup`${'a\u0000\u001b[31m\u0085\ud800b'}`)).toBe(
      'a\ufffd\ufffd[31m\ufffd\ufffdb',
    );
  });

  it('holds what was marked as markup', () => {
    expect(String(new Markup('<b>'))).toBe('<b>');
  });
});
