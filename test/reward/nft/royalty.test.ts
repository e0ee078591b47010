import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '#src/base/index.js';
import { decodePin, isUnspendable, p2pkhScript } from '#src/chain/index.js';
import { decodeRoyalty, encodeRoyalty } from '#src/reward/nft/royalty.js';
import { cases } from '../../long.js';

const author = p2pkhScript(new Uint8Array(20).fill(7));
const script = encodeRoyalty({ royaltyPpm: 50_000, author });

describe('the royalty that a mint declares', () => {
  it('is read back as it was written, and is no output that anybody spends, nor a pin', () => {
    expect(decodeRoyalty(script)).toEqual({ royaltyPpm: 50_000, author });
    expect(isUnspendable(script)).toBe(true);
    expect(decodePin(script)).toBeUndefined();
    const terms = fc.record({
      royaltyPpm: fc.integer({ min: 0, max: 1_000_000 }),
      author: fc
        .uint8Array({ minLength: 1, maxLength: 100 })
        .filter((bytes) => bytes[0] !== 0xef && !isUnspendable(bytes)),
    });
    fc.assert(
      fc.property(terms, (each) => {
        expect(decodeRoyalty(encodeRoyalty(each))).toEqual(each);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['more than the whole', { royaltyPpm: 1_000_001, author }],
    ['less than nothing', { royaltyPpm: -1, author }],
    ['half a part', { royaltyPpm: 0.5, author }],
    ['nobody', { royaltyPpm: 1, author: new Uint8Array(0) }],
    ['a script beyond 100 bytes', { royaltyPpm: 1, author: new Uint8Array(101).fill(0x51) }],
    ['a script that nobody can spend', { royaltyPpm: 1, author: new Uint8Array([0x6a]) }],
  ])('is refused for %s', (_, terms) => {
    expect(() => encodeRoyalty(terms)).toThrow(expect.objectContaining({ code: 'BAD_TERMS' }));
  });

  it('is read from no other bytes', () => {
    const flipped = fc
      .tuple(fc.nat(script.length - 1), fc.integer({ min: 1, max: 255 }))
      .map(([at, flip]) => script.with(at, script[at]! ^ flip));
    const longer = fc.uint8Array({ maxLength: 90 }).map((tail) => concatBytes(script, tail));
    const any = fc.uint8Array({ maxLength: 200 }).map((tail) => new Uint8Array([0x6a, ...tail]));
    fc.assert(
      fc.property(fc.oneof(any, flipped, longer), (bytes) => {
        const terms = decodeRoyalty(bytes);
        if (terms) expect(encodeRoyalty(terms)).toEqual(bytes);
      }),
      { numRuns: cases(20_000, 10_000_000) },
    );
  });
});
