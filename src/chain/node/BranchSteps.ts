import { setImmediate } from 'node:timers/promises';
import type { Transaction } from '../codec/transaction.js';
import { RejectError } from '../consensus/RejectError.js';
import type { ChainStore } from '../store/ChainStore.js';
import type { HeaderRecord } from '../store/records.js';
import { BlockLot, MOST_OF_A_LOT } from './BlockLot.js';
import type { Branches } from './Branches.js';
import { batchEnd, checkedBlock, writingTime } from './connecting.js';
import { FreedTransactions } from './FreedTransactions.js';

/** Most small blocks that are connected, or left, in one transaction of the store. */
const MOST_BLOCKS = 32;

/**
 * The way from one branch to another, in many transactions of the store, between which others have their turn. Small
 * blocks share one: what a transaction writes anew can't be used again while the old chain is still shown, and were each
 * alone, the file would grow by about 90 kB a block.
 */
export class BranchSteps {
  readonly #store: ChainStore;
  readonly #branches: Branches;

  constructor(store: ChainStore, branches: Branches) {
    this.#store = store;
    this.#branches = branches;
  }

  /** Disconnects down to a height. Returns the transactions set free that are worth another try. */
  async leave(height: number): Promise<Transaction[]> {
    const freed = new FreedTransactions();
    while (this.#store.tip().height > height) {
      this.#store.transaction(() => this.#leaveSome(height, freed));
      await setImmediate();
    }
    return freed.inOrder();
  }

  /** Disconnects the tip, and what is below it down to a height, as far as that is soon done. */
  #leaveSome(height: number, freed: FreedTransactions): void {
    const lot = new BlockLot();
    for (let count = 0; count < MOST_BLOCKS; count++) {
      const tip = this.#store.tip();
      if (tip.height === height || (count > 0 && !lot.hasRoomFor(tip.size))) return;
      const block = this.#store.disconnect();
      freed.add(block);
      if (!lot.takes(block, tip.size)) return;
    }
  }

  /** Connects kept blocks that stand on the tip. @throws RejectError of one that breaks a rule: it is marked */
  async connect(path: readonly HeaderRecord[]): Promise<void> {
    for (let at = 0; at < path.length; ) {
      const end = batchEnd(path, at, { blocks: MOST_BLOCKS, bytes: MOST_OF_A_LOT.bytes });
      const together = this.#connectTogether(path.slice(at, end));
      at += together ?? 0;
      if (together === 0) await this.#connectAlone(path.slice(at++));
      // one by one the bad one is found
      if (together === undefined) while (at < end) await this.#connectAlone(path.slice(at++));
      await setImmediate();
    }
  }

  /** Connects small blocks in one transaction; returns how many, and undefined when one of them breaks a rule. */
  #connectTogether(blocks: readonly HeaderRecord[]): number | undefined {
    // one alone may be large
    if (blocks.length === 1) return 0;
    try {
      return this.#store.transaction(() => this.#branches.connectAll(blocks));
    } catch (thrown) {
      if (thrown instanceof RejectError) return undefined;
      throw thrown;
    }
  }

  /** Connects the first block of a path; if that breaks a rule, it is marked, with all above it. */
  async #connectAlone(path: readonly HeaderRecord[]): Promise<void> {
    try {
      await this.#connectInTurns(path[0]!);
    } catch (thrown) {
      this.#branches.mark(path, thrown);
      throw thrown;
    }
  }

  /** Connects a kept block in a transaction of its own. Decoding it, running its scripts and writing it are turns each. */
  async #connectInTurns(entry: HeaderRecord): Promise<void> {
    const store = this.#store;
    const checked = checkedBlock(store, entry);
    await setImmediate();
    // what was connected before has no scripts to run
    const prepared =
      entry.status === 'valid' ? undefined : this.#branches.prepare(entry.height, checked);
    await prepared?.scripts.share(writingTime(checked.block));
    store.transaction(() => this.#branches.connect(entry, checked, prepared));
  }
}
