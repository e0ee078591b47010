import { closeSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { BitmodelError } from '../../base/index.js';
import { type Fill, runSlice, type Slice, sliceSize, slicesOf } from './fill.js';
import type { Made } from './graph/GraphBuilder.js';

/** Who is told how far it is, and who can end it. */
export interface FillProgress {
  /** Called now and then with the weights written and all there are. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the thread of {@link Filler} says of a slice. */
export type SliceReply =
  | { readonly done: true }
  | {
      readonly code: string;
      readonly message: string;
      readonly next?: string | undefined;
      /** Of an error of the file system. */
      readonly syscall?: string | undefined;
    };

/** Models with fewer weights are done before a thread has started. */
const WORTH_THREADS = 1 << 23;
const MOST_THREADS = 8;

/** A thread that computes one slice at a time. */
class Filler {
  readonly #worker: Worker;
  #settle: ((reply: SliceReply) => void) | undefined;

  constructor(path: string) {
    this.#worker = new Worker(new URL('./fillThread.js', import.meta.url), {
      workerData: path,
      // flags of the process may be such as a thread refuses
      execArgv: [],
    });
    this.#worker.on('message', (reply: SliceReply) => this.#settle?.(reply));
    this.#worker.on('error', ({ message }) =>
      this.#settle?.({ code: 'IMPORT_FAILED', message: `${message}.` }),
    );
  }

  async run(slice: Slice): Promise<void> {
    const reply = await new Promise<SliceReply>((resolve) => {
      this.#settle = resolve;
      this.#worker.postMessage(slice);
    });
    if ('done' in reply) return;
    const { code, message, syscall } = reply;
    if (syscall !== undefined) throw Object.assign(new Error(message), { code, syscall });
    throw new BitmodelError(code, message, reply.next ? { next: reply.next } : {});
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Runs all slices, each by whoever is free. */
async function share(
  slices: readonly Slice[],
  runners: readonly ((slice: Slice) => Promise<void>)[],
  { onProgress, signal }: FillProgress,
): Promise<void> {
  const total = slices.reduce((sum, slice) => sum + sliceSize(slice), 0);
  let next = 0;
  let done = 0;
  let failed = false;
  const work = async (run: (slice: Slice) => Promise<void>): Promise<void> => {
    while (next < slices.length && !failed) {
      const slice = slices[next++]!;
      try {
        signal?.throwIfAborted();
        await run(slice);
      } catch (thrown) {
        failed = true;
        throw thrown;
      }
      done += sliceSize(slice);
      onProgress?.(done, total);
    }
  };
  const ended = await Promise.allSettled(runners.map(work));
  for (const result of ended) if (result.status === 'rejected') throw result.reason;
}

/**
 * Writes a file of external data: what was made as it is, what is to be read in slices, on as many cores as there are. At no
 * time more than a slice for each core is in memory.
 * @param bytes of the whole file
 * @throws BitmodelError `BAD_WEIGHTS`, `BAD_SAFETENSORS`; an `AbortError`; the error of the file system
 */
export async function fillFile(
  path: string,
  bytes: number,
  made: readonly Made[],
  fills: readonly Fill[],
  progress: FillProgress,
): Promise<void> {
  const file = openSync(path, 'wx');
  const slices = fills.flatMap((fill) => [...slicesOf(fill)]);
  const numbers = slices.reduce((sum, slice) => sum + sliceSize(slice), 0);
  const count = numbers < WORTH_THREADS ? 0 : Math.min(availableParallelism(), MOST_THREADS);
  const fillers = Array.from({ length: count }, () => new Filler(path));
  try {
    ftruncateSync(file, bytes);
    for (const { data, offset } of made) {
      for (let at = 0; at < data.length; ) {
        at += writeSync(file, data, at, data.length - at, offset + at);
      }
    }
    const here = async (slice: Slice): Promise<void> => {
      runSlice(file, slice);
      await new Promise((resolve) => setImmediate(resolve));
    };
    const runners = fillers.map((filler) => (slice: Slice) => filler.run(slice));
    await share(slices, runners.length > 0 ? runners : [here], progress);
    fsyncSync(file);
  } finally {
    await Promise.all(fillers.map((filler) => filler.close()));
    closeSync(file);
  }
}
