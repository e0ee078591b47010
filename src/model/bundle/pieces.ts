import { BitmodelError, equalBytes } from '../../base/index.js';
import type { BundleInfo } from './info.js';
import { HASH, PIECE, pieceHash, rootOfPieces, smallFileRoot } from './merkle.js';
import type { InfoFile } from './torrent.js';

/** One piece of a bundle: up to 1 MiB of one file, with the hash it must have. */
export interface BundlePiece {
  /** Its number in the bundle, from 0. */
  readonly number: number;
  /** Number of its file in the info dictionary. */
  readonly file: number;
  /** Its number in the file. */
  readonly index: number;
  /** Where it begins in the file. */
  readonly offset: number;
  readonly length: number;
  /** Whether it is the whole file, so that its hash is the file's root. */
  readonly isWholeFile: boolean;
}

/** Pieces of a file; an empty one has none. */
export function pieceCount(size: number): number {
  return Math.ceil(size / PIECE);
}

/** Where a piece of a file lies. */
export function pieceSpan(size: number, index: number): { offset: number; length: number } {
  const offset = index * PIECE;
  return { offset, length: Math.min(PIECE, size - offset) };
}

/** All pieces of a bundle, file by file. */
export function piecesOf({ files }: Pick<BundleInfo, 'files'>): BundlePiece[] {
  const pieces: BundlePiece[] = [];
  files.forEach(({ size }, file) => {
    const isWholeFile = size <= PIECE;
    for (let index = 0; index < pieceCount(size); index++) {
      pieces.push({ number: pieces.length, file, index, isWholeFile, ...pieceSpan(size, index) });
    }
  });
  return pieces;
}

/** Whether a file's pieces have hashes of their own: a file of one piece has only its root. */
export function hasLayer({ size }: Pick<InfoFile, 'size'>): boolean {
  return size > PIECE;
}

/** Whether bytes are the piece layer of a file: the hashes of its pieces, which make its root. */
export function isLayerOf(file: InfoFile, layer: Uint8Array): boolean {
  if (file.root === undefined || layer.length !== pieceCount(file.size) * HASH) return false;
  return equalBytes(rootOfPieces(layer), file.root);
}

/** Hash of a piece, as its file's layer, or for a file of one piece its root, has it. */
export function hashOfPiece(bytes: Uint8Array, isWholeFile: boolean): Uint8Array {
  return isWholeFile ? smallFileRoot(bytes) : pieceHash(bytes);
}

/**
 * The hash that a piece must have.
 * @param layer of its file, if that has one
 * @throws BitmodelError `BAD_TORRENT` when the layer is missing
 */
export function expectedHash(
  file: InfoFile,
  piece: Pick<BundlePiece, 'index' | 'isWholeFile'>,
  layer: Uint8Array | undefined,
): Uint8Array {
  if (piece.isWholeFile) return file.root!;
  if (layer === undefined) {
    throw new BitmodelError('BAD_TORRENT', `The piece hashes of ${file.path} are not known.`, {
      next: 'Make the torrent again with: bitmodel model pack DIR',
    });
  }
  return layer.subarray(piece.index * HASH, (piece.index + 1) * HASH);
}
