import { decodeBase58AddressFormat, hexToBin } from '@bitauth/libauth';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeAddress,
  encodeAddress,
  networkParameters,
  publicKeyAddress,
} from '#src/chain/index.js';

const main = networkParameters('main');
const regtest = networkParameters('regtest');

/** Public keys and hashes whose addresses are widely published. */
const VECTORS = [
  {
    name: 'the key of Bitcoin’s genesis coin (65 bytes)',
    publicKey:
      '04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5f',
    address: '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa',
  },
  {
    name: 'private key 1 (33 bytes)',
    publicKey: '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798',
    address: '1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH',
  },
];

describe('an address', () => {
  for (const { name, publicKey, address } of VECTORS) {
    it(`is Bitcoin's on main: ${name}`, () => {
      expect(publicKeyAddress(hexToBin(publicKey), main)).toBe(address);
    });
  }

  it('of twenty zero bytes is the known burn address on each network', () => {
    expect(encodeAddress(new Uint8Array(20), main)).toBe('1111111111111111111114oLvT2');
    expect(encodeAddress(new Uint8Array(20), regtest)).toBe('mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8');
  });

  it('gives back the hash it was made of, and libauth reads the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), (hash) => {
        const address = encodeAddress(hash, regtest);
        expect(decodeAddress(address, regtest)).toEqual(hash);
        expect(decodeBase58AddressFormat(address)).toEqual({
          payload: new Uint8Array(hash),
          version: 0x6f,
        });
      }),
    );
  });

  it('with one letter changed is refused', () => {
    const letters = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0OIl';
    const address = '1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH';
    const place = fc.nat(address.length - 1);
    fc.assert(
      fc.property(place, fc.constantFrom(...letters), (at, letter) => {
        fc.pre(address[at] !== letter);
        const changed = address.slice(0, at) + letter + address.slice(at + 1);
        expect(() => decodeAddress(changed, main)).toThrow(
          expect.objectContaining({ code: 'BAD_ADDRESS', exitCode: 2 }),
        );
      }),
    );
  });

  it('of another network is named as such', () => {
    expect(() => decodeAddress('1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH', regtest)).toThrow(
      expect.objectContaining({ code: 'WRONG_NETWORK', message: expect.stringContaining('main') }),
    );
  });

  it('is never made of any other text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        expect(() => decodeAddress(text, main)).toThrow(
          expect.objectContaining({ name: 'BitmodelError' }),
        );
      }),
    );
  });
});
