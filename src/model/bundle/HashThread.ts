import { Worker } from 'node:worker_threads';
import { BitmodelError, type Deferred, deferred } from '../../base/index.js';
import type { Span } from './span.js';
import type { HashReply } from './spanThread.js';

type Hashes = readonly (readonly Uint8Array[])[];

/** A thread that reads and hashes parts of files; it answers in the order in which it is asked. */
export class HashThread {
  readonly #worker = new Worker(new URL('./spanThread.js', import.meta.url));
  readonly #waiting: Deferred<Hashes>[] = [];
  #failure: unknown;

  constructor() {
    this.#worker.on('message', ({ hashes, failure }: HashReply) => {
      const asked = this.#waiting.shift();
      if (failure === undefined) asked?.resolve(hashes!);
      else asked?.reject(new BitmodelError(failure.code, failure.message, failure));
    });
    this.#worker.on('error', (thrown) => this.#fail(thrown));
    this.#worker.on('exit', () => this.#fail(endedError()));
  }

  /**
   * Hashes of the pieces of each span.
   * @throws BitmodelError as `hashSpan`, `HASH_FAILED`
   */
  hash(spans: readonly Span[]): Promise<Hashes> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const asked = deferred<Hashes>();
    this.#waiting.push(asked);
    this.#worker.postMessage(spans);
    return asked.promise;
  }

  /** Ends the thread, in the middle of its work if it has any. */
  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #fail(thrown: unknown): void {
    this.#failure ??= thrown;
    for (const asked of this.#waiting.splice(0)) asked.reject(this.#failure);
  }
}

function endedError(): BitmodelError {
  return new BitmodelError('HASH_FAILED', 'The thread that reads files ended.', {
    next: 'Try again',
  });
}
