import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BitmodelError, equalBytes, fromHex, toHex } from '../../base/index.js';
import { type Bundle, MANIFEST, readBundle } from './manifest.js';
import { HASH, PIECE } from './merkle.js';
import { type HashProgress, hashFound, readTorrent, TORRENT } from './pack.js';
import { hasLayer, isLayerOf, pieceCount } from './pieces.js';
import { type HashedFile, type InfoFile, infoHash, readPieceLayers } from './torrent.js';
import { type BundleFile, findBundleFiles } from './walk.js';

/** Bytes of a file that are wrong. */
export interface ByteRange {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

/** One difference between a folder and what was packed. */
export interface BundleFault {
  readonly path: string;
  /** `unfit`: it could be part of no bundle, such as a link; `record`: bitmodel.json does not belong to its id. */
  readonly kind: 'missing' | 'extra' | 'size' | 'content' | 'unfit' | 'record';
  /** Pieces of 1 MiB that are wrong, from 0, where the torrent beside the files tells. */
  readonly pieces?: readonly number[];
  /** Where these lie in the file; runs of pieces are joined. */
  readonly ranges?: readonly ByteRange[];
  /** Bytes that the file has, and should have, when that is not the same. */
  readonly size?: number;
  readonly expectedSize?: number;
  /** What is wrong, in words, with what is `unfit`. */
  readonly why?: string;
}

/** What was found when a bundle was held against its manifest. */
export interface BundleCheck {
  /** Id of what was packed. */
  readonly id: string;
  /** Id of what is there now. */
  readonly actualId: string;
  readonly faults: readonly BundleFault[];
  /** Whether the torrent beside the files can tell which pieces are wrong; it is no part of the model. */
  readonly torrent: 'sound' | 'missing' | 'damaged';
}

/** What a check needs beside the folder. */
export interface CheckOptions extends HashProgress {
  /** Folder of `bitmodel.json` and the torrent, where `pack` was told one; else the model's own. */
  readonly record?: string;
}

type Layers = ReadonlyMap<string, Uint8Array>;

function infoFiles({ files }: Bundle): InfoFile[] {
  return files.map(({ path, size, root }) => ({
    path,
    size,
    root: root === undefined ? undefined : fromHex(root),
  }));
}

/** Piece layers of the torrent that make the files' roots; without them files are named, not pieces. */
function knownLayers(
  record: string,
  files: readonly InfoFile[],
): { readonly layers: Layers; readonly torrent: BundleCheck['torrent'] } {
  const path = join(record, TORRENT);
  const layers = new Map<string, Uint8Array>();
  if (!existsSync(path)) return { layers, torrent: 'missing' };
  let read: Layers;
  try {
    read = readPieceLayers(readTorrent(record));
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError)) throw thrown;
    return { layers, torrent: 'damaged' };
  }
  let isWhole = true;
  for (const file of files.filter(hasLayer)) {
    const root = file.root && toHex(file.root);
    const layer = root === undefined ? undefined : read.get(root);
    if (root !== undefined && layer && isLayerOf(file, layer)) layers.set(root, layer);
    else isWhole = false;
  }
  return { layers, torrent: isWhole ? 'sound' : 'damaged' };
}

/** Pieces that are not what they were, of a file that has hashes of its pieces now and had them then. */
function differing(now: Uint8Array, then: Uint8Array): number[] {
  const count = Math.max(now.length, then.length) / HASH;
  const pieceOf = (hashes: Uint8Array, i: number): Uint8Array =>
    hashes.subarray(i * HASH, (i + 1) * HASH);
  return Array.from({ length: count }, (_, i) => i).filter(
    (i) => !equalBytes(pieceOf(now, i), pieceOf(then, i)),
  );
}

function wrongPieces(
  now: HashedFile,
  expected: InfoFile,
  layers: Layers,
): readonly number[] | undefined {
  const size = Math.max(now.size, expected.size);
  if (size <= PIECE) return Array.from({ length: pieceCount(size) }, (_, i) => i);
  const then = expected.root && layers.get(toHex(expected.root));
  return then && now.pieces ? differing(now.pieces, then) : undefined;
}

/** Runs of pieces as bytes. */
function rangesOf(pieces: readonly number[], size: number): ByteRange[] {
  const ranges: { from: number; to: number }[] = [];
  for (const piece of pieces) {
    const from = piece * PIECE;
    const to = Math.min(size, from + PIECE);
    const last = ranges.at(-1);
    if (last?.to === from) last.to = to;
    else ranges.push({ from, to });
  }
  return ranges;
}

function faultOf(now: HashedFile, expected: InfoFile, layers: Layers): BundleFault | undefined {
  const { path } = now;
  const isSameSize = now.size === expected.size;
  const isSame =
    now.root === undefined || expected.root === undefined
      ? now.root === expected.root
      : equalBytes(now.root, expected.root);
  if (isSame && isSameSize) return undefined;
  const pieces = wrongPieces(now, expected, layers);
  return {
    path,
    kind: isSameSize ? 'content' : 'size',
    ...(isSameSize ? {} : { size: now.size, expectedSize: expected.size }),
    ...(pieces && { pieces, ranges: rangesOf(pieces, Math.max(now.size, expected.size)) }),
  };
}

/**
 * Compares a folder with what was packed, down to the piece.
 * @throws BitmodelError `NOT_PACKED`, `BAD_MANIFEST`, `NOT_A_FOLDER`, `FILE_CHANGED`, `UNREADABLE_FILE`
 */
export async function checkModel(dir: string, options: CheckOptions = {}): Promise<BundleCheck> {
  const record = options.record ?? dir;
  const bundle = readBundle(record);
  const expected = infoFiles(bundle);
  const faults: BundleFault[] = [];
  if (infoHash(expected) !== bundle.id) faults.push({ path: MANIFEST, kind: 'record' });
  const unfit = new Map<string, string>();
  const list = (): BundleFile[] =>
    findBundleFiles(dir, (path, { message }) => unfit.set(path, message));
  const hashed = await hashFound(dir, list(), list, options);
  const { layers, torrent } = knownLayers(record, expected);
  faults.push(...differences(expected, hashed, layers, unfit));
  return { id: bundle.id, actualId: infoHash(hashed), faults, torrent };
}

/** What of a bundle is not as its description has it, without the torrent that would tell pieces. */
export function compareBundle(bundle: Bundle, hashed: readonly HashedFile[]): BundleFault[] {
  return differences(infoFiles(bundle), hashed, new Map(), new Map());
}

function differences(
  expected: readonly InfoFile[],
  hashed: readonly HashedFile[],
  layers: Layers,
  unfit: ReadonlyMap<string, string>,
): BundleFault[] {
  const faults: BundleFault[] = [];
  const now = new Map(hashed.map((file) => [file.path, file]));
  for (const file of expected) {
    const found = now.get(file.path);
    now.delete(file.path);
    const fault = found && faultOf(found, file, layers);
    if (fault) faults.push(fault);
    else if (!found && !unfit.has(file.path)) faults.push({ path: file.path, kind: 'missing' });
  }
  for (const path of now.keys()) faults.push({ path, kind: 'extra' });
  for (const [path, why] of unfit) faults.push({ path, kind: 'unfit', why });
  return faults;
}
