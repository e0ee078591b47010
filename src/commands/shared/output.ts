import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { BitmodelError, EXIT, writeFileAtomic } from '../../base/index.js';
import type { Terminal } from './terminal.js';

/**
 * Writes a file that the user named, and says so. It makes no folder: a missing one is more likely a slip of the hand.
 * @throws BitmodelError `NO_SUCH_FOLDER`, `CANNOT_WRITE`, and what writing a file throws
 */
export function writeNamedFile(path: string, text: string, terminal: Terminal): void {
  const folder = dirname(resolve(path));
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new BitmodelError('NO_SUCH_FOLDER', `There is no folder ${folder}.`, {
      next: 'Make it first, or name another file',
      exitCode: EXIT.notFound,
    });
  }
  writeFileAtomic(path, text);
  terminal.note(`written: ${path}`);
}
