import type { Transaction } from '../codec/transaction.js';
import {
  FINAL_SEQUENCE,
  LOCK_TIME_THRESHOLD,
  SEQUENCE_DISABLED,
  SEQUENCE_IS_TIME,
  SEQUENCE_MASK,
  SEQUENCE_TIME_UNIT,
} from '../script/lockTimes.js';
import type { Coin } from './coins.js';

/**
 * Whether the lock time lets the transaction into a block of this height.
 * @param medianTime median time past of the block's parent (BIP113)
 */
export function isFinal(transaction: Transaction, height: number, medianTime: number): boolean {
  const { lockTime, inputs } = transaction;
  if (lockTime === 0) return true;
  if (lockTime < (lockTime < LOCK_TIME_THRESHOLD ? height : medianTime)) return true;
  return inputs.every((input) => input.sequence === FINAL_SEQUENCE);
}

/**
 * Whether the relative locks of the inputs (BIP68, versions from 2 on) let the transaction into a block of this height.
 * @param coins one per input, in order; for a coin that waits in the mempool, the height it would get
 * @param medianTimeAt median time past of the block at a height of this branch
 */
export function sequenceLocksMet(
  transaction: Transaction,
  coins: readonly Coin[],
  height: number,
  medianTimeAt: (height: number) => number,
): boolean {
  // the version is compared unsigned, so negative ones enforce it too
  if (transaction.version >>> 0 < 2) return true;
  return transaction.inputs.every(({ sequence }, index) => {
    if ((sequence & SEQUENCE_DISABLED) !== 0) return true;
    const coinHeight = coins[index]!.height;
    const distance = sequence & SEQUENCE_MASK;
    if ((sequence & SEQUENCE_IS_TIME) === 0) return coinHeight + distance <= height;
    const since = medianTimeAt(Math.max(coinHeight - 1, 0));
    return since + distance * SEQUENCE_TIME_UNIT <= medianTimeAt(height - 1);
  });
}
