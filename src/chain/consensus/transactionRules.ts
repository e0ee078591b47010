import type { Transaction, TransactionInput, TransactionOutput } from '../codec/transaction.js';
import { type Coin, outpointKey } from './coins.js';
import { MAX_MONEY, MAX_TRANSACTION_SIZE } from './parameters.js';
import { rejectTransaction } from './RejectError.js';
import { checkTokenOutput } from './tokens.js';

/** A transaction of this size could pass for two hashes of the Merkle tree. */
const AMBIGUOUS_SIZE = 64;
const NO_INDEX = 0xffff_ffff;

function isNull(input: TransactionInput): boolean {
  return input.outpoint.index === NO_INDEX && input.outpoint.hash.every((byte) => byte === 0);
}

/** Whether the transaction makes coins: its only input points nowhere. */
export function isCoinbase(transaction: Transaction): boolean {
  return transaction.inputs.length === 1 && isNull(transaction.inputs[0]!);
}

function checkOutputs(outputs: readonly TransactionOutput[], coinbase: boolean): void {
  let total = 0n;
  for (const output of outputs) {
    if (output.value > MAX_MONEY) throw rejectTransaction('bad-txns-vout-toolarge');
    total += output.value;
    if (total > MAX_MONEY) throw rejectTransaction('bad-txns-txouttotal-toolarge');
    checkTokenOutput(output, coinbase);
  }
}

/**
 * The rules of a transaction that need nothing but itself.
 * @param size its encoded bytes
 * @throws RejectError
 */
export function checkTransaction(transaction: Transaction, size: number): void {
  const { inputs, outputs } = transaction;
  if (inputs.length === 0) throw rejectTransaction('bad-txns-vin-empty');
  if (outputs.length === 0) throw rejectTransaction('bad-txns-vout-empty');
  if (size > MAX_TRANSACTION_SIZE) throw rejectTransaction('bad-txns-oversize');
  if (size === AMBIGUOUS_SIZE) throw rejectTransaction('bad-txns-64-byte');
  const coinbase = isCoinbase(transaction);
  checkOutputs(outputs, coinbase);
  if (coinbase) {
    const length = inputs[0]!.unlockingScript.length;
    if (length < 2 || length > 100) throw rejectTransaction('bad-cb-length');
    return;
  }
  const seen = new Set<string>();
  for (const input of inputs) {
    if (isNull(input)) throw rejectTransaction('bad-txns-prevout-null');
    const key = outpointKey(input.outpoint);
    if (seen.has(key)) throw rejectTransaction('bad-txns-inputs-duplicate');
    seen.add(key);
  }
}

/**
 * Whether maturity and amounts allow the transaction in a block of this height. Returns the fee.
 * @param coins one per input, in order
 * @throws RejectError
 */
export function checkAmounts(
  transaction: Transaction,
  coins: readonly Coin[],
  height: number,
  maturity: number,
): bigint {
  let total = 0n;
  for (const coin of coins) {
    if (coin.coinbase && height - coin.height < maturity) {
      throw rejectTransaction(
        'bad-txns-premature-spend-of-coinbase',
        `tried to spend coinbase at depth ${height - coin.height}`,
      );
    }
    total += coin.output.value;
    if (total > MAX_MONEY) throw rejectTransaction('bad-txns-inputvalues-outofrange');
  }
  const spent = transaction.outputs.reduce((sum, output) => sum + output.value, 0n);
  if (spent > total) throw rejectTransaction('bad-txns-in-belowout');
  return total - spent;
}
