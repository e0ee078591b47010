import { Worker } from 'node:worker_threads';
import { BitmodelError } from '../../base/index.js';
import type { MinerThreadData, Work, WorkResult } from './minerThread.js';

/** How many threads search, and who is told of what they find. */
export interface MinerThreadsOptions {
  readonly count: number;
  /** Told of each search that came to its end; of work that was taken back nothing is heard. */
  readonly onResult: (index: number, result: WorkResult) => void;
  /** Told when a thread ends by itself. */
  readonly onFailure: (error: BitmodelError) => void;
}

/** Threads that search nonces, each its own header. */
export class MinerThreads {
  readonly #numbers: Int32Array;
  readonly #workers: readonly Worker[];
  readonly #ended: Promise<unknown>;
  #closing = false;

  constructor({ count, onResult, onFailure }: MinerThreadsOptions) {
    const shared = new SharedArrayBuffer(4 * (1 + count));
    this.#numbers = new Int32Array(shared);
    this.#workers = Array.from({ length: count }, (_, index) => {
      const worker = new Worker(new URL('./minerThread.js', import.meta.url), {
        workerData: { shared, index } satisfies MinerThreadData,
      });
      worker.on('message', (result: WorkResult) => onResult(index, result));
      worker.on('error', (cause) => {
        const message = `A mining thread ended: ${cause.message}.`;
        if (!this.#closing) onFailure(new BitmodelError('MINER_FAILED', message, { cause }));
      });
      return worker;
    });
    this.#ended = Promise.all(
      this.#workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve))),
    );
  }

  get count(): number {
    return this.#workers.length;
  }

  /** Takes all work back and begins a new round. Returns its number, which the new work must carry. */
  nextRound(): number {
    return (Atomics.add(this.#numbers, 0, 1) + 1) | 0;
  }

  /** Gives a thread a header to search. */
  give(index: number, work: Work): void {
    this.#workers[index]!.postMessage(work);
  }

  /** How many nonces were tried since it was asked last. */
  takeTried(): number {
    let tried = 0;
    for (let index = 1; index < this.#numbers.length; index++) {
      tried += Atomics.exchange(this.#numbers, index, 0) >>> 0;
    }
    return tried;
  }

  /** Lets every thread come to its end. */
  async close(): Promise<void> {
    this.#closing = true;
    this.nextRound();
    for (const worker of this.#workers) worker.postMessage(undefined);
    await this.#ended;
  }
}
