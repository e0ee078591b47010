import { existsSync } from 'node:fs';
import { type FileHandle, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BitmodelError, toHex } from '../../base/index.js';
import { bdecode, bencode } from '../bundle/bencode.js';
import { type BundleInfo, parseInfo } from '../bundle/info.js';
import { BLOCK, PIECE } from '../bundle/merkle.js';
import { readTorrent, TORRENT } from '../bundle/pack.js';
import { hasLayer, isLayerOf, pieceCount, pieceSpan } from '../bundle/pieces.js';
import { blockCount, blockLength, proveBlock } from '../bundle/proof.js';
import { readPieceLayers, torrentBytes } from '../bundle/torrent.js';
import { FilePool } from './FilePool.js';

function notServable(dir: string, why: string): BitmodelError {
  return new BitmodelError('NOT_SERVABLE', `${dir} can't be shared: ${why}.`, {
    next: `Pack it again with: bitmodel model pack ${dir}`,
  });
}

/**
 * A packed model whose pieces are given to others. A file that was written to after it was packed is not read: its pieces
 * would be wrong, and whoever asks would hold that against this node.
 */
export class ServedBundle {
  readonly dir: string;
  readonly info: BundleInfo;
  readonly #layers: ReadonlyMap<string, Uint8Array>;
  readonly #files: FilePool;
  readonly #packedAt: bigint;
  readonly #checked = new Map<number, Promise<void>>();

  private constructor(
    dir: string,
    info: BundleInfo,
    layers: ReadonlyMap<string, Uint8Array>,
    packedAt: bigint,
  ) {
    this.dir = dir;
    this.info = info;
    this.#layers = layers;
    this.#packedAt = packedAt;
    const paths = info.files.map(({ path }) => join(dir, path));
    this.#files = new FilePool(paths, 'r');
  }

  /**
   * Opens a model by the torrent that `pack` or a download wrote beside it.
   * @throws BitmodelError `NOT_SERVABLE`, `BAD_BENCODE`, `BAD_INFO`, `BAD_TORRENT`, `UNREADABLE_FILE`
   */
  static async open(dir: string): Promise<ServedBundle> {
    const path = join(dir, TORRENT);
    if (!existsSync(path)) throw notServable(dir, `${TORRENT} is not there`);
    const bytes = readTorrent(dir);
    const torrent = bdecode(bytes);
    const entry = torrent instanceof Map ? torrent.get('info') : undefined;
    if (entry === undefined) throw notServable(dir, `${TORRENT} holds no description`);
    const info = parseInfo(bencode(entry));
    const layers = readPieceLayers(bytes);
    for (const file of info.files) {
      const layer = file.root && layers.get(toHex(file.root));
      if (hasLayer(file) && !(layer && isLayerOf(file, layer))) {
        throw notServable(dir, `${TORRENT} lacks the piece hashes of ${file.path}`);
      }
    }
    const { mtimeNs } = await stat(path, { bigint: true });
    return new ServedBundle(dir, info, layers, mtimeNs);
  }

  /** Piece hashes of a file, one after the other; undefined where it has none. */
  layer(file: number): Uint8Array | undefined {
    const entry = this.info.files[file];
    return entry?.root && hasLayer(entry) ? this.#layers.get(toHex(entry.root)) : undefined;
  }

  /** The torrent, with a place where the files lie (BEP 19). */
  torrent(webSeed?: string): Uint8Array {
    const files = this.info.files.map((file, i) => ({ ...file, pieces: this.layer(i) }));
    return torrentBytes(files, webSeed);
  }

  /** Length of a piece; undefined when there is no such piece. */
  pieceLength(file: number, index: number): number | undefined {
    const size = this.info.files[file]?.size ?? 0;
    return index < pieceCount(size) ? pieceSpan(size, index).length : undefined;
  }

  /**
   * Reads a part of a file.
   * @param into is filled
   * @throws BitmodelError `NOT_SERVABLE` when the file is not what was packed
   */
  async read(file: number, offset: number, into: Uint8Array): Promise<void> {
    await this.#files.use(file, async (handle) => {
      await this.#check(file, handle);
      for (let at = 0; at < into.length; ) {
        const { bytesRead } = await handle.read(into, at, into.length - at, offset + at);
        if (bytesRead === 0) throw notServable(this.dir, 'a file is shorter than it was');
        at += bytesRead;
      }
    });
  }

  /**
   * A block of 16 KiB and what proves that it belongs to its file.
   * @returns undefined when there is no such block
   * @throws BitmodelError as {@link read}
   */
  async prove(
    file: number,
    block: number,
  ): Promise<{ readonly bytes: Uint8Array; readonly proof: Uint8Array } | undefined> {
    const size = this.info.files[file]?.size ?? 0;
    if (block >= blockCount(size)) return undefined;
    const { offset, length } = pieceSpan(size, Math.floor((block * BLOCK) / PIECE));
    const piece = new Uint8Array(length);
    await this.read(file, offset, piece);
    const start = block * BLOCK - offset;
    const bytes = piece.subarray(start, start + blockLength(size, block));
    return { bytes, proof: proveBlock(block, piece, this.layer(file)) };
  }

  close(): Promise<void> {
    return this.#files.close();
  }

  #check(file: number, handle: FileHandle): Promise<void> {
    const known = this.#checked.get(file);
    if (known) return known;
    const checking = this.#compare(file, handle);
    this.#checked.set(file, checking);
    // asked again next time: the folder may have been packed anew meanwhile
    checking.catch(() => this.#checked.delete(file));
    return checking;
  }

  async #compare(file: number, handle: FileHandle): Promise<void> {
    const { path, size } = this.info.files[file]!;
    const { size: actual, mtimeNs } = await handle.stat({ bigint: true });
    if (actual !== BigInt(size)) throw notServable(this.dir, `${path} has another size now`);
    if (mtimeNs > this.#packedAt) {
      throw notServable(this.dir, `${path} was written to after it was packed`);
    }
  }
}
