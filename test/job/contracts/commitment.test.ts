import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256, toHex, utf8 } from '#src/base/index.js';
import {
  type Commitment,
  commitmentHash,
  decodeCommitment,
  encodeCommitment,
} from '#src/job/contracts/commitment.js';
import { verdictMessage } from '#src/job/contracts/verdict.js';
import { keyOf, outpointOf } from './setup.js';

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const arbitraryCommitment: fc.Arbitrary<Commitment> = fc.record({
  jobId: hash,
  outputHash: hash,
  ciphertextHash: hash,
  count: fc.integer({ min: 0, max: 0xffff_ffff }),
  finish: fc.constantFrom('eos', 'stop', 'length'),
});

describe('commitment', () => {
  it('is 101 bytes that decode to itself', () => {
    fc.assert(
      fc.property(arbitraryCommitment, (commitment) => {
        const bytes = encodeCommitment(commitment);
        expect(bytes.length).toBe(101);
        expect(decodeCommitment(bytes)).toEqual(commitment);
        expect(commitmentHash(bytes)).toEqual(sha256(bytes));
      }),
    );
  });

  it('decodes any bytes to what encodes to them, or not at all', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 101, maxLength: 101 }),
      fc.uint8Array({ maxLength: 200 }),
    );
    fc.assert(
      fc.property(bytes, (bytes) => {
        if (bytes.length === 101 && bytes[100]! < 3) {
          expect(encodeCommitment(decodeCommitment(bytes))).toEqual(bytes);
        } else {
          expect(() => decodeCommitment(bytes)).toThrow('not a commitment');
        }
      }),
    );
  });
});

describe('verdict message', () => {
  it('is prefix, genesis, stake outpoint, job id, commitment hash and verdict byte', () => {
    const terms = { genesis: keyOf('genesis'), jobId: keyOf('job') };
    const message = verdictMessage(terms, outpointOf('claim', 1), keyOf('c'), 'valid');
    const parts = [
      utf8('bitmodel/verdict/1'),
      terms.genesis,
      keyOf('claim'),
      Uint8Array.of(1, 0, 0, 0),
      terms.jobId,
      keyOf('c'),
      Uint8Array.of(1),
    ];
    expect(toHex(message)).toBe(parts.map(toHex).join(''));
    expect(message.length).toBe(151);
  });
});
