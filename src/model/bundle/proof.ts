import { equalBytes } from '../../base/index.js';
import {
  BLOCK,
  BLOCKS_PER_PIECE,
  blockHashes,
  EMPTY_PIECE,
  HASH,
  hash,
  PIECE,
  powerOfTwo,
  ZERO,
} from './merkle.js';
import { pieceCount } from './pieces.js';
import type { InfoFile } from './torrent.js';

/** Blocks of 16 KiB in a file. */
export function blockCount(size: number): number {
  return Math.ceil(size / BLOCK);
}

/** Bytes of a block of a file. */
export function blockLength(size: number, block: number): number {
  return Math.min(BLOCK, size - block * BLOCK);
}

/** Hashes in the proof of any block of a file: the height of its tree. */
export function proofLength(size: number): number {
  const blocks =
    size <= PIECE ? powerOfTwo(blockCount(size)) : powerOfTwo(pieceCount(size)) * BLOCKS_PER_PIECE;
  return Math.log2(blocks);
}

/** What stands beside the path from a leaf to the root of a tree of `width` leaves, from the bottom up. */
function siblings(
  leaves: readonly Uint8Array[],
  width: number,
  padding: Uint8Array,
  index: number,
): Uint8Array[] {
  const found: Uint8Array[] = [];
  let layer = leaves;
  let empty = padding;
  let at = index;
  for (let size = width; size > 1; size /= 2) {
    found.push(layer[at ^ 1] ?? empty);
    const above: Uint8Array[] = [];
    for (let i = 0; i < layer.length; i += 2) above.push(hash(layer[i]!, layer[i + 1] ?? empty));
    layer = above;
    empty = hash(empty, empty);
    at >>>= 1;
  }
  return found;
}

/**
 * Shows that a block belongs to a file (BEP 52's `hashes` message has the same tree).
 * @param block its number in the file
 * @param piece bytes of the piece that the block lies in
 * @param layer the file's piece layer, if it has one
 * @returns hashes beside the path to the root, 32 bytes each, from the bottom up
 */
export function proveBlock(
  block: number,
  piece: Uint8Array,
  layer: Uint8Array | undefined,
): Uint8Array {
  const blocks = blockHashes(piece);
  if (layer === undefined) {
    return Buffer.concat(siblings(blocks, powerOfTwo(blocks.length), ZERO, block));
  }
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < layer.length; at += HASH) pieces.push(layer.subarray(at, at + HASH));
  const inPiece = siblings(blocks, BLOCKS_PER_PIECE, ZERO, block % BLOCKS_PER_PIECE);
  const index = Math.floor(block / BLOCKS_PER_PIECE);
  const above = siblings(pieces, powerOfTwo(pieces.length), EMPTY_PIECE, index);
  return Buffer.concat([...inPiece, ...above]);
}

/** Whether bytes are a block of a file, by a proof of {@link proveBlock}. */
export function isBlockOf(
  { size, root }: Pick<InfoFile, 'size' | 'root'>,
  block: number,
  bytes: Uint8Array,
  proof: Uint8Array,
): boolean {
  if (root === undefined || block < 0 || block >= blockCount(size)) return false;
  if (bytes.length !== blockLength(size, block)) return false;
  if (proof.length !== proofLength(size) * HASH) return false;
  let found = hash(bytes);
  let at = block;
  for (let i = 0; i < proof.length; i += HASH) {
    const beside = proof.subarray(i, i + HASH);
    found = at % 2 === 0 ? hash(found, beside) : hash(beside, found);
    at = Math.floor(at / 2);
  }
  return equalBytes(found, root);
}
