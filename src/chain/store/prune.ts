import type { ChainStore } from './ChainStore.js';
import { tableBytes } from './tables.js';

/** So many blocks below the tip are always kept whole: no reorganisation is deeper (MIN_BLOCKS_TO_KEEP in Bitcoin Core). */
export const KEPT_BLOCKS = 288;

/** Blocks dropped in one transaction. */
const BATCH = 16;
/** Blocks between two looks at the size. */
const PAUSE = 16;

/** Bytes of the pages that hold blocks and what undoes them. */
export function bodyBytes(store: ChainStore): number {
  return tableBytes(store.tables.blocks) + tableBytes(store.tables.undo);
}

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
    const before = this.#store.marks.pruneHeight ?? 0;
    const limit = tip.height - KEPT_BLOCKS;
    let height = before;
    while (height < limit && bodyBytes(this.#store) > this.target) {
      const from = height;
      height = Math.min(from + BATCH, limit);
      this.#store.transaction(() => this.#store.dropBodies(from, height));
    }
    this.#next = tip.height + PAUSE;
  }
}
