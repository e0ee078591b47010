import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, reverseBytes, sha256d, toHex } from '#src/base/index.js';
import {
  ByteReader,
  ByteWriter,
  blockHash,
  decodeBlock,
  decodeHeader,
  decodeTransaction,
  encodeBlock,
  encodeHeader,
  encodeTransaction,
  formatOutpoint,
  hashToId,
  idToHash,
  merkleRoot,
  metaTxidPreimage,
  NO_JOB,
  parseOutpoint,
  transactionHash,
  transactionId,
} from '#src/chain/index.js';
import { anyTransaction, blockArbitrary, hashArbitrary } from '../transactions.js';

const u32 = fc.nat(0xffff_ffff);
const badEncoding = expect.objectContaining({ code: 'BAD_ENCODING' });

describe('transaction', () => {
  it('decodes to what was encoded', () => {
    const roundTrip = fc.property(anyTransaction(), (transaction) => {
      expect(decodeTransaction(encodeTransaction(transaction))).toEqual(transaction);
    });
    fc.assert(roundTrip, { numRuns: 300 });
  });

  it('is Bitcoin’s byte for byte below version 10', () => {
    // Bitcoin's first payment, block 170
    const raw =
      '0100000001c997a5e56e104102fa209c6a852dd90660a20b2d9c352423edce25857fcd3704000000004847304402' +
      '204e45e16932b8af514961a1d3a1a25fdf3f4f7732e9d624c6c61548ab5fb8cd410220181522ec8eca07de4860a4' +
      'acdd12909d831cc56cbbac4622082221a8768d1d0901ffffffff0200ca9a3b00000000434104ae1a62fe09c5f51b' +
      '13905f07f06b99a2f7159b2225f374cd378d71302fa28414e7aab37397f554a7df5f142c21c1b7303b8a0626f1ba' +
      'ded5c72a704f7e6cd84cac00286bee0000000043410411db93e1dcdb8a016b49840f8c53bc1eb68a382e97b1482e' +
      'cad7b148a6909a5cb2e0eaddfb84ccf9744464f82e160bfa9b8b64f9d4c03f999b8643f656b412a3ac00000000';
    const transaction = decodeTransaction(fromHex(raw));
    expect(toHex(encodeTransaction(transaction))).toBe(raw);
    expect(transactionId(transaction)).toBe(
      'f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16',
    );
    expect(transaction.jobId).toEqual(NO_JOB);
  });

  it('is refused when a count promises more than the bytes hold', () => {
    const huge = fromHex(`01000000ff${'ff'.repeat(6)}1f00`);
    expect(() => decodeTransaction(huge)).toThrow(badEncoding);
    expect(() => decodeTransaction(fromHex('01000000feffffffff'))).toThrow(badEncoding);
  });

  it('is refused when a var-int is longer than it must be', () => {
    expect(() => decodeTransaction(fromHex(`01000000fd0000${'00'.repeat(5)}`))).toThrow(
      badEncoding,
    );
    expect(decodeTransaction(fromHex(`01000000${'00'.repeat(6)}`)).inputs).toEqual([]);
  });
});

describe('MetaTxid', () => {
  const vector = JSON.parse(readFileSync('fixtures/metatxid.json', 'utf8')) as {
    raw: string;
    metaTxid: string;
    classicTxid: string;
  };

  it('is MicroVisionChain’s without the job id', () => {
    // its transaction ends with the lock time; ours with a job id behind it
    const transaction = decodeTransaction(fromHex(vector.raw + toHex(NO_JOB)));
    expect(hashToId(sha256d(metaTxidPreimage(transaction, false)))).toBe(vector.metaTxid);
    expect(hashToId(sha256d(fromHex(vector.raw)))).toBe(vector.classicTxid);
    expect(metaTxidPreimage(transaction)).toHaveLength(144);
  });

  it('names versions from 10 on, and changes with every field', () => {
    const ten = anyTransaction(fc.integer({ min: 10, max: 20 }), { inputs: 1 });
    const named = fc.property(ten, fc.nat(31), (transaction, at) => {
      const hash = transactionHash(transaction);
      expect(hash).toEqual(sha256d(metaTxidPreimage(transaction)));
      const jobId = transaction.jobId.slice();
      jobId[at]! ^= 1;
      const [first, ...rest] = transaction.inputs;
      const unlockingScript = Uint8Array.of(...first!.unlockingScript, 0);
      const changes = [
        { jobId },
        { version: transaction.version + 1 },
        { lockTime: transaction.lockTime ^ 1 },
        { inputs: [{ ...first!, sequence: first!.sequence ^ 1 }, ...rest] },
        { inputs: [{ ...first!, unlockingScript }, ...rest] },
        { inputs: rest },
        { outputs: [...transaction.outputs, { value: 0n, lockingScript: NO_JOB }] },
      ].map((change) => toHex(transactionHash({ ...transaction, ...change })));
      expect(new Set([toHex(hash), ...changes]).size).toBe(changes.length + 1);
    });
    fc.assert(named, { numRuns: 50 });
  });

  it('is double SHA-256 of the bytes below', () => {
    const below = anyTransaction(fc.integer({ min: -5, max: 9 }));
    const classic = fc.property(below, (transaction) => {
      expect(transactionHash(transaction)).toEqual(sha256d(encodeTransaction(transaction)));
    });
    fc.assert(classic, { numRuns: 50 });
  });
});

describe('block', () => {
  it('decodes to what was encoded', () => {
    const roundTrip = fc.property(blockArbitrary, (value) => {
      expect(decodeBlock(encodeBlock(value))).toEqual(value);
      expect(decodeHeader(encodeHeader(value.header))).toEqual(value.header);
    });
    fc.assert(roundTrip, { numRuns: 100 });
  });

  it('has Bitcoin’s hash', () => {
    const genesis = fromHex(
      `01000000${'00'.repeat(32)}` +
        '3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c',
    );
    expect(hashToId(blockHash(decodeHeader(genesis)))).toBe(
      '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f',
    );
  });
});

describe('Merkle root', () => {
  const hashes = fc.array(hashArbitrary, { minLength: 1, maxLength: 12 });

  it('is the hash itself for one, and pairs hashes', () => {
    const a = new Uint8Array(32).fill(1);
    const b = new Uint8Array(32).fill(2);
    expect(merkleRoot([a])).toEqual({ root: a, mutated: false });
    expect(merkleRoot([a, b])).toEqual({ root: sha256d(a, b), mutated: false });
    const three = sha256d(sha256d(a, b), sha256d(a, a));
    expect(merkleRoot([a, b, a])).toEqual({ root: three, mutated: false });
    expect(merkleRoot([])).toEqual({ root: NO_JOB, mutated: false });
  });

  it('tells the doubled tail of CVE-2012-2459, which has the same root', () => {
    const doubled = fc.property(hashes, (list) => {
      const { root } = merkleRoot(list);
      for (let size = 1; size < list.length; size *= 2) {
        const rows = Math.ceil(list.length / size);
        if (rows % 2 === 0 || rows === 1) continue;
        // the last group of this size is whole: its double has the same root
        if (list.length % size !== 0) continue;
        const mutation = merkleRoot([...list, ...list.slice(-size)]);
        expect(mutation.mutated).toBe(true);
        expect(mutation.root).toEqual(root);
      }
    });
    fc.assert(doubled, { numRuns: 100 });
    const a = new Uint8Array(32).fill(1);
    expect(merkleRoot([a, a]).mutated).toBe(true);
  });

  it('does not call different hashes mutated', () => {
    const different = fc.property(
      fc.uniqueArray(hashArbitrary, { selector: toHex, maxLength: 12 }),
      (list) => {
        expect(merkleRoot(list).mutated).toBe(false);
      },
    );
    fc.assert(different, { numRuns: 50 });
  });
});

describe('ids and outpoints', () => {
  it('print reversed and read back', () => {
    const back = fc.property(hashArbitrary, u32, (hash, index) => {
      expect(hashToId(hash)).toBe(toHex(reverseBytes(hash)));
      expect(idToHash(hashToId(hash))).toEqual(hash);
      expect(parseOutpoint(formatOutpoint({ hash, index }))).toEqual({ hash, index });
    });
    fc.assert(back, { numRuns: 100 });
  });

  it.each(['', 'ab:0', `${'a'.repeat(64)}`, `${'a'.repeat(64)}:4294967296`, `${'g'.repeat(64)}:0`])(
    'refuses "%s" as an outpoint',
    (text) => {
      expect(() => parseOutpoint(text)).toThrow(expect.objectContaining({ code: 'BAD_OUTPOINT' }));
    },
  );
});

describe('var-int', () => {
  it.each([
    [0, '00'],
    [0xfc, 'fc'],
    [0xfd, 'fdfd00'],
    [0xffff, 'fdffff'],
    [0x1_0000, 'fe00000100'],
    [0xffff_ffff, 'feffffffff'],
    [0x1_0000_0000, 'ff0000000001000000'],
    [Number.MAX_SAFE_INTEGER, 'ffffffffffffff1f00'],
  ])('%i is %s and nothing else', (value, hex) => {
    expect(toHex(new ByteWriter().varInt(value).finish())).toBe(hex);
    expect(new ByteReader(fromHex(hex)).varInt()).toBe(value);
  });

  it.each(['fdfc00', 'feffff0000', 'ffffffffff00000000', 'ff00000000000020ff', 'fd00'])(
    'refuses %s',
    (hex) => {
      expect(() => new ByteReader(fromHex(hex)).varInt()).toThrow(badEncoding);
    },
  );
});
