import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { readWithin, sha256, toHex, writeFilesAtomic } from '../../base/index.js';
import { hashFiles } from './hashFiles.js';
import { MAX_INFO } from './info.js';
import { type Bundle, bundleBytes, checkBundle, MANIFEST, readBundle } from './manifest.js';
import { assertRecordable } from './record.js';
import { type HashedFile, infoBytes, infoHash, magnetLink, torrentBytes } from './torrent.js';
import { assertUnchanged, type BundleFile, listBundleFiles } from './walk.js';

/** A source that a model was built on, and its share in parts per million. */
export interface Parent {
  /** Model or source id, hex. */
  readonly id: string;
  readonly ppm: number;
}

/** Who is told how far hashing is, and who can end it. */
export interface HashProgress {
  /** Called now and then while files are read. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
  readonly signal?: AbortSignal;
  /** Threads that read and hash: one per core unless stated; 0 for this one. */
  readonly threads?: number;
}

/** What `pack` writes down beside the id. */
export interface PackOptions extends HashProgress {
  /** Else the name of an earlier pack, else the folder's. */
  readonly name?: string;
  /** Makes the name that is written of the one that it would have. */
  readonly rename?: (name: string) => string;
  /** Told of an earlier pack with another name or licence, which this one has replaced. */
  readonly onReplaced?: (earlier: Pick<Bundle, 'name' | 'licence'>) => void;
  /** Else as in an earlier pack. */
  readonly licence?: string;
  /** Else as in an earlier pack. */
  readonly parents?: readonly Parent[];
  /** Folder for `bitmodel.json` and the torrent, where the model's own can't be written to; else beside the files. */
  readonly record?: string;
}

/** What packing came to. */
export interface PackedModel extends Bundle {
  readonly dir: string;
  readonly magnet: string;
  /** Whether other nodes can fetch it: its info dictionary is not longer than they take one. */
  readonly canBeShared: boolean;
}

/** Name of the torrent file that packing writes. */
export const TORRENT = 'bitmodel.torrent';
/** Hashes of the pieces of some 4 TB. */
const MOST_TORRENT = 128 << 20;

/** The torrent beside a model. @throws BitmodelError `UNREADABLE_FILE` */
export function readTorrent(dir: string): Uint8Array {
  return readWithin(dir, TORRENT, MOST_TORRENT);
}

/**
 * Hashes files of a folder.
 * @param files as they were found there
 * @param list finds them again afterwards, for nothing may have changed meanwhile
 * @throws BitmodelError `FILE_CHANGED`, `UNREADABLE_FILE`, and as `list`
 */
export async function hashFound(
  dir: string,
  files: readonly BundleFile[],
  list: () => BundleFile[],
  { onProgress, signal, threads }: HashProgress,
): Promise<HashedFile[]> {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  const found = files.map(({ path, stamp }) => ({ path: join(dir, path), stamp }));
  const trees = await hashFiles(found, {
    ...(signal === undefined ? {} : { signal }),
    ...(threads === undefined ? {} : { threads }),
    onBytes: (count) => {
      done += count;
      onProgress?.(done, total);
    },
  });
  assertUnchanged(dir, files, list());
  return files.map(({ path }, i) => ({ path, ...trees[i]! }));
}

/** Hashes every file of a bundle. @throws BitmodelError as `listBundleFiles` and {@link hashFound} */
export function hashBundle(dir: string, options: HashProgress = {}): Promise<HashedFile[]> {
  const list = (): BundleFile[] => listBundleFiles(dir);
  return hashFound(dir, list(), list, options);
}

/**
 * The id of a model: the BitTorrent v2 info hash of its folder (DESIGN 7), hex in byte order.
 * @throws BitmodelError as `hashBundle`
 */
export async function modelId(dir: string, options: HashProgress = {}): Promise<string> {
  return infoHash(await hashBundle(dir, options));
}

/**
 * Packs a folder: computes its id and writes `bitmodel.json` and `bitmodel.torrent` beside the files, both or neither.
 * @throws BitmodelError `READ_ONLY_FOLDER`, `NOT_A_FOLDER`, `EMPTY_BUNDLE`, `BAD_BUNDLE_FILE`, `UNREADABLE_FILE`,
 *   `FILE_CHANGED`, `BAD_MANIFEST`, `WRITE_FAILED`
 */
export async function packModel(dir: string, options: PackOptions = {}): Promise<PackedModel> {
  const found = listBundleFiles(dir);
  const record = options.record ?? dir;
  assertRecordable(record);
  const earlier = existsSync(join(record, MANIFEST)) ? readBundle(record) : undefined;
  const name = options.name ?? earlier?.name ?? basename(resolve(dir));
  // a wrong name or parent is told before minutes of reading
  const about = {
    name: options.rename?.(name) ?? name,
    ...optional('licence', options.licence ?? earlier?.licence),
    parents: options.parents ?? earlier?.parents ?? [],
  };
  checkBundle({ ...about, v: 1, id: '0'.repeat(64), size: 0, files: [] });
  const hashed = await hashFound(dir, found, () => listBundleFiles(dir), options);
  const packed = recordModel(dir, hashed, about, record);
  if (earlier && (earlier.name !== about.name || earlier.licence !== packed.licence)) {
    options.onReplaced?.(earlier);
  }
  return packed;
}

/**
 * Writes `bitmodel.json` and `bitmodel.torrent` of files that were hashed, both or neither.
 * @param record folder that they are written to; the model's own unless stated
 * @throws BitmodelError `BAD_MANIFEST`, `WRITE_FAILED`
 */
export function recordModel(
  dir: string,
  hashed: readonly HashedFile[],
  about: {
    readonly name: string;
    readonly licence?: string | undefined;
    readonly parents: readonly Parent[];
  },
  record = dir,
): PackedModel {
  const { name, licence, parents } = about;
  const info = infoBytes(hashed);
  const bundle = checkBundle({
    v: 1,
    id: toHex(sha256(info)),
    name,
    ...optional('licence', licence),
    parents,
    size: hashed.reduce((sum, { size }) => sum + size, 0),
    files: hashed.map(({ path, size, root }) => ({
      path,
      size,
      ...(root ? { root: toHex(root) } : {}),
    })),
  });
  writeFilesAtomic([
    { path: join(record, TORRENT), data: torrentBytes(hashed) },
    { path: join(record, MANIFEST), data: bundleBytes(bundle) },
  ]);
  return {
    ...bundle,
    dir: resolve(dir),
    magnet: magnetLink(bundle.id, bundle.name),
    canBeShared: info.length <= MAX_INFO,
  };
}

function optional<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [key in K]?: V };
}
