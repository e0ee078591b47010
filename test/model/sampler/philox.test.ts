import fc from 'fast-check';
import { expect, it } from 'vitest';
import { philox4x32, philoxWord } from '#src/model/sampler/philox.js';

/** Known answers of the Random123 library (kat_vectors, philox4x32 10). */
const VECTORS = [
  { counter: [0, 0, 0, 0], key: [0, 0], out: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    out: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    out: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
] as const;

it.each(VECTORS)('Philox4x32-10 of counter $counter', ({ counter, key, out }) => {
  expect(philox4x32([...counter], [...key])).toEqual([...out]);
});

const word = fc.integer({ min: 0, max: 0xffffffff });

it('the first word alone is that of the whole block', () => {
  fc.assert(
    fc.property(word, word, word, word, (c0, c1, k0, k1) => {
      expect(philoxWord(c0, c1, k0, k1)).toBe(philox4x32([c0, c1, 0, 0], [k0, k1])[0]);
    }),
    { numRuns: 2000 },
  );
});
