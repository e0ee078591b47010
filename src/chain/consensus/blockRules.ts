import { equalBytes } from '../../base/index.js';
import { type Block, type EncodedBlock, encodeBlockParts, MAX_BLOCK_SIZE } from '../codec/block.js';
import { merkleRoot } from '../codec/merkle.js';
import { encodedTransactionHash } from '../codec/transaction.js';
import { pushNumber } from '../script/push.js';
import { isFinal } from './locks.js';
import { rejectBlock } from './RejectError.js';
import { checkTransaction, isCoinbase } from './transactionRules.js';

/** A block whose own rules hold, with what was made on the way, so that it is made once. */
export interface CheckedBlock {
  readonly block: Block;
  /** The block, encoded. */
  readonly bytes: Uint8Array;
  /** Where each transaction begins in `bytes`, with one more entry for where the last one ends. */
  readonly offsets: Uint32Array;
  /** Transaction hashes in byte order. */
  readonly hashes: readonly Uint8Array[];
}

/**
 * The rules of a block that need nothing but itself (proof of work is the header's own).
 * @param encoded the block's bytes, where they are at hand
 * @throws RejectError
 */
export function checkBlock(
  block: Block,
  encoded: EncodedBlock = encodeBlockParts(block),
): CheckedBlock {
  const { header, transactions } = block;
  const { bytes, offsets } = encoded;
  const hashes = transactions.map((transaction, index) =>
    encodedTransactionHash(transaction, () => bytes.subarray(offsets[index], offsets[index + 1])),
  );
  const tree = merkleRoot(hashes);
  if (!equalBytes(tree.root, header.merkleRoot)) throw rejectBlock('bad-txnmrklroot');
  if (tree.mutated) throw rejectBlock('bad-txns-duplicate');
  if (transactions.length === 0 || bytes.length > MAX_BLOCK_SIZE) {
    throw rejectBlock('bad-blk-length');
  }
  transactions.forEach((transaction, index) => {
    const coinbase = isCoinbase(transaction);
    if (index === 0 && !coinbase) throw rejectBlock('bad-cb-missing');
    if (index > 0 && coinbase) throw rejectBlock('bad-cb-multiple');
    checkTransaction(transaction, offsets[index + 1]! - offsets[index]!);
  });
  return { block, bytes, offsets, hashes };
}

/** How a coinbase's unlocking script must begin (BIP34). */
export function coinbasePrefix(height: number): Uint8Array {
  return pushNumber(height);
}

/**
 * The rules of a block's transactions that need its height.
 * @param medianTime finds the median time past of the block's parent; few blocks have a lock that asks for it
 * @throws RejectError `bad-txns-nonfinal`, `bad-cb-height`
 */
export function checkBlockAtHeight(block: Block, height: number, medianTime: () => number): void {
  const locked = block.transactions.filter(({ lockTime }) => lockTime !== 0);
  const time = locked.length > 0 ? medianTime() : 0;
  if (!locked.every((transaction) => isFinal(transaction, height, time))) {
    throw rejectBlock('bad-txns-nonfinal', 'a transaction is not final');
  }
  const prefix = coinbasePrefix(height);
  const script = block.transactions[0]!.inputs[0]!.unlockingScript;
  if (!equalBytes(script.subarray(0, prefix.length), prefix)) {
    throw rejectBlock('bad-cb-height', 'the coinbase must begin with the height');
  }
}
