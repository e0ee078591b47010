import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { factLines } from '#src/commands/shared/fact-lines.js';

const id = 'ab'.repeat(32);

describe('facts in lines', () => {
  it('stand beside their labels where they fit, and below where they do not', () => {
    const facts = { holder: 'ann', nothing: undefined, 'earned by the model': `tiny ${id}` };
    expect(factLines(facts)).toEqual([
      'holder               ann',
      'earned by the model',
      `  tiny ${id}`,
    ]);
  });

  it('fit 80 columns with all that was said, whatever that is', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'f', '0'), minLength: 1, maxLength: 300 });
    const words = fc.array(word, { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(words, (said) => {
        const lines = factLines({ label: said.join(' ') });
        expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
        const shown = lines.join('').replaceAll(' ', '').replace('label', '');
        expect(shown).toBe(said.join(''));
      }),
    );
  });
});
