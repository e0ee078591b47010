import { hashToId, type Transaction } from '../codec/transaction.js';
import { type CheckedBlock, checkBlock } from '../consensus/blockRules.js';
import { checkConnection } from '../consensus/connect.js';
import { medianTimePast } from '../consensus/headers.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import { RejectError } from '../consensus/reject.js';
import type { ScriptVerifier } from '../consensus/scripts.js';
import type { ChainStore } from '../store/ChainStore.js';
import type { HeaderRecord } from '../store/records.js';

/** Connects blocks to the active chain, and moves it from one branch to another. */
export class Branches {
  readonly #store: ChainStore;
  readonly #parameters: NetworkParameters;
  readonly #scripts: ScriptVerifier;

  constructor(store: ChainStore, parameters: NetworkParameters, scripts: ScriptVerifier) {
    this.#store = store;
    this.#parameters = parameters;
    this.#scripts = scripts;
  }

  /** Checks a kept block against the coins below it and makes it the tip; within a transaction of the store. */
  connect(entry: HeaderRecord, checked: CheckedBlock): void {
    const store = this.#store;
    const { transactions } = checked.block;
    const connectable = checkConnection(checked, {
      parameters: this.#parameters,
      height: entry.height,
      coins: store,
      hasTransaction: (hash) => store.hasTransaction(hash),
      medianTimeAt: (height) => medianTimePast(store.headerAt(height)!, store),
    });
    // a block that was connected once had the same transactions and coins then
    const scripts =
      entry.status === 'valid'
        ? undefined
        : this.#scripts.beginBlock({ ...connectable, transactions });
    // written while other threads run the scripts; the transaction of the store takes it back if one fails
    store.connect(entry, connectable);
    scripts?.finish();
  }

  /**
   * Makes the branch that ends in `target` the active chain. An invalid block on it brings the old chain back.
   * @param onFreed told in any case which transactions are in no block now, or may not be, parents before children
   * @throws RejectError of the invalid block
   */
  activate(target: HeaderRecord, onFreed: (transactions: readonly Transaction[]) => void): void {
    const oldTip = this.#store.tip();
    const path = this.#pathTo(target);
    const fork = path[0]!.height - 1;
    const freed = this.#disconnectTo(fork);
    try {
      this.#connectPath(path);
    } catch (thrown) {
      this.#disconnectTo(fork);
      this.#connectPath(this.#pathTo(oldTip));
      throw thrown;
    } finally {
      onFreed(freed);
    }
  }

  /** A kill in the middle of a reorganisation leaves a branch with more work than the tip's: goes on with it. */
  catchUp(): void {
    const refused = new Set<string>();
    for (;;) {
      let best = this.#store.tip();
      for (const entry of this.#store.headers()) {
        const fits = entry.status !== 'invalid' && entry.work > best.work;
        if (fits && !refused.has(hashToId(entry.hash))) best = entry;
      }
      if (this.#store.isActive(best)) return;
      try {
        this.activate(best, () => {});
      } catch (thrown) {
        if (!(thrown instanceof RejectError)) throw thrown;
        refused.add(hashToId(best.hash));
      }
    }
  }

  /** Headers from above the active chain up to `target`. */
  #pathTo(target: HeaderRecord): HeaderRecord[] {
    const path: HeaderRecord[] = [];
    for (let at = target; !this.#store.isActive(at); at = this.#store.parent(at)!) path.push(at);
    return path.reverse();
  }

  /** Disconnects down to a height. Returns the transactions set free. */
  #disconnectTo(height: number): Transaction[] {
    const freed: Transaction[][] = [];
    while (this.#store.tip().height > height) {
      const block = this.#store.transaction(() => this.#store.disconnect());
      freed.push(block.transactions.slice(1));
    }
    return freed.reverse().flat();
  }

  #connectPath(path: readonly HeaderRecord[]): void {
    const store = this.#store;
    path.forEach((entry, index) => {
      try {
        store.transaction(() => this.connect(entry, checkBlock(store.block(entry.hash)!)));
      } catch (thrown) {
        if (thrown instanceof RejectError) {
          store.transaction(() => {
            for (const above of path.slice(index)) store.markInvalid(above);
          });
        }
        throw thrown;
      }
    });
  }
}
