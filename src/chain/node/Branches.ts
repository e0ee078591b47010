import { BitmodelError } from '../../base/index.js';
import type { Transaction } from '../codec/transaction.js';
import type { CheckedBlock } from '../consensus/blockRules.js';
import { type ConnectableBlock, checkConnection } from '../consensus/connect.js';
import type { HeaderEntry } from '../consensus/headers.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import { RejectError, rejectBlock } from '../consensus/RejectError.js';
import type { BlockScripts, ScriptVerifier } from '../consensus/ScriptVerifier.js';
import type { ChainStore } from '../store/ChainStore.js';
import { endsStore } from '../store/damage.js';
import type { HeaderRecord } from '../store/records.js';
import { BlockLot } from './BlockLot.js';
import { BranchSteps } from './BranchSteps.js';
import { checkedBlock, connectContext, type PreparedBlock } from './connecting.js';
import { FreedTransactions } from './FreedTransactions.js';

/** Connects blocks to the active chain, and moves it from one branch to another. */
export class Branches {
  readonly #store: ChainStore;
  readonly #parameters: NetworkParameters;
  readonly #scripts: ScriptVerifier;
  readonly #steps: BranchSteps;

  constructor(store: ChainStore, parameters: NetworkParameters, scripts: ScriptVerifier) {
    this.#store = store;
    this.#parameters = parameters;
    this.#scripts = scripts;
    this.#steps = new BranchSteps(store, this);
  }

  /**
   * Checks a block against the coins of the tip that it is built on, and begins with its scripts. Changes nothing.
   * @throws RejectError
   */
  prepare(height: number, checked: CheckedBlock): PreparedBlock {
    const connectable = this.#check(height, checked);
    return { connectable, scripts: this.#begin([connectable]) };
  }

  /**
   * Checks a kept block against the coins below it and makes it the tip; within a transaction of the store.
   * @param prepared what {@link prepare} made of it upon the same tip
   */
  connect(entry: HeaderRecord, checked: CheckedBlock, prepared?: PreparedBlock): void {
    const connectable = prepared?.connectable ?? this.#check(entry.height, checked);
    // a block that was connected once had the same transactions and coins then
    const isKnown = entry.status === 'valid';
    const scripts = prepared?.scripts ?? (isKnown ? undefined : this.#begin([connectable]));
    // written while other threads run the scripts; the transaction of the store takes it back if one fails
    this.#store.connect(entry, connectable);
    scripts?.finish();
  }

  /**
   * Checks a block that is not kept against the coins of the tip, keeps it and makes it the tip; within a transaction of
   * the store.
   * @param prepared as in {@link connect}
   * @throws RejectError
   */
  append(entry: HeaderEntry, checked: CheckedBlock, prepared?: PreparedBlock): void {
    const { connectable, scripts } = prepared ?? this.prepare(entry.height, checked);
    this.#store.append(entry, connectable);
    scripts.finish();
  }

  /**
   * {@link append} of blocks that stand on each other: the scripts of all of them run together.
   * @throws RejectError of whichever breaks a rule
   */
  appendAll(blocks: readonly (readonly [HeaderEntry, CheckedBlock])[]): void {
    const connectables = blocks.map(([entry, checked]) => {
      const connectable = this.#check(entry.height, checked);
      this.#store.append(entry, connectable);
      return connectable;
    });
    this.#begin(connectables).finish();
  }

  /**
   * {@link connect} of kept blocks that stand on each other, as many as are soon connected: the scripts of all of them run
   * together. Returns how many.
   * @throws RejectError of whichever breaks a rule
   */
  connectAll(path: readonly HeaderRecord[]): number {
    const unchecked: ConnectableBlock[] = [];
    const lot = new BlockLot();
    let count = 0;
    for (const entry of path) {
      const checked = checkedBlock(this.#store, entry);
      if (!lot.takes(checked.block, entry.size)) break;
      const connectable = this.#check(entry.height, checked);
      this.#store.connect(entry, connectable);
      if (entry.status !== 'valid') unchecked.push(connectable);
      count++;
    }
    this.#begin(unchecked).finish();
    return count;
  }

  #check(height: number, checked: CheckedBlock): ConnectableBlock {
    return checkConnection(checked, connectContext(this.#store, this.#parameters, height));
  }

  #begin(connectables: readonly ConnectableBlock[]): BlockScripts {
    return this.#scripts.beginBlocks(
      connectables.map((each) => ({ ...each, transactions: each.block.transactions })),
    );
  }

  /**
   * Whether a block could be connected to the tip. Nothing of it stays.
   * @throws RejectError
   */
  tryConnect(entry: HeaderEntry, checked: CheckedBlock): void {
    const takeBack = new Error('this block was only tried');
    try {
      this.#store.transaction(() => {
        this.append(entry, checked);
        throw takeBack;
      });
    } catch (thrown) {
      if (thrown !== takeBack) throw thrown;
    }
  }

  /**
   * Makes the branch that ends in `target` the active chain; others have their turn at every large block, while its
   * scripts run, and at every few small ones. Whatever goes wrong brings the old chain back, but for a store that can't be
   * used any more: there the node ends, and its next start goes on.
   * @param onFreed told in any other case which transactions are in no block now, or may not be, parents before children
   * @throws RejectError of an invalid block
   * @throws BitmodelError `REORG_PRUNED`, `SCRIPT_THREAD_FAILED`
   */
  async activate(
    target: HeaderRecord,
    onFreed: (transactions: readonly Transaction[]) => void,
  ): Promise<void> {
    const oldTip = this.#store.tip();
    const path = this.pathTo(target);
    const fork = path[0]!.height - 1;
    this.demandUndoable(fork);
    const freed = await this.#steps.leave(fork);
    try {
      await this.#steps.connect(path);
    } catch (thrown) {
      if (endsStore(thrown)) throw thrown;
      await this.#steps.leave(fork);
      await this.#steps.connect(this.pathTo(oldTip));
      onFreed(freed);
      throw thrown;
    }
    onFreed(freed);
  }

  /**
   * Makes the branch with the most work the active chain.
   * @param onFreed as in {@link activate}
   */
  async activateBest(onFreed: (transactions: readonly Transaction[]) => void): Promise<void> {
    for (let best = this.bestInactive(); best; best = this.bestInactive()) {
      try {
        await this.activate(best, onFreed);
      } catch (thrown) {
        // the block is marked invalid: the next best is another
        if (!(thrown instanceof RejectError)) throw thrown;
      }
    }
  }

  /** The kept block with the most work, if that is more than the tip's and the way there is not pruned. */
  bestInactive(): HeaderRecord | undefined {
    for (;;) {
      try {
        return this.#firstReachable();
      } catch (thrown) {
        // a branch upon an invalid block: it is marked now, and so no candidate any more
        if (!(thrown instanceof RejectError)) throw thrown;
      }
    }
  }

  #firstReachable(): HeaderRecord | undefined {
    const tip = this.#store.tip();
    for (const entry of this.#store.inactive()) {
      if (entry.work <= tip.work) return undefined;
      if (entry.status === 'refused') continue;
      const fork = this.pathTo(entry)[0]!.height - 1;
      if (fork >= this.#lowestUndoable()) return entry;
    }
    return undefined;
  }

  /**
   * Connects a part of a path in one transaction; returns where it ends. A single block that breaks a rule is marked,
   * with all above it.
   */
  connectBatch(path: readonly HeaderRecord[], from: number, to: number): number {
    const store = this.#store;
    try {
      store.transaction(() => {
        for (const entry of path.slice(from, to)) this.connect(entry, checkedBlock(store, entry));
      });
    } catch (thrown) {
      if (to - from === 1) this.mark(path.slice(from), thrown);
      throw thrown;
    }
    return to;
  }

  /** Marks the first block of a path, and all above it, when it is what breaks a rule. */
  mark(path: readonly HeaderRecord[], thrown: unknown): void {
    if (!(thrown instanceof RejectError)) return;
    if (path[0]) thrown.noteBlock(path[0].hash);
    this.#store.transaction(() => {
      for (const entry of path) this.#store.markInvalid(entry);
    });
  }

  /** Headers from above the active chain up to `target`. @throws RejectError when one of them is invalid */
  pathTo(target: HeaderRecord): HeaderRecord[] {
    const path: HeaderRecord[] = [];
    for (let at: HeaderRecord | undefined = target; !at || !this.#store.isActive(at); ) {
      if (!at || at.status === 'invalid') return this.#refuse(path, at !== undefined);
      path.push(at);
      at = this.#store.parent(at);
    }
    return path.reverse();
  }

  /** A path whose lower end turned out invalid, or was forgotten, on another branch. */
  #refuse(path: readonly HeaderRecord[], invalid: boolean): never {
    this.#store.transaction(() => {
      for (const entry of path) {
        if (invalid) this.#store.markInvalid(entry);
        else this.#store.forget(entry, false);
      }
    });
    throw rejectBlock('bad-prevblk');
  }

  #lowestUndoable(): number {
    const height = this.#store.marks.pruneHeight;
    return height === undefined ? 0 : height - 1;
  }

  /** @throws BitmodelError `REORG_PRUNED` when the chain can't be taken back to a height */
  demandUndoable(fork: number): void {
    if (fork >= this.#lowestUndoable()) return;
    throw new BitmodelError(
      'REORG_PRUNED',
      `A branch with more work leaves the chain at height ${fork}, whose blocks were pruned.`,
      { next: 'Move the folder of this network away and fetch the chain anew' },
    );
  }

  /** Disconnects down to a height. Returns the transactions set free that are worth another try. */
  disconnectTo(height: number): Transaction[] {
    const freed = new FreedTransactions();
    while (this.#store.tip().height > height) {
      freed.add(this.#store.transaction(() => this.#store.disconnect()));
    }
    return freed.inOrder();
  }
}
