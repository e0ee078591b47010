import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oneLine, printable, printableJson } from '#src/base/index.js';

const ESC = '\u001b';
const hostile = [
  { name: 'a control sequence (CSI)', text: `${ESC}[2J` },
  { name: 'an operating system command (OSC)', text: `${ESC}]0;owned\u0007` },
  { name: 'a one-byte control sequence (C1)', text: '\u009b2J' },
  { name: 'a carriage return', text: 'safe\rforged' },
  { name: 'a backspace', text: 'a\bb' },
  { name: 'a delete', text: 'a\u007fb' },
  { name: 'a bidi override', text: '\u202eexe.txt' },
  { name: 'a bidi isolate', text: '\u2066x\u2069' },
  { name: 'a line separator', text: 'a\u2028next: b' },
  { name: 'half a surrogate pair', text: 'a\ud800b' },
];
const ACTED_ON = /(?![\n\t])[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

describe('what a terminal is given', () => {
  for (const { name, text } of hostile) {
    it(`has no ${name.replace(/^an? /, '')} in it`, () => {
      expect(printable(text)).not.toMatch(ACTED_ON);
      expect(printable(text)).toContain('\ufffd');
      expect(printableJson(JSON.stringify(text))).not.toMatch(ACTED_ON);
    });
  }

  it('leaves every other text alone: lines, tabs, accents, scripts of all kinds, joined emoji', () => {
    for (const text of ['a\n\tb', 'Zoë Ωmega', 'שלום', 'مرحبا', '你好', '👩‍👩‍👧', 'نمی‌خواهم']) {
      expect(printable(text)).toBe(text);
    }
  });

  it('can be held to one line, so that no text passes for a line of ours', () => {
    expect(oneLine('no\nnext: run this')).toBe('no next: run this');
    expect(oneLine('a\r\nb')).toBe('a\ufffd b');
  });

  it('says the same as JSON, whatever the texts are', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(...hostile).map((each) => each.text),
    );
    fc.assert(
      fc.property(fc.array(anything), (texts) => {
        const json = printableJson(JSON.stringify(texts));
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(texts)));
        expect(json).not.toMatch(ACTED_ON);
      }),
    );
  });
});
