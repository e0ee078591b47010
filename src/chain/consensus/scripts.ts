import type { Transaction } from '../codec/transaction.js';
import { scriptRejectReason } from '../script/errors.js';
import { verifyInput } from '../script/interpreter.js';
import { type Coin, hashKey } from './coins.js';
import { rejectTransaction } from './reject.js';

const CACHE_LIMIT = 100_000;

/**
 * Runs the scripts of transactions, and remembers those that passed: what the mempool took need not run again in a
 * block. A transaction's hash covers its unlocking scripts and the outputs it spends, and the rules are always the
 * same, so the hash alone is the key.
 */
export class ScriptVerifier {
  /** Signature checks by transaction hash, oldest first. */
  readonly #passed = new Map<string, number>();

  /**
   * Demands that every input's scripts agree; returns the number of signature checks that they made.
   * @param coins one per input, in order
   * @throws RejectError `mandatory-script-verify-flag-failed (…)`
   */
  verify(transaction: Transaction, hash: Uint8Array, coins: readonly Coin[]): number {
    const key = hashKey(hash);
    const known = this.#passed.get(key);
    if (known !== undefined) return known;
    const spentOutputs = coins.map((coin) => coin.output);
    let signatureChecks = 0;
    for (let inputIndex = 0; inputIndex < transaction.inputs.length; inputIndex++) {
      const result = verifyInput({ transaction, inputIndex, spentOutputs });
      if (!result.ok) {
        throw rejectTransaction(
          scriptRejectReason(result.error),
          `input ${inputIndex}, ${result.script} script at byte ${result.offset}`,
        );
      }
      signatureChecks += result.signatureChecks;
    }
    this.#remember(key, signatureChecks);
    return signatureChecks;
  }

  #remember(key: string, signatureChecks: number): void {
    if (this.#passed.size >= CACHE_LIMIT) {
      this.#passed.delete(this.#passed.keys().next().value!);
    }
    this.#passed.set(key, signatureChecks);
  }
}
