import { type FileHandle, open } from 'node:fs/promises';
import { BitmodelError, concatBytes, sha256 } from '../../base/index.js';

/** Leaves of BEP 52's trees. */
export const BLOCK = 16 * 1024;
/** Our piece length (DESIGN 7). */
export const PIECE = 1024 * 1024;
/** Blocks of 16 KiB in a piece of 1 MiB (BEP 52). */
export const BLOCKS_PER_PIECE = PIECE / BLOCK;
/** Bytes of a hash. */
export const HASH = 32;
/** Bytes read at once. */
const READ = 4 * PIECE;

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

async function readFully(file: FileHandle, into: Buffer, at: number): Promise<number> {
  let filled = 0;
  while (filled < into.length) {
    const { bytesRead } = await file.read(into, filled, into.length - filled, at + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

/** How files are hashed, and who is told how far it is. */
export interface HashOptions {
  /** Called with the bytes read since the last call. */
  readonly onBytes?: (count: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * The Merkle tree of a file as BEP 52 has it: SHA-256 over 16 KiB blocks, padded with zero leaves to a power of two. Reads
 * piece by piece, so memory stays flat.
 * @throws BitmodelError `FILE_CHANGED` when size or time of the file changes while it is read
 */
export async function hashFile(path: string, options: HashOptions = {}): Promise<FileTree> {
  const file = await open(path, 'r');
  try {
    const before = await file.stat({ bigint: true });
    const size = Number(before.size);
    const buffer = Buffer.alloc(Math.min(READ, Math.max(size, 1)));
    const pieces: Uint8Array[] = [];
    let read = 0;
    let only: Uint8Array[] = [];
    while (read < size) {
      options.signal?.throwIfAborted();
      const count = await readFully(file, buffer, read);
      if (count === 0) break;
      const bytes = buffer.subarray(0, Math.min(count, size - read));
      if (size <= PIECE) only = blockHashes(bytes);
      else
        for (let at = 0; at < bytes.length; at += PIECE)
          pieces.push(pieceHash(bytes.subarray(at, at + PIECE)));
      read += bytes.length;
      options.onBytes?.(bytes.length);
    }
    const after = await file.stat({ bigint: true });
    if (read !== size || after.size !== before.size || after.mtimeNs !== before.mtimeNs) {
      throw new BitmodelError('FILE_CHANGED', `${path} changed while it was read.`, {
        next: 'Wait until nothing writes to it, then try again',
      });
    }
    if (size === 0) return { size, root: undefined, pieces: undefined };
    if (size <= PIECE) {
      return { size, root: rootOf(only, powerOfTwo(only.length), ZERO), pieces: undefined };
    }
    const joined = Buffer.concat(pieces);
    return { size, root: rootOfPieces(joined), pieces: joined };
  } finally {
    await file.close();
  }
}
