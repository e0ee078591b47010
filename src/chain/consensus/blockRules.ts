import { equalBytes } from '../../base/index.js';
import type { Block } from '../codec/block.js';
import { merkleRoot } from '../codec/merkle.js';
import { encodeTransaction, transactionHash } from '../codec/transaction.js';
import { pushNumber } from '../script/push.js';
import { isFinal } from './locks.js';
import { MAX_BLOCK_SIZE } from './parameters.js';
import { rejectBlock } from './reject.js';
import { checkTransaction, isCoinbase } from './transactionRules.js';

const HEADER_SIZE = 80;

/** A block whose own rules hold, with the hashes that were made on the way. */
export interface CheckedBlock {
  readonly block: Block;
  /** Transaction hashes in byte order. */
  readonly hashes: readonly Uint8Array[];
  /** Encoded size in bytes. */
  readonly size: number;
}

function varIntSize(value: number): number {
  return value < 0xfd ? 1 : value <= 0xffff ? 3 : 5;
}

/**
 * The rules of a block that need nothing but itself (proof of work is the header's own).
 * @throws RejectError
 */
export function checkBlock(block: Block): CheckedBlock {
  const { header, transactions } = block;
  const hashes = transactions.map(transactionHash);
  const tree = merkleRoot(hashes);
  if (!equalBytes(tree.root, header.merkleRoot)) throw rejectBlock('bad-txnmrklroot');
  if (tree.mutated) throw rejectBlock('bad-txns-duplicate');
  const sizes = transactions.map((transaction) => encodeTransaction(transaction).length);
  const size = sizes.reduce((sum, each) => sum + each, HEADER_SIZE + varIntSize(sizes.length));
  if (transactions.length === 0 || size > MAX_BLOCK_SIZE) throw rejectBlock('bad-blk-length');
  transactions.forEach((transaction, index) => {
    const coinbase = isCoinbase(transaction);
    if (index === 0 && !coinbase) throw rejectBlock('bad-cb-missing');
    if (index > 0 && coinbase) throw rejectBlock('bad-cb-multiple');
    checkTransaction(transaction, sizes[index]!);
  });
  return { block, hashes, size };
}

/** How a coinbase's unlocking script must begin (BIP34). */
export function coinbasePrefix(height: number): Uint8Array {
  return pushNumber(height);
}

/**
 * The rules of a block's transactions that need its height.
 * @param medianTime median time past of the block's parent
 * @throws RejectError `bad-txns-nonfinal`, `bad-cb-height`
 */
export function checkBlockAtHeight(block: Block, height: number, medianTime: number): void {
  if (!block.transactions.every((transaction) => isFinal(transaction, height, medianTime))) {
    throw rejectBlock('bad-txns-nonfinal', 'a transaction is not final');
  }
  const prefix = coinbasePrefix(height);
  const script = block.transactions[0]!.inputs[0]!.unlockingScript;
  if (!equalBytes(script.subarray(0, prefix.length), prefix)) {
    throw rejectBlock('bad-cb-height', 'the coinbase must begin with the height');
  }
}
