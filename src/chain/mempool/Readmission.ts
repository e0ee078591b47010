import { setImmediate } from 'node:timers/promises';
import type { Transaction } from '../codec/transaction.js';
import { RejectError } from '../consensus/RejectError.js';
import { type AdmitContext, admit } from './admit.js';
import type { MempoolEntry } from './entry.js';
import { Mempool } from './Mempool.js';

/** What is tried in one turn: so many, unless it takes more milliseconds. */
const MOST = 100;
const SLICE = 20;

/**
 * Finds what of a mempool holds on another chain. That is put into a mempool of its own, in many turns, while the first
 * one goes on: what comes to it meanwhile is tried as well, and what goes from it goes here, too.
 */
export class Readmission {
  /** What holds on the other chain. */
  readonly mempool = new Mempool();
  /** What waited and is in a block of the other chain. */
  readonly confirmed: MempoolEntry[] = [];
  /** What waited and is not valid there, or was replaced. */
  readonly left: MempoolEntry[] = [];
  readonly #current: Mempool;
  readonly #context: AdmitContext;

  /** @param context of the other chain */
  constructor(current: Mempool, context: Omit<AdmitContext, 'mempool' | 'anyFee'>) {
    this.#current = current;
    this.#context = { ...context, mempool: this.mempool, anyFee: true };
  }

  /**
   * Tries all of them.
   * @param freed what the blocks held that were left, parents before children
   * @param onEnd called in the turn in which nothing is left to try
   */
  async run(freed: readonly Transaction[], onEnd: () => void): Promise<void> {
    for (const [hash, delta] of this.#current.deltas()) this.mempool.prioritise(hash, delta);
    this.#current.onGone = ({ hash }) => this.#remove(hash);
    try {
      let began = performance.now();
      let tried = 0;
      for (const readmit of this.#steps(freed)) {
        readmit();
        if (++tried < MOST && performance.now() - began < SLICE) continue;
        await setImmediate();
        began = performance.now();
        tried = 0;
      }
      this.#current.onGone = undefined;
      onEnd();
    } finally {
      this.#current.onGone = undefined;
    }
  }

  *#steps(freed: readonly Transaction[]): Generator<() => void> {
    for (const transaction of freed) yield () => this.#readmit(transaction);
    // a map that grows while it is walked has what was added at its end
    for (const entry of this.#current.entries()) {
      yield () => this.#readmit(entry.transaction, entry);
    }
  }

  #readmit(transaction: Transaction, before?: MempoolEntry): void {
    try {
      const { entry, replaced } = admit(transaction, this.#context);
      for (const each of replaced) this.left.push(...this.#remove(each.hash));
      const { time, height } = before ?? entry;
      this.mempool.add({ ...entry, time, height });
    } catch (thrown) {
      // no longer valid, or in a block of the other chain
      if (!(thrown instanceof RejectError)) throw thrown;
      if (!before) return;
      const isConfirmed = this.#context.store.hasTransaction(before.hash);
      (isConfirmed ? this.confirmed : this.left).push(before);
    }
  }

  #remove(hash: Uint8Array): MempoolEntry[] {
    const entry = this.mempool.get(hash);
    return entry ? this.mempool.remove(entry) : [];
  }
}
