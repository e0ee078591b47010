import { decodePrivateKeyWif, hexToBin } from '@bitauth/libauth';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeWif, encodeWif, networkParameters } from '#src/chain/index.js';

const main = networkParameters('main');
const test = networkParameters('test');

describe('wallet import format', () => {
  it('holds the example of the Bitcoin wiki', () => {
    const key = hexToBin('0c28fca386c7a227600b2fe50b7cae11ec86d3bf1fbe471be89827e19d72aa1d');
    const wif = 'KwdMAjGmerYanjeui5SHS7JkmpZvVipYvB2LJGU1ZxJwYvP98617';
    expect(encodeWif(key, main)).toBe(wif);
    expect(decodeWif(wif, main)).toEqual(key);
  });

  it('round-trips, and libauth reads the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
        const wif = encodeWif(key, test);
        expect(decodeWif(wif, test)).toEqual(key);
        const oracle = decodePrivateKeyWif(wif);
        expect(typeof oracle === 'string' ? oracle : oracle.privateKey).toEqual(
          new Uint8Array(key),
        );
      }),
    );
  });

  it('of the uncompressed form is refused with what to do', () => {
    const old = '5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ';
    expect(() => decodeWif(old, main)).toThrow(
      expect.objectContaining({ code: 'UNCOMPRESSED_KEY' }),
    );
  });

  it('of another network, or of no key at all, is refused without showing it', () => {
    const wif = encodeWif(new Uint8Array(32).fill(7), test);
    expect(() => decodeWif(wif, main)).toThrow(expect.objectContaining({ code: 'WRONG_NETWORK' }));
    fc.assert(
      fc.property(fc.string({ minLength: 20, maxLength: 80 }), (text) => {
        let thrown: unknown;
        try {
          decodeWif(text, main);
        } catch (error) {
          thrown = error;
        }
        expect(thrown).toMatchObject({ code: 'BAD_WIF' });
        expect((thrown as Error).message).not.toContain(text);
      }),
    );
  });
});
