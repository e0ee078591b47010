import { lstatSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { HashThread } from './HashThread.js';
import { type FileTree, PIECE, treeOf } from './merkle.js';
import { hashSpan, type Span } from './span.js';
import { type FileStamp, stampOf } from './stamp.js';

/** A file to be hashed, as it was found. */
export interface FoundFile {
  /** Where it lies. */
  readonly path: string;
  readonly stamp: FileStamp;
}

/** How files are hashed, and who is told how far it is. */
export interface HashOptions {
  /** Called with the bytes hashed since the last call. */
  readonly onBytes?: (count: number) => void;
  readonly signal?: AbortSignal;
  /** Threads that read and hash: one per core unless stated, at most 8; 0 for this one, a little at a time. */
  readonly threads?: number;
}

/** Spans that are hashed in one go. */
interface Task {
  readonly spans: readonly Span[];
  /** Where the hashes of each go: number of its file, and of the span in it. */
  readonly places: readonly (readonly [file: number, slot: number])[];
  readonly bytes: number;
}

/** Threads beyond which the disk is the bound. */
const MOST_THREADS = 8;
/** Bytes below which starting threads takes about as long as they save. */
const WORTH_THREADS = 128 * PIECE;
/** Bytes of a task: long enough for the disk to read ahead, short enough that threads end together. */
const TASK = 16 * PIECE;
/** The same on the event loop's own thread, which has other things to do: some milliseconds. */
const SMALL_TASK = 4 * PIECE;
/** Most files of a task, however small. */
const TASK_FILES = 256;
/** Tasks that a thread has at once, so that it never waits for the next. */
const AHEAD = 2;

function* tasksOf(files: readonly FoundFile[], most: number): Generator<Task> {
  let task = { spans: [] as Span[], places: [] as [number, number][], bytes: 0 };
  for (const [file, { path, stamp }] of files.entries()) {
    // an empty file is opened as well: it may not be readable, or not empty any more
    for (let offset = 0; offset === 0 || offset < stamp.size; offset += most) {
      const length = Math.min(most, stamp.size - offset);
      if (task.spans.length === TASK_FILES || task.bytes + length > most) {
        yield task;
        task = { spans: [], places: [], bytes: 0 };
      }
      task.spans.push({ path, stamp, offset, length });
      task.places.push([file, offset / most]);
      task.bytes += length;
    }
  }
  if (task.spans.length > 0) yield task;
}

function defaultThreads(bytes: number): number {
  return bytes < WORTH_THREADS ? 0 : Math.min(MOST_THREADS, availableParallelism());
}

/**
 * The Merkle trees of files as BEP 52 has them: SHA-256 over 16 KiB blocks, padded with zero leaves to a power of two. Many
 * bytes are read and hashed by several threads, each through a buffer of one piece, so memory stays flat.
 * @throws BitmodelError `FILE_CHANGED`, `UNREADABLE_FILE`
 */
export async function hashFiles(
  files: readonly FoundFile[],
  { signal, onBytes, threads: asked }: HashOptions = {},
): Promise<FileTree[]> {
  const total = files.reduce((sum, { stamp }) => sum + stamp.size, 0);
  const count = asked ?? defaultThreads(total);
  const tasks = tasksOf(files, count === 0 ? SMALL_TASK : TASK);
  const hashes: (readonly Uint8Array[])[][] = files.map(() => []);
  type Hash = (spans: readonly Span[]) => Promise<readonly (readonly Uint8Array[])[]>;
  // several lanes take from one list, so that whoever is fast does more
  const lane = async (hash: Hash): Promise<void> => {
    for (const { spans, places, bytes } of tasks) {
      signal?.throwIfAborted();
      const found = await hash(spans);
      for (const [i, [file, slot]] of places.entries()) hashes[file]![slot] = found[i]!;
      onBytes?.(bytes);
    }
  };
  if (count === 0) {
    await lane(async (spans) => {
      await setImmediate();
      return spans.map(hashSpan);
    });
  } else {
    const threads = Array.from({ length: count }, () => new HashThread());
    try {
      const lanes = threads.flatMap((thread) => Array.from({ length: AHEAD }, () => thread));
      await Promise.all(lanes.map((thread) => lane((spans) => thread.hash(spans))));
    } finally {
      await Promise.all(threads.map((thread) => thread.close()));
    }
  }
  signal?.throwIfAborted();
  return files.map(({ stamp }, i) => treeOf(stamp.size, hashes[i]!.flat()));
}

/**
 * The Merkle tree of one file.
 * @throws BitmodelError `FILE_CHANGED`, `UNREADABLE_FILE`
 */
export async function hashFile(path: string, options: HashOptions = {}): Promise<FileTree> {
  const stamp = stampOf(lstatSync(path, { bigint: true }));
  const [tree] = await hashFiles([{ path, stamp }], options);
  return tree!;
}
