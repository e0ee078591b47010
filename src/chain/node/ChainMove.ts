import type { Transaction } from '../codec/transaction.js';
import type { ChainStore } from '../store/ChainStore.js';

/** Told which transactions are in no block now, or may not be, parents before children. */
export type FreedListener = (transactions: readonly Transaction[]) => void;

/**
 * Told the same at the end of a move, with what shows the new chain to everybody.
 * @throws nothing but what the store can't go on after
 */
export type MovedListener = (
  transactions: readonly Transaction[],
  show: () => void,
) => Promise<void>;

/**
 * Has the chain moved in many turns of the event loop while everybody else sees it as it was: a reorganisation is
 * connected block by block, but nobody meets it half-way.
 */
export class ChainMove {
  readonly #face: ChainStore;
  readonly #onMoved: MovedListener;

  /**
   * @param face what everybody else reads the store through
   * @param onMoved told at the end if transactions were set free; it may take many turns, too, and shows the new chain
   */
  constructor(face: ChainStore, onMoved: MovedListener) {
    this.#face = face;
    this.#onMoved = onMoved;
  }

  /**
   * Runs what moves the chain; all is shown and told once it has ended, well or not.
   * @param move is given whom to tell of the transactions that it sets free
   */
  async run<T>(move: (onFreed: FreedListener) => Promise<T>): Promise<T> {
    const release = this.#face.hold();
    let isShown = false;
    const show = (): void => {
      if (!isShown) release();
      isShown = true;
    };
    let freed: readonly Transaction[] | undefined;
    try {
      return await move((transactions) => {
        // what is left later lay below what was left before
        freed = freed ? [...transactions, ...freed] : transactions;
      });
    } finally {
      try {
        if (freed) await this.#onMoved(freed, show);
      } finally {
        show();
      }
    }
  }
}
