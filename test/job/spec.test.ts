import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalBytes, fromHex, sha256, sha256d, toHex } from '#src/base/index.js';
import {
  decodeIds,
  decodeJob,
  encodeIds,
  encodeJob,
  fullReward,
  jobIdOf,
  parseJob,
  promptHashOf,
  seedOf,
} from '#src/job/index.js';
import { hash, makeJob, publicKey } from './make.js';

const job = makeJob();

describe('a job', () => {
  it('is canonical JSON, and its id the double SHA-256 of those bytes', () => {
    const bytes = encodeJob(job);
    expect(JSON.parse(new TextDecoder().decode(bytes))).toEqual(job);
    expect(jobIdOf(job)).toEqual(sha256d(bytes));
    expect(decodeJob(bytes)).toEqual(job);
  });

  it('has one spelling: any other JSON of the same job is refused', () => {
    const spaced = new TextEncoder().encode(JSON.stringify(job, null, 1));
    expect(() => decodeJob(spaced)).toThrow('not canonical');
  });

  it.each([
    ['an unknown field', { extra: 1 }],
    ['a fraction', { maxTokens: 1.5 }],
    ['no token', { maxTokens: 0 }],
    ['a price with fewer decimals', { pricePerToken: '0.0001' }],
    ['a price that is a word', { pricePerToken: 'abc' }],
    ['a stake that is empty', { stake: '' }],
    ['a fee for the job that is a word', { feePerJob: 'abc' }],
    ['a price of nothing', { pricePerToken: '0.00000000' }],
    ['a file outside the model', { file: 'onnx/../../secret' }],
    ['an absolute file', { file: '/etc/passwd' }],
    ['half of a surrogate pair', { stop: ['\ud800'] }],
    ['a verifier twice', { verifiers: ['v0', 'v0', 'v1'].map(publicKey) }],
    [
      'a draw from too few',
      { verifiers: { registry: hash('r'), size: 6, count: 3, drawHash: hash('c') } },
    ],
    ['the client as verifier', { verifiers: ['v0', 'client', 'v1'].map(publicKey) }],
    ['a threshold of half', { threshold: 1 }],
    ['a threshold beyond all', { threshold: 4 }],
    ['a stake below reward and fees', { stake: '0.00162999' }],
    ['an end before its beginning', { expires: 100 }],
    ['a fee of nothing for the job', { feePerJob: '0.00000000' }],
    ['a fee with fewer decimals', { feePerJob: '0.01' }],
    ['a stake that leaves out the fee for the job', { feePerJob: '0.00000001' }],
  ])('is refused with %s', (_, changes) => {
    expect(() => parseJob({ ...job, ...changes })).toThrow(
      expect.objectContaining({ code: 'BAD_JOB' }),
    );
  });

  it('takes the least stake', () => {
    expect(parseJob({ ...job, stake: '0.00163000' }).stake).toBe('0.00163000');
  });

  it('takes a stake that covers the fee for the job, too, and names it in its id', () => {
    const asking = parseJob({ ...job, feePerJob: '0.00500000', stake: '0.00663000' });
    expect(decodeJob(encodeJob(asking))).toEqual(asking);
    expect(fullReward(asking)).toBe(fullReward(job) + 500_000n);
    expect(jobIdOf(asking)).not.toEqual(jobIdOf({ ...job, stake: '0.00663000' }));
  });

  it('decodes bytes to a job that encodes to them again, or to an error', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.json().map((text) => new TextEncoder().encode(text)),
        ),
        (bytes) => {
          expect(() => decodeJob(bytes)).toThrow(expect.objectContaining({ code: 'BAD_JOB' }));
        },
      ),
    );
  });

  it('hashes the prompt with its salt, and draws the seed from nonce, model and prompt hash', () => {
    const salt = new Uint8Array(32).fill(1);
    const promptHash = promptHashOf(salt, [1, 258]);
    expect(promptHash).toEqual(sha256(salt, fromHex('0100000002010000')));
    const nonce = new Uint8Array(32).fill(2);
    const model = new Uint8Array(32).fill(3);
    expect(seedOf(nonce, model, promptHash)).toEqual(sha256(nonce, model, promptHash));
  });

  it('writes ids as u32LE each, and reads them back', () => {
    const id = fc.integer({ min: 0, max: 0xffff_ffff });
    fc.assert(
      fc.property(fc.array(id), (ids) => {
        expect(decodeIds(encodeIds(ids))).toEqual(ids);
      }),
    );
    expect(() => decodeIds(new Uint8Array(5))).toThrow('four bytes each');
  });

  it('keeps its bytes over versions of this program', () => {
    expect(toHex(jobIdOf(job))).toBe(toHex(sha256d(canonicalBytes(job))));
  });
});
