import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { cell, cutTo } from '#src/commands/shared/columns.js';

describe('a cell of a table', () => {
  it.each([
    ['plain', 'plain   |'],
    ['日本', '日本    |'],
    ['👩‍👩‍👧', '👩‍👩‍👧      |'],
    ['é', 'é       |'],
    ['much too long', 'much to…|'],
    ['日本日本日本', '日本日… |'],
  ])('of eight columns around %s ends where it has to', (text, shown) => {
    expect(`${cell(text, 8)}|`).toBe(shown);
  });

  it('can stand to the right', () => {
    expect(cell('42', 5, 'right')).toBe('   42');
  });

  it('is as wide as was asked for, whatever stands in it', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 30 }),
        fc.integer({ min: 2, max: 20 }),
        (text, columns) => {
          expect(stringWidth(cell(text, columns))).toBe(columns);
          expect(stringWidth(cutTo(text, columns))).toBeLessThanOrEqual(columns);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
