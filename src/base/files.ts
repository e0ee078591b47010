import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { BitmodelError, EXIT, messageOf } from './errors.js';

export interface WriteFileOptions {
  /** File mode; 0o644 unless stated, 0o600 for secrets. */
  readonly mode?: number;
  /** Replace an existing file (default true). When false and the file exists: `FILE_EXISTS`. */
  readonly overwrite?: boolean;
}

/**
 * Writes a whole file or nothing: to a temporary name beside it, flushed to the disk, then renamed.
 * @throws BitmodelError `FILE_EXISTS`, or `WRITE_FAILED` (disk full, no permission); an older file is then untouched
 */
export function writeFileAtomic(
  path: string,
  data: Uint8Array | string,
  options: WriteFileOptions = {},
): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  try {
    mkdirSync(dirname(path), { recursive: true });
    const file = openSync(temporary, 'wx', options.mode ?? 0o644);
    try {
      for (let offset = 0; offset < bytes.length; ) offset += writeSync(file, bytes, offset);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    if (options.overwrite === false) {
      // link() fails on an existing name, where rename() would replace it
      linkSync(temporary, path);
      unlinkSync(temporary);
    } else {
      renameSync(temporary, path);
    }
    syncFolder(dirname(path));
  } catch (thrown) {
    try {
      unlinkSync(temporary);
    } catch {
      // it may never have come to be
    }
    const code = (thrown as NodeJS.ErrnoException).code;
    if (code === 'EEXIST') {
      throw new BitmodelError('FILE_EXISTS', `${path} exists already; nothing was written.`, {
        next: 'Choose another name, or pass --force to replace it',
        exitCode: EXIT.notAllowed,
      });
    }
    const why = code === 'ENOSPC' ? 'the disk is full' : messageOf(thrown);
    throw new BitmodelError('WRITE_FAILED', `${path} could not be written: ${why}.`, {
      next: 'Free some space or check the permissions, then try again; nothing was changed',
      cause: thrown,
    });
  }
}

/** Flushes a folder, so that the new name itself survives a power cut; Windows does not know such a thing. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
