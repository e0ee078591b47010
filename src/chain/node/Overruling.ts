import { BitmodelError, equalBytes } from '../../base/index.js';
import type { ChainStore } from '../store/ChainStore.js';
import type { BlockStatus, HeaderRecord } from '../store/records.js';
import type { Branches } from './Branches.js';
import type { ChainMove, FreedListener } from './ChainMove.js';
import type { TurnQueue } from './TurnQueue.js';

/** What overruling the choice of a branch stands on. */
export interface OverrulingOptions {
  readonly store: ChainStore;
  readonly branches: Branches;
  /** What the chain is moved within. */
  readonly moves: ChainMove;
  /** Where it waits for its turn among the blocks that come. */
  readonly turns: TurnQueue;
  /** Told when the tip has changed. */
  readonly onTip: () => void;
}

/**
 * The operator's word against the rule that most work wins: a block is refused as if it broke a rule, taken up again, or
 * preferred to others with as much work. A refused block stays kept; `--reindex` forgets that it was refused.
 */
export class Overruling {
  readonly #options: OverrulingOptions;

  constructor(options: OverrulingOptions) {
    this.#options = options;
  }

  /**
   * Refuses a block and all that is built on it, and goes to the best branch without it.
   * @throws BitmodelError `GENESIS_REFUSED`; `REORG_PRUNED` when what is below it can't be gone back to
   */
  async refuse({ hash, height }: HeaderRecord): Promise<void> {
    if (height === 0) {
      throw new BitmodelError(
        'GENESIS_REFUSED',
        'The genesis block of a chain cannot be refused.',
        {
          next: 'Choose a block above it',
        },
      );
    }
    await this.#move(hash, async (entry, onFreed) => {
      const { store, branches } = this.#options;
      const isActive = store.isActive(entry);
      if (isActive) branches.demandUndoable(entry.height - 1);
      // in one transaction, so that no kill leaves a refused block on the active chain
      const freed = store.transaction(() => {
        const transactions = isActive ? branches.disconnectTo(entry.height - 1) : [];
        for (const each of this.#family(entry)) store.setStatus(each, 'refused');
        // a block that has not come yet is in no family
        if (entry.status === 'header') store.setStatus(entry, 'refused');
        return transactions;
      });
      if (isActive) onFreed(freed);
      await branches.activateBest(onFreed);
    });
  }

  /** Takes a refused block up again, with what is below and above it, and goes to the branch with the most work. */
  async reconsider({ hash }: HeaderRecord): Promise<void> {
    await this.#move(hash, async (entry, onFreed) => {
      const { store, branches } = this.#options;
      store.transaction(() => {
        for (const each of [...this.#family(entry), ...this.#refusedBelow(entry)]) {
          if (each.status === 'refused') store.setStatus(each, statusBefore(each));
        }
        if (entry.status === 'refused') store.setStatus(entry, statusBefore(entry));
      });
      await branches.activateBest(onFreed);
    });
  }

  /**
   * Goes to a block that has as much work as the tip.
   * @throws RejectError when it, or one below it, breaks a rule
   */
  async prefer({ hash }: HeaderRecord): Promise<void> {
    await this.#move(hash, async (entry, onFreed) => {
      const { store, branches } = this.#options;
      const isKept = entry.status === 'valid' || entry.status === 'unchecked';
      if (store.isActive(entry) || !isKept || entry.work < store.tip().work) return;
      await branches.activate(entry, onFreed);
    });
  }

  /** Moves the chain when it is its turn, and tells of the tip if that was moved, whatever goes wrong. */
  #move(
    hash: Uint8Array,
    move: (entry: HeaderRecord, onFreed: FreedListener) => Promise<void>,
  ): Promise<void> {
    const { store, moves, turns, onTip } = this.#options;
    return turns.run(async () => {
      const before = store.tip();
      try {
        // as it is now: it may have waited
        await moves.run((onFreed) => move(store.header(hash)!, onFreed));
      } finally {
        if (!equalBytes(store.tip().hash, before.hash)) onTip();
      }
    });
  }

  /** A block off the active chain, and those that are built on it. */
  #family(entry: HeaderRecord): HeaderRecord[] {
    const { store } = this.#options;
    return [...store.inactive()].filter(
      (each) =>
        each.height >= entry.height &&
        equalBytes(store.ancestor(each, entry.height).hash, entry.hash),
    );
  }

  #refusedBelow(entry: HeaderRecord): HeaderRecord[] {
    const { store } = this.#options;
    const below: HeaderRecord[] = [];
    let at = store.parent(entry);
    for (; at?.status === 'refused'; at = store.parent(at)) below.push(at);
    return below;
  }
}

/** What a refused block is when it is refused no more: it may never have come. */
function statusBefore({ transactionCount }: HeaderRecord): BlockStatus {
  return transactionCount === 0 ? 'header' : 'unchecked';
}
