import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import {
  parseKinds,
  parseOwnership,
  parsePopularity,
  parsePrices,
  parseScheme,
} from '#src/commands/shared/simulation-options.js';
import { cases } from '../long.js';

describe('the options of a simulation', () => {
  it('are rules for weights', () => {
    expect(parseScheme('declared')).toEqual({ name: 'declared', rule: 'declared' });
    expect(parseScheme('equal:12.5%')).toMatchObject({ rule: 'equal', sharePpm: 125_000 });
    expect(parseScheme('first:100%')).toMatchObject({ rule: 'first', sharePpm: 1_000_000 });
    expect(parseScheme('decay:20%:50%')).toMatchObject({ sharePpm: 200_000, factorPpm: 500_000 });
    const shares = new Map([
      ['dataset', 100_000],
      ['paper', 50_000],
    ]);
    expect(parseScheme('kinds:dataset=10%,paper=5%')).toMatchObject({ rule: 'kinds', shares });
  });

  it('are prices in coins', () => {
    const least = 50_000_000n;
    expect(parsePrices('0.5')).toEqual({ least, most: least, spread: 'uniform' });
    expect(parsePrices('0.5-2')).toMatchObject({ least, most: 200_000_000n });
    expect(parsePrices('0.5-2:halving')).toMatchObject({ spread: 'halving' });
  });

  it('are kinds, each once', () => {
    expect(parseKinds('model=60,paper=0')).toEqual([
      ['model', 60],
      ['paper', 0],
    ]);
    expect(() => parseKinds('model=1,model=2')).toThrow(BitmodelError);
  });

  const parsers = { parseKinds, parseOwnership, parsePopularity, parsePrices, parseScheme };
  const words = fc.constantFrom(
    ...['declared', 'equal', 'decay', 'kinds', 'model', 'halving', '20%', '1e9', '-1', '0.5'],
    ...[':', '=', ',', '-', '%', '.', ' ', '\n', '\u0000', '9'.repeat(30), '__proto__'],
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(words, { maxLength: 9 }).map((parts) => parts.join('')),
  );

  it.each(Object.entries(parsers))('%s throws nothing but its own errors', (_, parse) => {
    fc.assert(
      fc.property(text, (given) => {
        try {
          parse(given);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(BitmodelError);
        }
      }),
      { numRuns: cases(20_000, 1_000_000) },
    );
  });
});
