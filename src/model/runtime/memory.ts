import { freemem } from 'node:os';
import { BitmodelError } from '../../base/index.js';

/** Bytes of a megabyte, as people are told. */
const MEGABYTE = 1e6;

function outOfMemory(tokens: number, bytes: number, cause?: unknown): BitmodelError {
  const megabytes = (count: number): string => `${Math.ceil(count / MEGABYTE)} MB`;
  return new BitmodelError(
    'OUT_OF_MEMORY',
    `The keys and values of ${tokens} tokens need ${megabytes(bytes)} more memory, of which ${megabytes(freemem())} are free.`,
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
  if (bytes > freemem()) throw outOfMemory(tokens, bytes);
  try {
    return make();
  } catch (thrown) {
    if (thrown instanceof RangeError) throw outOfMemory(tokens, bytes, thrown);
    throw thrown;
  }
}
