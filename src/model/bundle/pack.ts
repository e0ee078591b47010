import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { toHex, writeFileAtomic } from '../../base/index.js';
import { type Bundle, checkBundle, MANIFEST, readBundle, writeBundle } from './manifest.js';
import { hashFile } from './merkle.js';
import { type HashedFile, infoHash, magnetLink, torrentBytes } from './torrent.js';
import { listBundleFiles } from './walk.js';

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
}

/** What `pack` writes down beside the id. */
export interface PackOptions extends HashProgress {
  /** Else the name of an earlier pack, else the folder's. */
  readonly name?: string;
  /** Else as in an earlier pack. */
  readonly licence?: string;
  /** Else as in an earlier pack. */
  readonly parents?: readonly Parent[];
}

/** What packing came to. */
export interface PackedModel extends Bundle {
  readonly dir: string;
  readonly magnet: string;
}

/** Name of the torrent file that packing writes. */
export const TORRENT = 'bitmodel.torrent';

/** Hashes every file of a bundle. */
export async function hashBundle(dir: string, options: HashProgress = {}): Promise<HashedFile[]> {
  const files = listBundleFiles(dir);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  const hashed: HashedFile[] = [];
  for (const { path } of files) {
    const tree = await hashFile(join(dir, path), {
      ...(options.signal ? { signal: options.signal } : {}),
      onBytes: (count) => {
        done += count;
        options.onProgress?.(done, total);
      },
    });
    hashed.push({ path, ...tree });
  }
  return hashed;
}

/**
 * The id of a model: the BitTorrent v2 info hash of its folder (DESIGN 7), hex in byte order.
 * @throws BitmodelError as `listBundleFiles` and `hashFile`
 */
export async function modelId(dir: string, options: HashProgress = {}): Promise<string> {
  return infoHash(await hashBundle(dir, options));
}

/**
 * Packs a folder: computes its id and writes `bitmodel.json` and `bitmodel.torrent` beside the files.
 * @throws BitmodelError `NOT_A_FOLDER`, `EMPTY_BUNDLE`, `BAD_BUNDLE_FILE`, `FILE_CHANGED`, `BAD_MANIFEST`, `WRITE_FAILED`
 */
export async function packModel(dir: string, options: PackOptions = {}): Promise<PackedModel> {
  const hashed = await hashBundle(dir, options);
  const earlier = existsSync(join(dir, MANIFEST)) ? readBundle(dir) : undefined;
  const licence = options.licence ?? earlier?.licence;
  const bundle = checkBundle({
    v: 1,
    id: infoHash(hashed),
    name: options.name ?? earlier?.name ?? basename(resolve(dir)),
    ...(licence === undefined ? {} : { licence }),
    parents: options.parents ?? earlier?.parents ?? [],
    size: hashed.reduce((sum, { size }) => sum + size, 0),
    files: hashed.map(({ path, size, root }) => ({
      path,
      size,
      ...(root ? { root: toHex(root) } : {}),
    })),
  });
  writeFileAtomic(join(dir, TORRENT), torrentBytes(hashed));
  writeBundle(dir, bundle);
  return { ...bundle, dir: resolve(dir), magnet: magnetLink(bundle.id, bundle.name) };
}
