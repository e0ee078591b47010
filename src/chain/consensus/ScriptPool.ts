import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { BitmodelError, messageOf } from '../../base/index.js';
import type { SignatureCache } from '../script/SignatureCache.js';
import type { ScriptJob, ScriptJobMemory } from './ScriptJob.js';

/** What a thread is given when it starts. */
export interface ScriptWorkerData {
  readonly cache: SharedArrayBuffer;
}

/** What a thread is told of a job. */
export interface ScriptWorkerRequest {
  readonly memory: ScriptJobMemory;
  readonly limit: number;
}

/** Milliseconds without progress after which the main thread goes on alone. */
const PATIENCE = 1_000;

/** The threads that run scripts beside the main one. They start with the first job, and don't keep the process alive. */
export class ScriptPool {
  readonly #cache: SignatureCache;
  readonly #size: number;
  readonly #workers = new Set<Worker>();
  #failure: unknown;
  #closed = false;

  /** @param size threads beside the main one */
  constructor(size: number, cache: SignatureCache) {
    this.#size = size;
    this.#cache = cache;
  }

  /** Has the other threads begin with a job; this one goes on with what it does. */
  begin(job: ScriptJob, limit: number): void {
    while (!this.#closed && this.#workers.size < this.#size) this.#start();
    for (const worker of this.#workers) {
      worker.postMessage({ memory: job.memory, limit } satisfies ScriptWorkerRequest);
    }
  }

  /**
   * Joins a job on this thread, a millisecond at a time between which others have their turn, until what is left is done
   * about as fast as something else that can be done meanwhile, or until nothing happens for a second.
   * @param meanwhile milliseconds that this thread will be busy with that
   */
  async share(job: ScriptJob, meanwhile: number): Promise<void> {
    const threads = this.#workers.size;
    const begun = performance.now();
    let progress = { done: -1, at: begun };
    while (job.workChunk(this.#cache.check)) {
      await setImmediate();
      const perInput = (performance.now() - begun) / job.done;
      // without this thread the others take longer
      const left = (job.inputs - job.done) * perInput * ((threads + 1) / threads);
      if (threads > 0 && left <= meanwhile) return;
    }
    while (!job.isSettled) {
      const now = performance.now();
      if (job.done !== progress.done) progress = { done: job.done, at: now };
      if (now - progress.at > PATIENCE) return;
      await delay(1);
    }
  }

  /**
   * Joins a job on this thread and waits for the others. Those that die without a word leave inputs that have not passed.
   * @throws BitmodelError `SCRIPT_THREAD_FAILED` when a thread met an error that is none of a script
   */
  finish(job: ScriptJob): void {
    job.work(this.#cache.check);
    job.wait(PATIENCE);
    if (!job.broken) return;
    throw new BitmodelError(
      'SCRIPT_THREAD_FAILED',
      `A thread that checks scripts has failed${this.#failure ? `: ${messageOf(this.#failure)}` : ''}.`,
      { next: 'Submit the block again, or start the node with --par 1', cause: this.#failure },
    );
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#workers].map((worker) => worker.terminate()));
  }

  #start(): void {
    const worker = new Worker(new URL('./scriptWorker.js', import.meta.url), {
      workerData: { cache: this.#cache.memory } satisfies ScriptWorkerData,
    });
    this.#workers.add(worker);
    worker.unref();
    worker.on('error', (thrown) => {
      this.#failure = thrown;
    });
    // the next job starts another in its place
    worker.on('exit', () => this.#workers.delete(worker));
  }
}
