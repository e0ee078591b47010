import { concatBytes, sha256 } from '../../base/index.js';

/** Leaves of BEP 52's trees. */
export const BLOCK = 16 * 1024;
/** Our piece length (DESIGN 7). */
export const PIECE = 1024 * 1024;
/** Blocks of 16 KiB in a piece of 1 MiB (BEP 52). */
export const BLOCKS_PER_PIECE = PIECE / BLOCK;
/** Bytes of a hash. */
export const HASH = 32;

/** A file's place in the identity. */
export interface FileTree {
  readonly size: number;
  /** Root of the file's tree; undefined for an empty file, which has none. */
  readonly root: Uint8Array | undefined;
  /** Hashes of its pieces, one after the other; only of files longer than a piece. */
  readonly pieces: Uint8Array | undefined;
}

/** SHA-256 of parts, in one call: an object for the state of each hash costs about as much as the hash. */
export function hash(...parts: readonly Uint8Array[]): Uint8Array {
  return sha256(parts.length === 1 ? parts[0]! : concatBytes(...parts));
}

/** Root of `width` (a power of two) hashes, of which those missing are `padding`. */
function rootOf(hashes: readonly Uint8Array[], width: number, padding: Uint8Array): Uint8Array {
  let layer = hashes;
  let empty = padding;
  for (let size = width; size > 1; size /= 2) {
    const above: Uint8Array[] = [];
    for (let i = 0; i < layer.length; i += 2) above.push(hash(layer[i]!, layer[i + 1] ?? empty));
    layer = above;
    empty = hash(empty, empty);
  }
  return layer[0] ?? empty;
}

/** What stands for a block that is not there. */
export const ZERO = new Uint8Array(HASH);
/** What stands for a piece that is not there. */
export const EMPTY_PIECE = rootOf([], BLOCKS_PER_PIECE, ZERO);

/** The least power of two that is not below a number. */
export function powerOfTwo(atLeast: number): number {
  let size = 1;
  while (size < atLeast) size *= 2;
  return size;
}

/** Leaves of a piece's tree. */
export function blockHashes(bytes: Uint8Array): Uint8Array[] {
  const hashes: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += BLOCK)
    hashes.push(hash(bytes.subarray(at, at + BLOCK)));
  return hashes;
}

/** Hash of one piece of a longer file; a short last one is padded with zero leaves. */
export function pieceHash(bytes: Uint8Array): Uint8Array {
  return rootOf(blockHashes(bytes), BLOCKS_PER_PIECE, ZERO);
}

/** Root of a file that is no longer than a piece, and not empty. */
export function smallFileRoot(bytes: Uint8Array): Uint8Array {
  const blocks = blockHashes(bytes);
  return rootOf(blocks, powerOfTwo(blocks.length), ZERO);
}

/** Root of a tree over the pieces of a file longer than one. */
export function rootOfPieces(pieces: Uint8Array): Uint8Array {
  const hashes: Uint8Array[] = [];
  for (let at = 0; at < pieces.length; at += HASH) hashes.push(pieces.subarray(at, at + HASH));
  return rootOf(hashes, powerOfTwo(hashes.length), EMPTY_PIECE);
}

/**
 * A file's place in the identity, from what its bytes hash to.
 * @param hashes of all its pieces, in order; of a file no longer than a piece its root; of an empty one nothing
 */
export function treeOf(size: number, hashes: readonly Uint8Array[]): FileTree {
  if (size === 0) return { size, root: undefined, pieces: undefined };
  if (size <= PIECE) return { size, root: hashes[0]!, pieces: undefined };
  const pieces = concatBytes(...hashes);
  return { size, root: rootOfPieces(pieces), pieces };
}
