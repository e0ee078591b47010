import type { Transaction } from '../codec/transaction.js';
import type { ChainStore } from '../store/ChainStore.js';

/** Told which transactions are in no block now, or may not be, parents before children. */
export type FreedListener = (transactions: readonly Transaction[]) => void;

/**
 * Has the chain moved in many turns of the event loop while everybody else sees it as it was: a reorganisation is
 * connected block by block, but nobody meets it half-way.
 */
export class ChainMove {
  readonly #face: ChainStore;
  readonly #onFreed: FreedListener;

  /**
   * @param face what everybody else reads the store through
   * @param onFreed told at the end
   */
  constructor(face: ChainStore, onFreed: FreedListener) {
    this.#face = face;
    this.#onFreed = onFreed;
  }

  /**
   * Runs what moves the chain; all is shown and told once it has ended, well or not.
   * @param move is given whom to tell of the transactions that it sets free
   */
  async run<T>(move: (onFreed: FreedListener) => Promise<T>): Promise<T> {
    const release = this.#face.hold();
    let freed: readonly Transaction[] | undefined;
    try {
      return await move((transactions) => {
        // what is left later lay below what was left before
        freed = freed ? [...transactions, ...freed] : transactions;
      });
    } finally {
      release();
      if (freed) this.#onFreed(freed);
    }
  }
}
