import { BitmodelError } from '../../base/index.js';

/** Has work that takes several turns of the event loop done one after the other. */
export class TurnQueue {
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  /**
   * Does a piece of work once all before it is done; what went wrong there is no matter here.
   * @throws BitmodelError `NODE_CLOSED` when the queue was closed before its turn
   */
  run<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(() => {
      if (!this.#closed) return work();
      throw new BitmodelError('NODE_CLOSED', 'The node was closed before it came to this.', {
        next: 'Start the node again',
      });
    });
    this.#last = mine.catch(() => {});
    return mine;
  }

  /** Settles once all that has its turn until now is done, or was refused. */
  async settled(): Promise<void> {
    await this.#last;
  }

  /** Lets what is under way end; what waits behind it is refused. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
  }
}
