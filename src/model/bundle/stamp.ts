import type { BigIntStats } from 'node:fs';
import { BitmodelError } from '../../base/index.js';

/**
 * What tells that a file is still the same: nobody can write to it, or put another one in its place, and leave all of this
 * as it was. The time of the last change of the inode is among it, since that of the contents can be set back.
 */
export interface FileStamp {
  /** Bytes. */
  readonly size: number;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** The stamp of a file. */
export function stampOf({ size, dev, ino, mtimeNs, ctimeNs }: BigIntStats): FileStamp {
  return { size: Number(size), dev, ino, mtimeNs, ctimeNs };
}

/** Whether two stamps are of the same file with the same contents. */
export function isSameStamp(a: FileStamp, b: FileStamp): boolean {
  return (
    a.size === b.size &&
    a.dev === b.dev &&
    a.ino === b.ino &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs
  );
}

/** The error of a file that did not stay the same while it was read. */
export function changedError(path: string, what = 'changed'): BitmodelError {
  return new BitmodelError('FILE_CHANGED', `${path} ${what} while the model was read.`, {
    next: 'Wait until nothing writes to the folder, then try again',
  });
}
