import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { equalBytes, toHex } from '../../base/index.js';
import { readBundle } from './manifest.js';
import { PIECE } from './merkle.js';
import { type HashProgress, hashBundle, TORRENT } from './pack.js';
import { type HashedFile, infoHash, readPieceLayers } from './torrent.js';

/** One difference between a folder and what was packed. */
export interface BundleFault {
  readonly path: string;
  readonly kind: 'missing' | 'extra' | 'size' | 'content';
  /** Pieces of 1 MiB that are wrong, from 0, where the torrent beside the files tells. */
  readonly pieces?: readonly number[];
}

/** What was found when a bundle was held against its manifest. */
export interface BundleCheck {
  /** Id of what was packed. */
  readonly id: string;
  /** Id of what is there now. */
  readonly actualId: string;
  readonly faults: readonly BundleFault[];
}

const HASH = 32;

/** Piece layers of the torrent, as far as it is there; without it files are named, not pieces. */
function knownLayers(dir: string): Map<string, Uint8Array> {
  const path = join(dir, TORRENT);
  return existsSync(path) ? readPieceLayers(readFileSync(path)) : new Map();
}

function wrongPieces(
  now: HashedFile,
  expected: Uint8Array | undefined,
): readonly number[] | undefined {
  if (now.size <= PIECE) return [0];
  if (expected === undefined || now.pieces === undefined) return undefined;
  const wrong: number[] = [];
  for (let i = 0; i * HASH < now.pieces.length; i++) {
    const at = i * HASH;
    if (!equalBytes(now.pieces.subarray(at, at + HASH), expected.subarray(at, at + HASH)))
      wrong.push(i);
  }
  return wrong;
}

/**
 * Compares a folder with what was packed, down to the piece.
 * @throws BitmodelError `NOT_PACKED`, `BAD_MANIFEST`, `BAD_BENCODE`, `BAD_TORRENT`, and as `hashBundle`
 */
export async function checkModel(dir: string, options: HashProgress = {}): Promise<BundleCheck> {
  const bundle = readBundle(dir);
  const hashed = await hashBundle(dir, options);
  const layers = knownLayers(dir);
  const now = new Map(hashed.map((file) => [file.path, file]));
  const faults: BundleFault[] = [];
  for (const { path, size, root } of bundle.files) {
    const file = now.get(path);
    now.delete(path);
    if (file === undefined) faults.push({ path, kind: 'missing' });
    else if (file.size !== size) faults.push({ path, kind: 'size' });
    else if ((file.root ? toHex(file.root) : undefined) !== root) {
      const pieces = wrongPieces(file, root === undefined ? undefined : layers.get(root));
      faults.push({ path, kind: 'content', ...(pieces ? { pieces } : {}) });
    }
  }
  for (const path of now.keys()) faults.push({ path, kind: 'extra' });
  return { id: bundle.id, actualId: infoHash(hashed), faults };
}
