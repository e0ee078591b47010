import { hexToBin, secp256k1 } from '@bitauth/libauth';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError, sha256d, utf8 } from '#src/base/index.js';
import {
  createKey,
  decodeWif,
  encodeAddress,
  hash160,
  keyPair,
  messageHash,
  networkParameters,
  signMessage,
  verifyMessage,
} from '#src/chain/index.js';
import { cases, timeLimit } from '../../long.js';

const main = networkParameters('main');
const regtest = networkParameters('regtest');

/** Bitcoin Core: src/test/util_tests.cpp (message_verify, message_sign) and test/functional/rpc_signmessagewithprivkey.py. */
const CORE = {
  key: hexToBin('d97f5108f11cda6eeebaaa420fef0726b1f898060b98489fa3098463c0032866'),
  address: '15CRxFdyRpGZLW9w8HnHvVduizdL5jKNbs',
  signature:
    'IPojfrX2dfPnH26UegfbGQQLrdK844DlHq5157/P6h57WyuS/Qsl+h/WSVGDF4MUi4rWSswW38oimDYfNNUBUOk=',
};
const ANY = utf8('message too');

describe('a signed message, against the vectors of Bitcoin Core', () => {
  it('is signed as Core signs it, byte for byte', () => {
    expect(keyPair(CORE.key, main).address).toBe(CORE.address);
    expect(signMessage(utf8('Trust no one'), CORE.key)).toBe(CORE.signature);
    const wif = 'cUeKHd5orzT3mz8P9pxyREHfsWtVfgsfDjiZZBcjUBAaGk1BTj7N';
    const message = utf8('This is just a test message');
    const signature = signMessage(message, decodeWif(wif, regtest));
    expect(signature).toBe(
      'INbVnW4e6PeRmsv2Qgu8NuopvrVjkcxob+sX8OcZG0SALhWybUjzMLPdAsXI46YZGb0KQTRii+wWIQzRpG/U+S0=',
    );
    expect(verifyMessage('mpLQjfK79b7CCV4VMJWEWAj5Mpx8Up5zxB', signature, message, regtest)).toBe(
      true,
    );
  });

  it('is accepted and refused as Core does', () => {
    const verify = (address: string, signature: string, message: string): boolean =>
      verifyMessage(address, signature, utf8(message), main);
    expect(verify(CORE.address, CORE.signature, 'Trust no one')).toBe(true);
    expect(verify(CORE.address, CORE.signature, 'I never signed this')).toBe(false);
    expect(
      verify(
        '11canuhp9X2NocwCq7xNrQYTmUgZAnLK3',
        'IIcaIENoYW5jZWxsb3Igb24gYnJpbmsgb2Ygc2Vjb25kIGJhaWxvdXQgZm9yIGJhbmtzIAaHRtbCeDZINyavx14=',
        'Trust me',
      ),
    ).toBe(true);
    const nobody = '1KqbBpLy5FARmTPD4VZnDDpYjkUvkr82Pm';
    expect(verify(nobody, `${'A'.repeat(87)}=`, 'message should be irrelevant')).toBe(false);
    expect(() => verify(nobody, 'invalid signature, not in base64 encoding', 'x')).toThrow(
      expect.objectContaining({ code: 'BAD_MESSAGE_SIGNATURE' }),
    );
    expect(() => verify('invalid address', 'signature should be irrelevant', 'x')).toThrow(
      expect.objectContaining({ code: 'BAD_ADDRESS' }),
    );
    expect(() =>
      verifyMessage('3B5fQsEXEaV8v6U3ejYc8XaKXAkyQj2MjV', CORE.signature, ANY, main),
    ).toThrow(expect.objectContaining({ code: 'WRONG_NETWORK' }));
  });

  it('hashes the magic, the message and their lengths', () => {
    const head = [24, ...utf8('Bitcoin Signed Message:\n'), 3, ...utf8('...')];
    expect(messageHash(utf8('...'))).toEqual(sha256d(Uint8Array.from(head)));
    // a length beyond one byte is a longer var-int
    const long = new Uint8Array(70_000).fill(0x61);
    const longHead = [24, ...utf8('Bitcoin Signed Message:\n'), 0xfe, 0x70, 0x11, 0x01, 0x00];
    expect(messageHash(long)).toEqual(sha256d(Uint8Array.from([...longHead, ...long])));
  });
});

describe('a signed message', () => {
  const key = createKey(regtest);
  const bytes = fc.uint8Array({ maxLength: 300 });

  it('is true for its address and its message alone', () => {
    fc.assert(
      fc.property(bytes, bytes, (message, other) => {
        const signature = signMessage(message, key.privateKey);
        expect(verifyMessage(key.address, signature, message, regtest)).toBe(true);
        const differs = Buffer.compare(message, other) !== 0;
        expect(verifyMessage(key.address, signature, other, regtest)).toBe(!differs);
        expect(verifyMessage(createKey(regtest).address, signature, message, regtest)).toBe(false);
      }),
      { numRuns: 15 },
    );
  });

  it('gives libauth the same key, and takes what libauth signs, compressed or not', () => {
    fc.assert(
      fc.property(bytes, fc.boolean(), (message, compressed) => {
        const digest = messageHash(message);
        const ours = Buffer.from(signMessage(message, key.privateKey), 'base64');
        const recovered = secp256k1.recoverPublicKeyCompressed(
          ours.subarray(1),
          ((ours[0]! - 27) & 3) as 0 | 1 | 2 | 3,
          digest,
        );
        expect(recovered).toEqual(key.publicKey);
        const theirs = secp256k1.signMessageHashRecoverableCompact(key.privateKey, digest);
        if (typeof theirs === 'string') throw new Error(theirs);
        const header = 27 + theirs.recoveryId + (compressed ? 4 : 0);
        const text = Buffer.from([header, ...theirs.signature]).toString('base64');
        const publicKey = compressed
          ? key.publicKey
          : secp256k1.derivePublicKeyUncompressed(key.privateKey);
        const address = encodeAddress(hash160(publicKey as Uint8Array), regtest);
        expect(verifyMessage(address, text, message, regtest)).toBe(true);
      }),
      { numRuns: 15 },
    );
  });

  it(
    'never breaks the check, whatever is given as signature or address',
    () => {
      const good = signMessage(ANY, key.privateKey);
      const mutated = fc
        .tuple(fc.nat(good.length - 1), fc.string({ minLength: 0, maxLength: 2 }))
        .map(([at, text]) => good.slice(0, at) + text + good.slice(at + 1));
      // most never reach the curve; those that do cost a millisecond each
      const raw = fc
        .uint8Array({ minLength: 63, maxLength: 67 })
        .map((b) => Buffer.from(b).toString('base64'));
      const anything = fc.oneof(
        { arbitrary: fc.string({ maxLength: 100 }), weight: 30 },
        { arbitrary: fc.base64String({ maxLength: 120 }), weight: 10 },
        { arbitrary: mutated, weight: 1 },
        { arbitrary: raw, weight: 1 },
      );
      const addresses = fc.oneof({ arbitrary: fc.constant(key.address), weight: 20 }, fc.string());
      fc.assert(
        fc.property(addresses, anything, (address, signature) => {
          try {
            if (verifyMessage(address, signature, ANY, regtest)) expect(signature).toBe(good);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(BitmodelError);
          }
        }),
        { numRuns: cases(20_000, 10_000_000) },
      );
    },
    timeLimit(240_000),
  );
});
