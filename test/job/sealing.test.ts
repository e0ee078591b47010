import { createHmac, hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { getPublicKey, getSharedSecret } from '@noble/secp256k1';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, sha256, toHex, utf8 } from '#src/base/index.js';
import { encodeCommitment } from '#src/job/contracts/commitment.js';
import {
  openAnswer,
  openSealed,
  openUnder,
  openWithOneTimeKey,
  outputHashOf,
  sealAnswer,
  sealTo,
  sealUnder,
  withClientKey,
} from '#src/job/index.js';
import { privateKey } from './make.js';

const client = privateKey('client');
const clientKey = getPublicKey(client, true);
const oneTime = privateKey('one time');
const bytes = fc.uint8Array({ maxLength: 300 });
const k = new Uint8Array(32).fill(7);
const jobId = new Uint8Array(32).fill(9);

function derive(secret: Uint8Array, salt: Uint8Array, info: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, salt, utf8(info), 32));
}

const vectors = JSON.parse(readFileSync('fixtures/sealing.json', 'utf8'));

describe('sealing vectors', () => {
  it('are what any implementation must come to', () => {
    const { ecies, layer, answer } = vectors;
    const receiver = getPublicKey(fromHex(ecies.receiverPrivateKey), true);
    const sealed = sealTo(receiver, fromHex(ecies.plaintext), fromHex(ecies.oneTimePrivateKey));
    expect(toHex(sealed)).toBe(ecies.sealed);
    expect(toHex(sealUnder(fromHex(layer.k), fromHex(layer.plaintext)))).toBe(layer.sealed);
    const made = sealAnswer(
      fromHex(answer.jobId),
      receiver,
      fromHex(answer.k),
      answer,
      fromHex(answer.oneTimePrivateKey),
    );
    expect(toHex(made.ciphertext)).toBe(answer.ciphertext);
    expect(toHex(encodeCommitment(made.commitment))).toBe(answer.commitment);
    // the output hash by hand
    const salt = createHmac('sha256', fromHex(answer.k)).update('out').digest();
    const ids = new Uint8Array(Uint32Array.from(answer.ids).buffer);
    expect(toHex(sha256(salt, ids))).toBe(answer.outputHash);
  });
});

describe('sealing', () => {
  it('is XChaCha20-Poly1305, zero nonce, under HKDF of the compressed shared point', () => {
    const front = getPublicKey(oneTime, true);
    const key = derive(getSharedSecret(client, front, true), front, 'bitmodel/ecies/1');
    const body = xchacha20poly1305(key, new Uint8Array(24)).encrypt(utf8('prompt'));
    expect(sealTo(clientKey, utf8('prompt'), oneTime)).toEqual(concatBytes(front, body));
  });

  it('puts the outer layer under HKDF of k', () => {
    const key = derive(k, new Uint8Array(0), 'bitmodel/seal/1');
    const wanted = xchacha20poly1305(key, new Uint8Array(24)).encrypt(utf8('inner'));
    expect(sealUnder(k, utf8('inner'))).toEqual(wanted);
    expect(openUnder(k, wanted)).toEqual(utf8('inner'));
  });

  it('opens for the receiver, and for the one-time key that made it', () => {
    fc.assert(
      fc.property(bytes, (plaintext) => {
        const sealed = sealTo(clientKey, plaintext, oneTime);
        expect(openSealed(client, sealed)).toEqual(plaintext);
        expect(openWithOneTimeKey(oneTime, clientKey, sealed)).toEqual(plaintext);
      }),
      { numRuns: 20 },
    );
  });

  it('opens for nobody else, and never with a byte changed', () => {
    const sealed = sealTo(clientKey, utf8('the secret'), oneTime);
    const broken = expect.objectContaining({ code: 'SEAL_BROKEN' });
    expect(() => openSealed(privateKey('other'), sealed)).toThrow(broken);
    expect(() => openWithOneTimeKey(privateKey('other'), clientKey, sealed)).toThrow(broken);
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = sealed.slice();
        changed[at]! ^= change;
        expect(() => openSealed(client, changed)).toThrow(broken);
      }),
      { numRuns: 40 },
    );
    fc.assert(
      fc.property(bytes, (junk) => {
        expect(() => openSealed(client, junk)).toThrow(broken);
      }),
    );
  });
});

describe('an answer', () => {
  const ids = [5, 6, 7, 2000];
  const { ciphertext, commitment } = sealAnswer(
    jobId,
    clientKey,
    k,
    { ids, finish: 'eos' },
    oneTime,
  );

  it('opens to the ids it commits to', () => {
    expect(openAnswer(commitment, k, ciphertext, withClientKey(client))).toEqual({ ids });
    expect(commitment.ciphertextHash).toEqual(sha256(ciphertext));
    expect(commitment.outputHash).toEqual(outputHashOf(k, ids));
  });

  it.each([
    ['undelivered', 'nothing came', commitment, undefined],
    ['undelivered', 'another ciphertext came', commitment, new Uint8Array(80)],
    [
      'format',
      'other ids were committed',
      { ...commitment, outputHash: outputHashOf(k, [1]) },
      ciphertext,
    ],
    ['count', 'another count was committed', { ...commitment, count: 5 }, ciphertext],
  ] as const)('is %s when %s', (kind, _, claimed, delivered) => {
    expect(openAnswer(claimed, k, delivered, withClientKey(client))).toEqual({ kind });
  });

  it('has the wrong format when k does not open it', () => {
    const other = new Uint8Array(32).fill(8);
    expect(openAnswer(commitment, other, ciphertext, withClientKey(client))).toEqual({
      kind: 'format',
    });
  });
});
