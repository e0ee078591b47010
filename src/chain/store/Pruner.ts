import type { ChainStore } from './ChainStore.js';

/** So many blocks below the tip are always kept whole: no reorganisation is deeper (MIN_BLOCKS_TO_KEEP in Bitcoin Core). */
export const KEPT_BLOCKS = 288;

/** Blocks connected between two looks at the size, so that each look drops a few at once. */
const PAUSE = 16;

/** Keeps the bodies and undo data of the oldest blocks below a size; headers, unspent outputs and indexes stay. */
export class Pruner {
  /** Most bytes; undefined to keep everything. */
  readonly target: number | undefined;
  readonly #store: ChainStore;
  /** Height at which the size is looked at again. */
  #next = 0;

  constructor(store: ChainStore, target: number | undefined) {
    this.target = target;
    this.#store = store;
    this.afterBlock();
  }

  /**
   * Drops the oldest blocks until the rest fits, but none within {@link KEPT_BLOCKS} of the tip. LMDB's file does not
   * shrink: what is freed is used again.
   */
  afterBlock(): void {
    const tip = this.#store.tip();
    if (this.target === undefined || tip.height < this.#next) return;
    const lowest = this.#store.marks.pruneHeight ?? 0;
    const limit = tip.height - KEPT_BLOCKS;
    this.#store.transaction(() => {
      for (let height = lowest; height < limit && this.#isBeyond(); height++) {
        this.#store.dropBodies(height, height + 1);
      }
    });
    this.#next = tip.height + PAUSE;
  }

  #isBeyond(): boolean {
    return this.target !== undefined && this.#store.marks.bodyBytes > this.target;
  }
}
