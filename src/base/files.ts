import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { BitmodelError, EXIT, messageOf } from './errors.js';

/** How a file is written. */
export interface WriteFileOptions {
  /** File mode; 0o644 unless stated, 0o600 for secrets. */
  readonly mode?: number;
  /** Replace an existing file (default true). When false and the file exists: `FILE_EXISTS`. */
  readonly overwrite?: boolean;
}

function codeOf(thrown: unknown): string | undefined {
  return (thrown as NodeJS.ErrnoException).code;
}

/**
 * Makes a folder, and those that it lies in, where they are not there. `mkdirSync` with `recursive` goes round for ever
 * where a file system, such as /proc, says that a folder in it can't be found rather than that it can't be made.
 * @param mode of each folder made
 * @throws the error of the file system
 */
export function makeFolder(path: string, mode = 0o777): void {
  const folder = resolve(path);
  try {
    makeOne(folder, mode);
  } catch (thrown) {
    const parent = dirname(folder);
    if (codeOf(thrown) !== 'ENOENT' || existsSync(parent)) throw thrown;
    makeFolder(parent, mode);
    makeOne(folder, mode);
  }
}

function makeOne(folder: string, mode: number): void {
  try {
    mkdirSync(folder, { mode });
  } catch (thrown) {
    // there already, or made by another process meanwhile; on a drive or a read-only disk the code is another one
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw thrown;
  }
}

/** What is written: whole, or in pieces that are made one after the other. */
export type FileData = Uint8Array | string | Generator<Uint8Array | string>;

/** A file to be written. */
export interface FileToWrite {
  readonly path: string;
  readonly data: FileData;
}

/** Writes a file beside its place, flushed to the disk. */
function stage(path: string, data: FileData, temporary: string, mode: number): void {
  makeFolder(dirname(path));
  const file = openSync(temporary, 'wx', mode);
  try {
    const pieces = typeof data === 'string' || data instanceof Uint8Array ? [data] : data;
    for (const piece of pieces) {
      const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
      for (let offset = 0; offset < bytes.length; ) offset += writeSync(file, bytes, offset);
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function reasonOf(thrown: unknown): string {
  const code = codeOf(thrown);
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'the disk is full';
  if (code === 'ENOTDIR') return 'what it would lie in is a file, not a folder';
  return messageOf(thrown);
}

function nextOf(thrown: unknown, left: string): string {
  return codeOf(thrown) === 'ENOTDIR'
    ? `Name another place; ${left}`
    : `Free some space or check the permissions, then try again; ${left}`;
}

function writeError(path: string, thrown: unknown): BitmodelError {
  const code = codeOf(thrown);
  if (code === 'EEXIST') {
    return new BitmodelError('FILE_EXISTS', `${path} exists already; nothing was written.`, {
      next: 'Choose another name, or remove it first',
      exitCode: EXIT.notAllowed,
    });
  }
  return new BitmodelError('WRITE_FAILED', `${path} could not be written: ${reasonOf(thrown)}.`, {
    next: nextOf(thrown, 'nothing was changed'),
    cause: thrown,
  });
}

/** An error of the file system, as what it means for who has something larger written; whatever else was thrown, as it is. */
export function asWriteError(out: string, thrown: unknown): unknown {
  if (thrown instanceof BitmodelError) return thrown;
  if ((thrown as NodeJS.ErrnoException).syscall === undefined) return thrown;
  return new BitmodelError('WRITE_FAILED', `${out} could not be written: ${reasonOf(thrown)}.`, {
    next: nextOf(thrown, 'nothing was left behind'),
    cause: thrown,
  });
}

/**
 * Writes several files of which none is of use without the others: all are on the disk under temporary names before the first
 * gets its own, so that a disk that fills up leaves the older ones as they were.
 * @throws BitmodelError as {@link writeFileAtomic}
 */
export function writeFilesAtomic(
  files: readonly FileToWrite[],
  options: WriteFileOptions = {},
): void {
  const staged = files.map(({ path, data }) => {
    return { path, data, temporary: `${path}.${randomBytes(6).toString('hex')}.tmp` };
  });
  let current = files[0]?.path ?? '';
  try {
    for (const { path, data, temporary } of staged) {
      current = path;
      stage(path, data, temporary, options.mode ?? 0o644);
    }
    for (const { path, temporary } of staged) {
      current = path;
      if (options.overwrite === false) {
        // link() fails on an existing name, where rename() would replace it
        linkSync(temporary, path);
        unlinkSync(temporary);
      } else {
        renameSync(temporary, path);
      }
      syncFolder(dirname(path));
    }
  } catch (thrown) {
    for (const { temporary } of staged) {
      try {
        unlinkSync(temporary);
      } catch {
        // it may never have come to be
      }
    }
    throw writeError(current, thrown);
  }
}

/**
 * Writes a whole file or nothing: to a temporary name beside it, flushed to the disk, then renamed.
 * @throws BitmodelError `FILE_EXISTS`, or `WRITE_FAILED` (disk full, no permission); an older file is then untouched
 */
export function writeFileAtomic(
  path: string,
  data: FileData,
  options: WriteFileOptions = {},
): void {
  writeFilesAtomic([{ path, data }], options);
}

/** Flushes a folder, so that the new name itself survives a power cut; Windows does not know such a thing. */
export function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
