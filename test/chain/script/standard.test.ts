import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '#src/base/index.js';
import {
  assemble,
  classifyScript,
  hash160,
  p2pkhHash,
  p2pkhScript,
  publicKeyOf,
} from '#src/chain/index.js';

const KEY = publicKeyOf(new Uint8Array(32).fill(5));

describe('standard scripts', () => {
  it('pay to a public key’s hash and tell it again', () => {
    const hash = fc.uint8Array({ minLength: 20, maxLength: 20 });
    const back = fc.property(hash, (h) => {
      expect(p2pkhHash(p2pkhScript(h))).toEqual(h);
      expect(classifyScript(p2pkhScript(h))).toEqual({ type: 'pubkeyhash', hash160: h });
    });
    fc.assert(back, { numRuns: 50 });
  });

  it('hash as addresses do', () => {
    // BIP143's example key
    const key = fromHex('025476c2e83188368da1ff3e292e7acafcdb3566bb0ad253f62fc70f07aeee6357');
    expect(toHex(hash160(key))).toBe('1d0f172a0ecb48aee1be1f2687d2963ae33f71a1');
  });

  it.each([
    ['<key> CHECKSIG', 'pubkey'],
    ['RETURN', 'nulldata'],
    ['RETURN 0x010203', 'nulldata'],
    ['0 RETURN 0x6d6574616964 0x00', 'nulldata'],
    ['RETURN DUP', 'nonstandard'],
    ['1 RETURN', 'nonstandard'],
    ['RETURN raw:4c', 'nonstandard'],
    ['0x0102 CHECKSIG', 'nonstandard'],
    ['DUP HASH160 0x0102 EQUALVERIFY CHECKSIG', 'nonstandard'],
    ['', 'nonstandard'],
    ['1', 'nonstandard'],
  ])('%s is %s', (source, type) => {
    expect(classifyScript(assemble(source, { key: KEY })).type).toBe(type);
  });

  it('sort any bytes', () => {
    const types = ['pubkeyhash', 'pubkey', 'nulldata', 'nonstandard'];
    const sorted = fc.property(fc.uint8Array({ maxLength: 70 }), (script) => {
      expect(types).toContain(classifyScript(script).type);
    });
    fc.assert(sorted, { numRuns: 200 });
  });
});
