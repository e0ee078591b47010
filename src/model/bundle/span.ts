import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { BitmodelError, EXIT } from '../../base/index.js';
import { PIECE, pieceHash, smallFileRoot } from './merkle.js';
import { changedError, type FileStamp, isSameStamp, stampOf } from './stamp.js';

/** Part of a file that is read and hashed in one go: whole pieces, and at the end of the file what is left. */
export interface Span {
  readonly path: string;
  /** What the file was when it was found. */
  readonly stamp: FileStamp;
  /** Where it begins, a multiple of a piece. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/** The file may become a link or a pipe between two calls; Windows has neither flag. */
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** Words for what keeps a file from being read. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'you have no permission to read it',
  EPERM: 'you have no permission to read it',
  EIO: 'the disk reports an error',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
};

/** The error of a file or folder that the system does not let us read. */
export function unreadableError(path: string, thrown: unknown): BitmodelError {
  const { code, message } = thrown as NodeJS.ErrnoException;
  const why = REASONS[code ?? ''] ?? message;
  return new BitmodelError('UNREADABLE_FILE', `${path} can't be read: ${why}.`, {
    next: 'Mend its permissions (chmod) or the disk, or take it out of the folder',
    exitCode: EXIT.notAllowed,
    cause: thrown,
  });
}

function openSpan(path: string): number {
  try {
    return openSync(path, FLAGS);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw changedError(path, 'vanished');
    if (code === 'ELOOP') throw changedError(path, 'became a link');
    throw unreadableError(path, thrown);
  }
}

function fill(descriptor: number, path: string, into: Uint8Array, offset: number): void {
  for (let at = 0; at < into.length; ) {
    let count: number;
    try {
      count = readSync(descriptor, into, at, into.length - at, offset + at);
    } catch (thrown) {
      throw unreadableError(path, thrown);
    }
    if (count === 0) throw changedError(path, 'became shorter');
    at += count;
  }
}

/**
 * Hashes part of a file, piece by piece through one small buffer, so that what is read is still in the processor's cache when
 * it is hashed.
 * @returns hashes of the pieces; of a file no longer than a piece its root; of an empty file nothing
 * @throws BitmodelError `FILE_CHANGED` when the file is not the one that was found, or is written to meanwhile;
 *   `UNREADABLE_FILE`
 */
export function hashSpan({ path, stamp, offset, length }: Span): Uint8Array[] {
  const descriptor = openSpan(path);
  try {
    const assertSame = (): void => {
      if (!isSameStamp(stampOf(fstatSync(descriptor, { bigint: true })), stamp)) {
        throw changedError(path);
      }
    };
    assertSame();
    const hashes: Uint8Array[] = [];
    const hash = stamp.size <= PIECE ? smallFileRoot : pieceHash;
    const buffer = Buffer.allocUnsafe(Math.min(PIECE, length));
    for (let at = 0; at < length; at += PIECE) {
      const bytes = buffer.subarray(0, Math.min(PIECE, length - at));
      fill(descriptor, path, bytes, offset + at);
      hashes.push(hash(bytes));
    }
    assertSame();
    return hashes;
  } finally {
    closeSync(descriptor);
  }
}
