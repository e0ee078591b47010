import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { BitmodelError, EXIT } from '../../base/index.js';
import { assertFolder } from '../config.js';

/** One file that belongs to a bundle. */
export interface BundleFile {
  /** Path inside the folder, names joined by `/`. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/** Most folders that a file of a bundle may lie in. */
export const DEEPEST = 32;
/** Characters that some system or the magnet and torrent formats can't carry in a name. */
const UNPORTABLE = /[\\/:*?"<>|\p{Cc}\ufffd]|[. ]$/u;

/** Whether a name takes no part in the identity: dotfiles, our own records, torrents (DESIGN 7). */
export function isExcluded(name: string): boolean {
  return (
    name.startsWith('.') ||
    name === 'bitmodel.json' ||
    name.endsWith('.calibration.json') ||
    name.endsWith('.torrent')
  );
}

/** Whether a name means the same file on every system, and no other folder. */
export function isPortable(name: string): boolean {
  return !UNPORTABLE.test(name) && name === name.normalize('NFC') && name !== '';
}

function refuse(path: string, why: string, next: string): BitmodelError {
  return new BitmodelError('BAD_BUNDLE_FILE', `${path} can't be part of a bundle: ${why}.`, {
    next,
    exitCode: EXIT.usage,
  });
}

/**
 * Lists the files that make up a bundle's identity, sorted bytewise by their path's names.
 * @throws BitmodelError `NOT_A_FOLDER`; `BAD_BUNDLE_FILE` for links, devices and names that don't travel; `EMPTY_BUNDLE`
 */
export function listBundleFiles(dir: string): BundleFile[] {
  assertFolder(dir);
  const files: BundleFile[] = [];
  const visit = (folder: string, inside: string, depth: number): void => {
    if (depth > DEEPEST) throw refuse(folder, 'it lies too deep', 'Flatten the folder');
    for (const name of readdirSync(folder)) {
      if (isExcluded(name)) continue;
      const path = join(folder, name);
      if (!isPortable(name)) {
        throw refuse(path, 'its name does not travel between systems', 'Rename it');
      }
      const stat = lstatSync(path);
      const relative = inside === '' ? name : `${inside}/${name}`;
      if (stat.isDirectory()) visit(path, relative, depth + 1);
      else if (stat.isFile()) files.push({ path: relative, size: stat.size });
      else if (stat.isSymbolicLink()) {
        throw refuse(path, 'it is a link', 'Put the file itself in its place: cp -L');
      } else throw refuse(path, 'it is no regular file', 'Remove it');
    }
  };
  visit(dir, '', 0);
  if (files.length === 0) {
    throw new BitmodelError('EMPTY_BUNDLE', `${dir} holds no files to pack.`, {
      next: 'Name the folder that holds config.json and the ONNX file',
      exitCode: EXIT.usage,
    });
  }
  return files.sort((a, b) => Buffer.compare(pathKey(a.path), pathKey(b.path)));
}

/** With the lowest byte between names, so that a folder's files sort where a dictionary of the folder would stand. */
function pathKey(path: string): Buffer {
  return Buffer.from(path.replaceAll('/', '\0'));
}
