import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { BitmodelError } from '../../base/index.js';

/** Bytes of a megabyte, as people are told. */
const MEGABYTE = 1e6;

/** Bytes that this process can still take: what the machine has free, or less where its control group allows less. */
export function freeMemory(): number {
  return Math.min(freemem(), process.availableMemory() + reclaimable());
}

/** Bytes of files in memory that count for the control group, but are given up before anything is killed. */
function reclaimable(): number {
  const bound = process.constrainedMemory();
  if (bound === 0 || bound > totalmem()) return 0;
  try {
    const group = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'latin1'))?.[1] ?? '/';
    const stat = readFileSync(`/sys/fs/cgroup${group}/memory.stat`, 'latin1');
    return Number(/^inactive_file (\d+)$/m.exec(stat)?.[1] ?? 0);
  } catch {
    // control groups of another version, or another system: none is known of
    return 0;
  }
}

function outOfMemory(tokens: number, bytes: number, cause?: unknown): BitmodelError {
  const megabytes = (count: number): string => `${Math.ceil(count / MEGABYTE)} MB`;
  return new BitmodelError(
    'OUT_OF_MEMORY',
    `The keys and values of ${tokens} tokens need ${megabytes(bytes)} more memory, of which ${megabytes(freeMemory())} are free.`,
    { next: 'Shorten the prompt or the answer, run fewer at once, or free some memory', cause },
  );
}

/**
 * Makes room for keys and values, unless there is too little memory: the system would kill the process for taking more than
 * there is, and with it what else it serves.
 * @param tokens how many tokens the room is for, all streams together
 * @throws BitmodelError `OUT_OF_MEMORY`
 */
export function allocate<T>(tokens: number, bytes: number, make: () => T): T {
  if (bytes > freeMemory()) throw outOfMemory(tokens, bytes);
  try {
    return make();
  } catch (thrown) {
    if (thrown instanceof RangeError) throw outOfMemory(tokens, bytes, thrown);
    throw thrown;
  }
}
