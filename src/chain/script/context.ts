import type { Transaction, TransactionOutput } from '../codec/transaction.js';
import type { SignatureCheck } from './ecdsa.js';

/** Everything an input's scripts may look at. */
export interface ScriptContext {
  readonly transaction: Transaction;
  /** Which input is being unlocked. */
  readonly inputIndex: number;
  /** The outputs that the transaction spends, one per input, in order. */
  readonly spentOutputs: readonly TransactionOutput[];
  /** How signatures are checked: by libsecp256k1 unless stated; a cache may know them already. */
  readonly checkSignature?: SignatureCheck;
}
