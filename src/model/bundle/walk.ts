import { type BigIntStats, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { BitmodelError, EXIT } from '../../base/index.js';
import { assertFolder } from '../config.js';
import { foldName, isExcluded, isPortable } from './names.js';
import { unreadableError } from './span.js';
import { changedError, type FileStamp, isSameStamp, stampOf } from './stamp.js';

/** One file that belongs to a bundle. */
export interface BundleFile {
  /** Path inside the folder, names joined by `/`. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly stamp: FileStamp;
}

/** Most folders that a file of a bundle may lie in. */
export const DEEPEST = 32;

/** Told of what lies in a folder and can't be part of a bundle, with its path inside it. */
export type OnUnfit = (path: string, why: BitmodelError) => void;

function refuse(path: string, why: string, next: string): BitmodelError {
  return new BitmodelError('BAD_BUNDLE_FILE', `${path} can't be part of a bundle: ${why}.`, {
    next,
    exitCode: EXIT.usage,
  });
}

function refuseKind(path: string, stat: BigIntStats): BitmodelError {
  if (stat.isSymbolicLink()) {
    return refuse(path, 'it is a link', 'Put the file itself in its place: cp -L');
  }
  const kinds: readonly (readonly [boolean, string])[] = [
    [stat.isFIFO(), 'it is a pipe'],
    [stat.isSocket(), 'it is a socket'],
    [stat.isBlockDevice() || stat.isCharacterDevice(), 'it is a device'],
  ];
  const [, why] = kinds.find(([is]) => is) ?? [true, 'it is no regular file'];
  return refuse(path, why, 'Remove it');
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => !isExcluded(name));
  } catch (thrown) {
    throw unreadableError(folder, thrown);
  }
}

/** Bytewise, with the lowest byte between names, so that a folder's files sort where a dictionary of the folder would stand. */
function pathKey(path: string): Buffer {
  return Buffer.from(path.replaceAll('/', '\0'));
}

function visit(
  root: string,
  inside: string,
  depth: number,
  files: BundleFile[],
  onUnfit: OnUnfit,
): void {
  const folder = join(root, inside);
  const taken = new Map<string, string>();
  for (const name of namesIn(folder)) {
    const relative = inside === '' ? name : `${inside}/${name}`;
    const path = join(folder, name);
    if (!isPortable(name)) {
      const why = 'its name does not travel between systems';
      onUnfit(relative, refuse(path, why, 'Rename it'));
      continue;
    }
    const twin = taken.get(foldName(name));
    if (twin !== undefined) {
      const why = `on systems that do not tell cases apart it is the same as ${twin}`;
      onUnfit(relative, refuse(path, why, 'Rename one of them'));
      continue;
    }
    taken.set(foldName(name), name);
    const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) throw changedError(path, 'vanished');
    if (stat.isDirectory()) {
      if (depth < DEEPEST) visit(root, relative, depth + 1, files, onUnfit);
      else onUnfit(relative, refuse(path, 'it lies too deep', 'Flatten the folder'));
    } else if (stat.isFile()) {
      const stamp = stampOf(stat);
      files.push({ path: relative, size: stamp.size, stamp });
    } else onUnfit(relative, refuseKind(path, stat));
  }
}

/**
 * Finds the files of a folder that can be part of a bundle, sorted bytewise by their path's names.
 * @param onUnfit told of all else, but for what takes no part in the identity
 * @throws BitmodelError `NOT_A_FOLDER`, `UNREADABLE_FILE`, `FILE_CHANGED`, and what `onUnfit` throws
 */
export function findBundleFiles(dir: string, onUnfit: OnUnfit): BundleFile[] {
  assertFolder(dir);
  const files: BundleFile[] = [];
  visit(dir, '', 0, files, onUnfit);
  const keyed = files.map((file) => ({ file, key: pathKey(file.path) }));
  return keyed.sort((a, b) => Buffer.compare(a.key, b.key)).map(({ file }) => file);
}

/**
 * Lists the files that make up a bundle's identity, sorted bytewise by their path's names.
 * @throws BitmodelError `NOT_A_FOLDER`; `BAD_BUNDLE_FILE` for links, devices and names that don't travel; `EMPTY_BUNDLE`;
 *   `UNREADABLE_FILE`; `FILE_CHANGED`
 */
export function listBundleFiles(dir: string): BundleFile[] {
  const files = findBundleFiles(dir, (_, why) => {
    throw why;
  });
  if (files.length > 0) return files;
  throw new BitmodelError('EMPTY_BUNDLE', `${dir} holds no files to pack.`, {
    next: 'Name the folder that holds config.json and the ONNX file',
    exitCode: EXIT.usage,
  });
}

/**
 * Compares a folder with what was found in it before its files were read.
 * @throws BitmodelError `FILE_CHANGED` naming the first file that is new, gone, or not the same
 */
export function assertUnchanged(
  dir: string,
  before: readonly BundleFile[],
  now: readonly BundleFile[],
): void {
  const known = new Map(before.map((file) => [file.path, file]));
  for (const { path, stamp } of now) {
    const earlier = known.get(path);
    if (earlier === undefined) throw changedError(join(dir, path), 'appeared');
    if (!isSameStamp(earlier.stamp, stamp)) throw changedError(join(dir, path));
    known.delete(path);
  }
  for (const path of known.keys()) throw changedError(join(dir, path), 'vanished');
}
