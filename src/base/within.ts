import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { isAbsolute, join, relative, sep } from 'node:path';
import { BitmodelError, EXIT, messageOf } from './errors.js';

/** A file that is open, to be closed by whoever asked for it. */
export interface OpenFile {
  readonly descriptor: number;
  /** Bytes it held when it was opened. */
  readonly size: number;
}

function refuse(path: string, why: string, cause?: unknown): BitmodelError {
  return new BitmodelError('UNREADABLE_FILE', `${path} can't be read: ${why}.`, {
    next: 'Put a regular file into its place',
    exitCode: EXIT.usage,
    cause,
  });
}

/** Where a path leads once links are followed, if that is inside the folder. */
function resolveWithin(folder: string, path: string): string {
  let inside: string;
  let real: string;
  try {
    real = realpathSync(join(folder, path));
    inside = relative(realpathSync(folder), real);
  } catch (thrown) {
    throw refuse(path, messageOf(thrown), thrown);
  }
  if (!isAbsolute(path) && !isAbsolute(inside) && inside.split(sep)[0] !== '..') return real;
  throw refuse(path, 'it lies outside its folder');
}

/**
 * Opens a regular file of a folder that came from a stranger. Links out of the folder are not followed, and a pipe, which
 * would keep a reader waiting for ever, or a device is not read.
 * @param path inside the folder
 * @throws BitmodelError `UNREADABLE_FILE`
 */
export function openWithin(folder: string, path: string): OpenFile {
  const real = resolveWithin(folder, path);
  // the file may become a link or a pipe between two calls, and Windows has neither flag
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0);
  let descriptor: number;
  try {
    descriptor = openSync(real, flags);
  } catch (thrown) {
    throw refuse(path, messageOf(thrown), thrown);
  }
  const status = fstatSync(descriptor);
  if (status.isFile()) return { descriptor, size: status.size };
  closeSync(descriptor);
  throw refuse(path, 'it is no regular file');
}

/**
 * Reads a whole file as {@link openWithin} opens it.
 * @param mostBytes larger ones are refused before they are read
 * @throws BitmodelError `UNREADABLE_FILE`
 */
export function readWithin(folder: string, path: string, mostBytes: number): Uint8Array {
  const { descriptor, size } = openWithin(folder, path);
  try {
    if (size > mostBytes) throw refuse(path, 'it is too large');
    const bytes = new Uint8Array(size);
    let length = 0;
    while (length < size) {
      const count = readSync(descriptor, bytes, length, size - length, length);
      if (count === 0) break;
      length += count;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}
