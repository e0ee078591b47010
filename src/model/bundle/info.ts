import { BitmodelError, sha256, toHex } from '../../base/index.js';
import { type Bencoded, bdecode } from './bencode.js';
import { HASH } from './merkle.js';
import { foldName, isExcluded, isPortable } from './names.js';
import { type InfoFile, infoBytes } from './torrent.js';
import { DEEPEST } from './walk.js';

/** Most bytes of an info dictionary that is taken from somebody else; some 8,000 files. */
export const MAX_INFO = 1024 * 1024;

/** What an info dictionary says: everything about a model's files but their contents. */
export interface BundleInfo {
  /** Model id, hex. */
  readonly id: string;
  /** In the dictionary's order, which is that of `pack`. */
  readonly files: readonly InfoFile[];
  /** Bytes of all files together. */
  readonly size: number;
  /** The dictionary itself. */
  readonly bytes: Uint8Array;
}

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_INFO', `This is no description of a model: ${why}.`, {
    next: 'Ask another peer; the author may have to pack the model again',
  });
}

/** A name as it may stand in a path here: what `pack` would have refused leaves no folder and hides in none. */
function nameOf(key: string): string {
  const bytes = Buffer.from(key, 'latin1');
  const name = bytes.toString('utf8');
  const isText = Buffer.from(name, 'utf8').equals(bytes);
  if (!isText || !isPortable(name) || isExcluded(name)) {
    throw bad('a file has a name that no bundle may hold');
  }
  return name;
}

function leafOf(path: string, value: Bencoded): InfoFile {
  const leaf = value instanceof Map ? (value as ReadonlyMap<string, Bencoded>) : undefined;
  const size = leaf?.get('length');
  const root = leaf?.get('pieces root');
  if (leaf === undefined || typeof size !== 'number' || size < 0) throw bad('a file has no length');
  if (size === 0) {
    if (leaf.size !== 1) throw bad('an empty file has more than a length');
    return { path, size, root: undefined };
  }
  if (leaf.size !== 2 || !(root instanceof Uint8Array) || root.length !== HASH) {
    throw bad('a file has no root');
  }
  return { path, size, root };
}

function filesOf(tree: ReadonlyMap<string, Bencoded>, inside: string, depth: number): InfoFile[] {
  // as deep as a packed file may lie, and its own name
  if (depth > DEEPEST + 1) throw bad('a file lies too deep');
  const files: InfoFile[] = [];
  const taken = new Set<string>();
  for (const [key, value] of tree) {
    const name = nameOf(key);
    const path = inside === '' ? name : `${inside}/${name}`;
    const fold = foldName(name);
    if (taken.has(fold)) throw bad('two names are the same where cases are not told apart');
    taken.add(fold);
    if (!(value instanceof Map) || value.size === 0) throw bad('a name stands for nothing');
    const entry = value as ReadonlyMap<string, Bencoded>;
    const leaf = entry.get('');
    if (leaf === undefined) files.push(...filesOf(entry, path, depth + 1));
    else if (entry.size === 1) files.push(leafOf(path, leaf));
    else throw bad('a file is a folder, too');
  }
  return files;
}

/**
 * Reads an info dictionary that came from anywhere. It has just the form that `pack` gives one (DESIGN 7), so that no path
 * leaves the folder it is written to and nothing rides along unseen.
 * @throws BitmodelError `BAD_BENCODE`, `BAD_INFO`
 */
export function parseInfo(bytes: Uint8Array): BundleInfo {
  if (bytes.length > MAX_INFO) throw bad('it is longer than 1 MiB');
  const top = bdecode(bytes);
  const tree =
    top instanceof Map ? (top as ReadonlyMap<string, Bencoded>).get('file tree') : undefined;
  if (!(tree instanceof Map)) throw bad('it holds no files');
  const files = filesOf(tree as ReadonlyMap<string, Bencoded>, '', 1);
  if (files.length === 0) throw bad('it holds no files');
  const size = files.reduce((sum, file) => sum + file.size, 0);
  if (!Number.isSafeInteger(size)) throw bad('its files are larger than any disk');
  // name, piece length and version are always ours, and nothing else may stand there
  if (Buffer.compare(infoBytes(files), bytes) !== 0) throw bad('it is not as pack writes it');
  return { id: toHex(sha256(bytes)), files, size, bytes };
}
