import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { BitmodelError, type Deferred, deferred } from '../../base/index.js';
import type { KeepReply, KeepRequest } from './keeperThread.js';

/** A piece to be checked and written. */
export interface PieceToKeep {
  /** The bytes; they are gone from this thread afterwards when they fill their buffer, but for a few. */
  readonly bytes: Uint8Array;
  /** Open file that they belong into, and where. */
  readonly descriptor: number;
  readonly offset: number;
  /** The hash they must have, 32 bytes. */
  readonly hash: Uint8Array;
  readonly isWholeFile: boolean;
}

/** Threads beyond which the disk is the bound. */
const MOST_THREADS = 4;

/** Bytes of a buffer beside a piece that may go with it to another thread: the head of the frame it came in. */
const BESIDE = 64;

/** The bytes in a buffer that can change threads without a copy: that of a frame which nobody else uses. */
function movable(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = bytes;
  const isAlone = buffer instanceof ArrayBuffer && buffer.byteLength - length <= BESIDE;
  return isAlone ? new Uint8Array(buffer, byteOffset, length) : new Uint8Array(bytes);
}

/** Threads that check pieces against their hashes and write the right ones, so that the event loop only moves bytes. */
export class PieceKeeper {
  readonly #workers: Worker[];
  readonly #waiting = new Map<number, Deferred<boolean>>();
  #next = 0;
  #closed = false;

  /** @param threads all cores but one unless stated, at most 4 */
  constructor(threads = Math.max(1, Math.min(MOST_THREADS, availableParallelism() - 1))) {
    this.#workers = Array.from({ length: threads }, () => this.#start());
  }

  /** Pieces that are not checked yet. */
  get pending(): number {
    return this.#waiting.size;
  }

  /**
   * Checks a piece, and writes it if it is right.
   * @returns false when it does not have its hash; nothing is written then
   * @throws BitmodelError `DISK_FULL`, `WRITE_FAILED`, `KEEPER_CLOSED`
   */
  keep({ bytes, hash, ...where }: PieceToKeep): Promise<boolean> {
    if (this.#closed) return Promise.reject(closedError());
    const number = this.#next++;
    const done = deferred<boolean>();
    this.#waiting.set(number, done);
    const moved = movable(bytes);
    // a view would take all hashes of the file along
    const request: KeepRequest = { ...where, number, bytes: moved, hash: hash.slice() };
    this.#workers[number % this.#workers.length]!.postMessage(request, [moved.buffer]);
    return done.promise;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
    this.#fail(closedError());
  }

  #start(): Worker {
    const worker = new Worker(new URL('./keeperThread.js', import.meta.url));
    worker.unref();
    worker.on('message', (reply: KeepReply) => {
      const done = this.#waiting.get(reply.number);
      this.#waiting.delete(reply.number);
      if (reply.failure === undefined) done?.resolve(reply.isRight);
      else done?.reject(writeError(reply.failure));
    });
    worker.on('error', (thrown) => this.#fail(thrown));
    return worker;
  }

  #fail(thrown: unknown): void {
    for (const done of this.#waiting.values()) done.reject(thrown);
    this.#waiting.clear();
  }
}

function closedError(): BitmodelError {
  return new BitmodelError('KEEPER_CLOSED', 'Nothing more is written: the node is ending.', {
    next: 'Start the node again; the download goes on from where it was',
  });
}

/** The error of a write that failed; what was written before stays good. */
export function writeError({ code, message }: { code?: string; message: string }): BitmodelError {
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new BitmodelError('DISK_FULL', 'The disk is full; the pieces that are there are kept.', {
      next: 'Free some space and pull again; it goes on from where it was',
    });
  }
  return new BitmodelError('WRITE_FAILED', `A piece could not be written: ${message}.`, {
    next: 'Check the disk and its permissions, then pull again; it goes on from where it was',
  });
}
