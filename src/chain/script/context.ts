import type { Transaction, TransactionOutput } from '../codec/transaction.js';

/** Everything an input's scripts may look at. */
export interface ScriptContext {
  readonly transaction: Transaction;
  /** Which input is being unlocked. */
  readonly inputIndex: number;
  /** The outputs that the transaction spends, one per input, in order. */
  readonly spentOutputs: readonly TransactionOutput[];
}
