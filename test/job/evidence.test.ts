import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { publicKeyOf } from '#src/chain/index.js';
import { decodePrompt, encodePrompt, openEvidence, sealEvidence } from '#src/job/evidence.js';
import { decodeEvidence, type Evidence, encodeEvidence } from '#src/job/index.js';
import { privateKey, publicKey } from './make.js';

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const ids = fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { maxLength: 20 });
const evidence: fc.Arbitrary<Evidence> = fc.record(
  { salt: bytes32, promptIds: ids, outputIds: ids, oneTimeKey: bytes32 },
  { requiredKeys: ['salt', 'promptIds'] },
);
const reader = (name: string) => ({
  privateKey: privateKey(name),
  publicKey: publicKeyOf(privateKey(name)),
});

describe('evidence', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(evidence, (given) => {
        expect(decodeEvidence(encodeEvidence(given))).toEqual(given);
      }),
    );
  });

  it('is read from any bytes as what encodes to them again, or as an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          expect(encodeEvidence(decodeEvidence(bytes))).toEqual(bytes);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(BitmodelError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('opens for the verifiers it is sealed to, and for nobody else', () => {
    const given = { salt: new Uint8Array(32).fill(3), promptIds: [1, 2], outputIds: [] };
    const sealed = sealEvidence(given, [publicKey('v0'), publicKey('v1')]);
    expect(openEvidence(sealed, reader('v0'))).toEqual(given);
    expect(openEvidence(sealed, reader('v1'))).toEqual(given);
    expect(openEvidence(sealed, reader('v2'))).toBeUndefined();
    const garbled = { ...sealed, evidence: sealed.evidence.replace(/^.{4}/, 'AAAA') };
    expect(openEvidence(garbled, reader('v0'))).toBeUndefined();
  });

  it('carries a prompt with its salt', () => {
    const salt = new Uint8Array(32).fill(9);
    expect(decodePrompt(encodePrompt(salt, [7, 8]))).toEqual({ salt, promptIds: [7, 8] });
    expect(() => decodePrompt(salt)).toThrow('no evidence');
  });
});
