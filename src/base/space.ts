import { existsSync, statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { BitmodelError, EXIT } from './errors.js';

/** Room that is left to others on a disk. */
const SPARE_BYTES = 64 * 1024 * 1024;

/** Bytes of a folder's disk that may be filled. */
export function roomIn(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return Math.max(0, bavail * bsize - SPARE_BYTES);
}

/**
 * Makes sure that a disk has room before minutes are spent on filling it.
 * @param folder on that disk; one that is still to be made goes as the one that it will lie in
 * @param bytes that are to be written
 * @throws BitmodelError `NO_SPACE`
 */
export function assertRoom(folder: string, bytes: number): void {
  let there = resolve(folder);
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
  const room = roomIn(there);
  if (bytes <= room) return;
  const megabytes = (count: number): string => `${Math.ceil(count / 1e6)} MB`;
  throw new BitmodelError(
    'NO_SPACE',
    `The model needs ${megabytes(bytes)} more, and ${there} has room for ${megabytes(room)}.`,
    { next: 'Free some space, or name another folder with --out DIR', exitCode: EXIT.notAllowed },
  );
}
