import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, sha256, toHex, utf8 } from '#src/base/index.js';
import { publicKeyOf, signatureBackend, signData, verifyData } from '#src/chain/index.js';
import { compactFromDer, derFromCompact, isLowS, isStrictDer } from '#src/chain/script/der.js';
import { verifyEcdsa, verifyNative, verifyNoble } from '#src/chain/script/ecdsa.js';
import { highS } from './high-s.js';

const privateKey = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .filter((key) => key.some((byte) => byte !== 0) && key.some((byte) => byte !== 0xff));
const message = fc.uint8Array({ maxLength: 200 });
const KEY = new Uint8Array(32).fill(5);
const MESSAGE = Uint8Array.of(1, 2, 3);

describe('signatures of data', () => {
  it('are strict DER with low S, and verify for their message and key only', () => {
    const made = fc.property(privateKey, message, (key, data) => {
      const signature = signData(data, key);
      expect(isStrictDer(signature)).toBe(true);
      expect(isLowS(compactFromDer(signature)!)).toBe(true);
      expect(verifyData(signature, data, publicKeyOf(key))).toBe(true);
      expect(verifyData(signature, Uint8Array.of(...data, 0), publicKeyOf(key))).toBe(false);
      expect(verifyData(signature, data, publicKeyOf(KEY))).toBe(false);
    });
    fc.assert(made, { numRuns: 25 });
  });

  it('are the same each time (RFC 6979)', () => {
    expect(signData(MESSAGE, KEY)).toEqual(signData(MESSAGE, KEY));
    // what other libraries make of it by RFC 6979 with SHA-256, too
    const r = '934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8';
    const s = '2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5';
    const known = signData(utf8('Satoshi Nakamoto'), new Uint8Array(32).with(31, 1));
    expect(toHex(compactFromDer(known)!)).toBe(r + s);
  });

  it('with high S are refused, although the curve takes them', () => {
    const high = highS(concatBytes(signData(MESSAGE, KEY), Uint8Array.of(0))).subarray(0, -1);
    expect(isStrictDer(high)).toBe(true);
    expect(verifyData(high, MESSAGE, publicKeyOf(KEY))).toBe(false);
    expect(verifyEcdsa(high, sha256(MESSAGE), publicKeyOf(KEY))).toBe(true);
  });

  it('never throw when checked, whatever the bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 80 });
    const odd = fc.property(bytes, message, bytes, (signature, data, key) => {
      expect(verifyData(signature, data, key)).toBe(false);
      expect(verifyEcdsa(signature, sha256(data), key)).toBe(false);
    });
    fc.assert(odd, { numRuns: 300 });
    const point = concatBytes(Uint8Array.of(2), new Uint8Array(32).fill(0xff));
    expect(verifyData(signData(MESSAGE, KEY), MESSAGE, point)).toBe(false);
  });
});

describe('libsecp256k1 and noble', () => {
  const edges = [
    '00'.repeat(64),
    '01'.padStart(64, '0') + '01'.padStart(64, '0'),
    'ff'.repeat(64),
    `fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141${'01'.padStart(64, '0')}`,
  ];

  it('agree on real, changed and random signatures', () => {
    // where the platform has no native build, noble is held against itself: the backend says so
    const native = verifyNative ?? verifyNoble;
    expect(signatureBackend).toBe(verifyNative ? 'libsecp256k1' : 'noble');
    const agree = fc.property(privateKey, message, fc.nat(63), fc.nat(255), (key, data, at, to) => {
      const digest = sha256(data);
      const publicKey = publicKeyOf(key);
      const compact = compactFromDer(signData(data, key))!;
      const changed = compact.slice();
      changed[at] = to;
      for (const signature of [compact, changed, ...edges.map((hex) => fromHex(hex))]) {
        const expected = verifyNoble(signature, digest, publicKey);
        expect(native(signature, digest, publicKey)).toBe(expected);
      }
      expect(native(compact, digest, publicKey)).toBe(true);
    });
    fc.assert(agree, { numRuns: 15 });
  });
});

describe('private keys', () => {
  const ORDER = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141';

  it.each(['00'.repeat(32), ORDER, 'ff'.repeat(32), '01'])('refuses %s', (hex) => {
    const bad = expect.objectContaining({ code: 'BAD_PRIVATE_KEY' });
    expect(() => publicKeyOf(fromHex(hex))).toThrow(bad);
    expect(() => signData(MESSAGE, fromHex(hex))).toThrow(bad);
  });

  it('gives the generator for 1', () => {
    const one = fromHex('01'.padStart(64, '0'));
    expect(toHex(publicKeyOf(one))).toBe(
      '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798',
    );
  });
});

describe('DER', () => {
  it('and compact form turn into each other', () => {
    const scalar = fc.uint8Array({ minLength: 64, maxLength: 64 });
    const back = fc.property(scalar, (compact) => {
      const der = derFromCompact(compact);
      expect(isStrictDer(der)).toBe(true);
      expect(compactFromDer(der)).toEqual(compact);
    });
    fc.assert(back, { numRuns: 200 });
  });

  it.each([
    ['3006020101020101', true],
    ['30060201010201', false],
    ['3107020101020101', false],
    ['3007020101020101', false],
    ['300602010102010100', false],
    ['3006030101020101', false],
    ['3006020101030101', false],
    ['3006020181020101', false],
    ['300702020001020101', false],
    ['30070202008102 0101'.replace(' ', ''), true],
    ['3006020002020101', false],
    ['', false],
  ])('%s: strict %s', (hex, strict) => {
    expect(isStrictDer(fromHex(hex))).toBe(strict);
  });
});

describe('low S', () => {
  const half = '7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0';

  it.each([
    [half, true],
    [`${half.slice(0, -1)}1`, false],
    ['80'.padEnd(64, '0'), false],
    ['01'.padStart(64, '0'), true],
  ])('%s: %s', (s, low) => {
    expect(isLowS(fromHex('ff'.repeat(32) + s))).toBe(low);
  });
});
