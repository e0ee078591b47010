import { describe, expect, it } from 'vitest';
import { fromHex, sha256, toHex } from '#src/base/index.js';
import {
  checkReceipt,
  decodeReceipt,
  encodeReceipt,
  RECEIPT_OVERHEAD,
  type Receipt,
  receiptCommitment,
  signCommitment,
} from '#src/job/receipt.js';
import { promptHashOf, seedOf } from '#src/job/spec.js';
import { makeJob, privateKey, publicKey } from './make.js';

const salt = new Uint8Array(32).fill(255);
const nonce = new Uint8Array(32).fill(254);
const promptIds = [1, 20, 300];
const promptHash = promptHashOf(salt, promptIds);
const bare = makeJob();
const job = makeJob({
  promptHash: toHex(promptHash),
  inputTokens: promptIds.length,
  seed: toHex(seedOf(nonce, fromHex(bare.model), promptHash)),
});
const unsigned: Receipt = {
  job,
  salt,
  nonce,
  promptIds,
  outputIds: [4, 50, 600, 7000],
  finish: 'length',
  k: new Uint8Array(32).fill(253),
  ciphertextHash: sha256(salt),
  seller: fromHex(publicKey('seller')),
  signature: new Uint8Array(0),
};
const receipt: Receipt = {
  ...unsigned,
  signature: signCommitment(receiptCommitment(unsigned), privateKey('seller')),
};

describe('a receipt', () => {
  it('comes back from its JSON and holds', () => {
    const back = decodeReceipt(encodeReceipt(receipt));
    expect(back).toEqual(receipt);
    expect(checkReceipt(back)).toEqual({ prompt: true, seed: true, signature: true });
  });

  it('has at most 512 bytes beyond the job and the ids, with the longest signature', () => {
    const longest = { ...receipt, signature: new Uint8Array(72).fill(255) };
    const bytes = Buffer.byteLength(encodeReceipt(longest));
    const carried = [job, promptIds, receipt.outputIds].map((part) => JSON.stringify(part).length);
    expect(bytes - carried.reduce((a, b) => a + b)).toBeLessThanOrEqual(RECEIPT_OVERHEAD);
  });

  it.each([
    ['prompt', { promptIds: [1, 20, 301] }, { prompt: false }],
    ['nonce', { nonce: new Uint8Array(32) }, { prompt: true, seed: false }],
    ['output', { outputIds: [4, 50, 600, 7001] }, { prompt: true, seed: true, signature: false }],
    ['finish reason', { finish: 'eos' as const }, { signature: false }],
    ['key k', { k: new Uint8Array(32) }, { signature: false }],
    ['seller', { seller: fromHex(publicKey('other')) }, { signature: false }],
  ])('does not hold with another %s', (_, change, checks) => {
    expect(checkReceipt({ ...receipt, ...change })).toMatchObject(checks);
  });

  it.each([
    ['nothing', ''],
    ['a list', '[]'],
    ['a short salt', JSON.stringify({ ...JSON.parse(encodeReceipt(receipt)), salt: 'AA==' })],
    ['a field more', JSON.stringify({ ...JSON.parse(encodeReceipt(receipt)), more: 1 })],
    ['no job', JSON.stringify({ ...JSON.parse(encodeReceipt(receipt)), job: {} })],
  ])('is not read from %s', (_, text) => {
    expect(() => decodeReceipt(text)).toThrow(/not a receipt/);
  });
});
