import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBlockParts, encodeBlockParts } from '#src/chain/codec/block.js';
import { encodedTransactionHash } from '#src/chain/codec/transaction.js';
import {
  ByteWriter,
  encodeTransaction,
  networkParameters,
  transactionHash,
} from '#src/chain/index.js';
import { anyTransaction } from '../transactions.js';

const { header } = networkParameters('regtest').genesis;

describe('a block with the places of its transactions', () => {
  it('reads as it was written, and each place holds its transaction', () => {
    fc.assert(
      fc.property(fc.array(anyTransaction(), { maxLength: 5 }), (transactions) => {
        const written = encodeBlockParts({ header, transactions });
        const read = decodeBlockParts(written.bytes);
        expect(read.block.transactions).toEqual(transactions);
        expect(read.offsets).toEqual(written.offsets);
        transactions.forEach((transaction, index) => {
          const [start, end] = written.offsets.subarray(index);
          const bytes = written.bytes.subarray(start, end);
          expect(bytes).toEqual(encodeTransaction(transaction));
          expect(encodedTransactionHash(transaction, () => bytes)).toEqual(
            transactionHash(transaction),
          );
        });
        expect(written.offsets.at(-1)).toBe(written.bytes.length);
      }),
    );
  });
});

describe('a writer that is done', () => {
  it('begins anew, and leaves what it gave as it was', () => {
    const writer = new ByteWriter().u32(1);
    const first = writer.finish();
    const second = new ByteWriter().u32(2);
    expect(writer.u8(7).finish()).toEqual(Uint8Array.of(7));
    expect(second.into((bytes) => Uint8Array.from(bytes))).toEqual(Uint8Array.of(2, 0, 0, 0));
    expect(first).toEqual(Uint8Array.of(1, 0, 0, 0));
  });
});
