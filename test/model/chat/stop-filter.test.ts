import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StopFilter } from '#src/model/chat/StopFilter.js';

/** What is shown of a text that comes in pieces. */
function shown(pieces: readonly string[], stops: readonly string[]): string[] {
  const filter = new StopFilter(stops);
  return [...pieces.map((piece) => filter.push(piece)), filter.end()];
}

const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 });

describe('a stop text', () => {
  it('is never shown, not even its beginning, however it is divided among tokens', () => {
    expect(shown(['one', ' t', 'wo', ' three'], [' two'])).toEqual(['one', '', '', '', '']);
    expect(shown(['x#', '#', '# y'], ['###'])).toEqual(['x', '', '', '']);
  });

  it('holds nothing back for good: what only looked like one is shown when it turns out not to be', () => {
    expect(shown(['one ', 't', 'en'], [' two'])).toEqual(['one', '', ' ten', '']);
    expect(shown(['ends in a '], [' two'])).toEqual(['ends in a', ' ']);
  });

  it('shows all before the earliest stop text of the whole, and nothing after', () => {
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 8 }),
        fc.array(letters, { maxLength: 3 }),
        (pieces, stops) => {
          const filter = new StopFilter(stops);
          let text = '';
          let out = '';
          for (const piece of pieces) {
            text += piece;
            out += filter.push(piece);
            // the run ends with the token that completes a stop text
            if (stops.some((stop) => stop !== '' && text.includes(stop))) break;
          }
          out += filter.end();
          const ends = stops
            .filter((stop) => stop !== '')
            .map((stop) => text.indexOf(stop))
            .filter((at) => at >= 0);
          expect(out).toBe(ends.length > 0 ? text.slice(0, Math.min(...ends)) : text);
        },
      ),
    );
  });
});
