import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { BitmodelError, EXIT, writeFileAtomic } from '../../base/index.js';
import type { Terminal } from './terminal.js';

/**
 * Holds against the disk that a file can be written where the user named it.
 * @throws BitmodelError `NO_SUCH_FOLDER`, `NOT_WRITABLE`
 */
export function demandWritable(path: string): void {
  const folder = dirname(resolve(path));
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new BitmodelError('NO_SUCH_FOLDER', `There is no folder ${folder}.`, {
      next: 'Make it first, or name another file',
      exitCode: EXIT.notFound,
    });
  }
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isFolder && mayWrite(folder)) return;
  throw new BitmodelError('NOT_WRITABLE', `Nothing can be written to ${path}.`, {
    next: isFolder ? 'Name a file in it' : 'Name a file in a folder that you may write to',
    exitCode: EXIT.notAllowed,
  });
}

function mayWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Writes a file that the user named, and says so. It makes no folder: a missing one is more likely a slip of the hand.
 * @throws BitmodelError `NO_SUCH_FOLDER`, `NOT_WRITABLE`, and what writing a file throws
 */
export function writeNamedFile(path: string, text: string, terminal: Pick<Terminal, 'note'>): void {
  demandWritable(path);
  writeFileAtomic(path, text);
  terminal.note(`written: ${path}`);
}
