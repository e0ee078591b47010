import { constants, existsSync, lstatSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  assertRoom,
  BitmodelError,
  EXIT,
  readWithin,
  toHex,
  writeFileAtomic,
} from '../../base/index.js';
import { type BundleInfo, MAX_INFO, parseInfo } from '../bundle/info.js';
import { type Bundle, checkBundle, writeBundle } from '../bundle/manifest.js';
import { HASH } from '../bundle/merkle.js';
import { type Parent, TORRENT } from '../bundle/pack.js';
import {
  type BundlePiece,
  expectedHash,
  hashOfPiece,
  hasLayer,
  isLayerOf,
  pieceCount,
  piecesOf,
} from '../bundle/pieces.js';
import { type InfoFile, torrentBytes } from '../bundle/torrent.js';
import { FilePool } from './FilePool.js';
import { type PieceKeeper, writeError } from './PieceKeeper.js';

/** Folder inside a model's that says how far a download is; no part of the model, since its name begins with a dot. */
export const STATE = '.bitmodel-pull';
const INFO = 'info';
const HAVE = 'have';
/** Windows knows no such links to be followed. */
const OPEN = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);

/** What the description of a model that was fetched says beside its contents. */
export interface BundleAbout {
  readonly name: string;
  readonly licence?: string;
  readonly parents?: readonly Parent[];
}

/**
 * A model on its way to a folder. A piece is written only when it has its hash, and noted as there only when it is written,
 * so that a download that ends at any moment goes on from there; what was noted is hashed again then, since a power cut can
 * lose what the disk had not taken yet.
 */
export class PartialBundle {
  readonly dir: string;
  readonly info: BundleInfo;
  readonly pieces: readonly BundlePiece[];
  readonly #layers = new Map<string, Uint8Array>();
  readonly #files: FilePool;
  readonly #have: Uint8Array;
  #haveFile: FileHandle | undefined;
  #bytesDone = 0;

  private constructor(dir: string, info: BundleInfo) {
    this.dir = dir;
    this.info = info;
    this.pieces = piecesOf(info);
    this.#have = new Uint8Array(this.pieces.length);
    const paths = info.files.map((file) => join(dir, file.path));
    this.#files = new FilePool(paths, 'r+');
  }

  /** The description of the model whose download was begun in a folder, if there is one. */
  static savedInfo(dir: string): BundleInfo | undefined {
    if (!existsSync(join(dir, STATE, INFO))) return undefined;
    return parseInfo(readWithin(dir, join(STATE, INFO), MAX_INFO));
  }

  /**
   * Begins a download in a folder, or goes on with one. Its files are made with their full size at once, without taking room.
   * @param signal ends the checking of what is there
   * @throws BitmodelError `FOLDER_IN_USE` when something else lies there, `NO_SPACE`, `WRITE_FAILED`, `DISK_FULL`
   */
  static async open(dir: string, info: BundleInfo, signal?: AbortSignal): Promise<PartialBundle> {
    const path = resolve(dir);
    const saved = PartialBundle.savedInfo(path);
    if (saved === undefined) await assertEmpty(path);
    else if (saved.id !== info.id) throw inUse(path, 'another download was begun there');
    // before anything is made of a size that somebody else stated, the list of pieces included
    if (saved === undefined) assertRoom(path, info.size);
    for (const name of [INFO, HAVE]) assertOurs(path, `${STATE}/${name}`);
    for (const file of info.files) assertOurs(path, file.path, file.size);
    const bundle = new PartialBundle(path, info);
    try {
      if (saved === undefined) await bundle.#begin();
      await bundle.#makeFiles();
      bundle.#readLayers();
      await bundle.#recheck(signal);
      assertRoom(path, info.size - bundle.#bytesDone);
      return bundle;
    } catch (thrown) {
      await bundle.close();
      throw asWriteError(thrown);
    }
  }

  /** Bytes of pieces that are there. */
  get bytesDone(): number {
    return this.#bytesDone;
  }

  get isComplete(): boolean {
    return this.#bytesDone === this.info.size;
  }

  has(piece: BundlePiece): boolean {
    return this.#have[piece.number] === 1;
  }

  missing(): BundlePiece[] {
    return this.pieces.filter((piece) => !this.has(piece));
  }

  /** Numbers of the files whose piece hashes are not known yet; nothing of them can be kept before. */
  missingLayers(): number[] {
    const files = this.info.files.map((file, number) => ({ file, number }));
    return files
      .filter(({ file }) => hasLayer(file) && !this.#layers.has(toHex(file.root!)))
      .map(({ number }) => number);
  }

  /** Takes the piece hashes of a file. @returns false when they don't make its root */
  setLayer(file: number, layer: Uint8Array): boolean {
    const entry = this.info.files[file]!;
    if (!isLayerOf(entry, layer)) return false;
    const root = toHex(entry.root!);
    this.#layers.set(root, layer);
    writeFileAtomic(join(this.dir, STATE, root), layer);
    return true;
  }

  /**
   * Keeps a piece if it is right.
   * @returns false when it does not have its hash
   * @throws BitmodelError `DISK_FULL`, `WRITE_FAILED`
   */
  async keep(piece: BundlePiece, bytes: Uint8Array, keeper: PieceKeeper): Promise<boolean> {
    if (bytes.length !== piece.length) return false;
    const hash = this.#hashOf(piece);
    const { offset, isWholeFile } = piece;
    const isRight = await this.#files
      .use(piece.file, ({ fd: descriptor }) =>
        keeper.keep({ bytes, descriptor, offset, hash, isWholeFile }),
      )
      .catch((thrown: unknown) => {
        throw asWriteError(thrown);
      });
    if (isRight && !this.has(piece)) await this.#note(piece);
    return isRight;
  }

  /**
   * Flushes everything to the disk and writes the torrent and the description, after which the folder is as `pack` left it
   * elsewhere.
   * @throws BitmodelError `NOT_COMPLETE`, `WRITE_FAILED`
   */
  async finish(about: BundleAbout): Promise<Bundle> {
    if (!this.isComplete) {
      throw new BitmodelError('NOT_COMPLETE', `Pieces of ${this.dir} are still missing.`, {
        next: 'Pull the model again',
      });
    }
    const { id, files, size } = this.info;
    for (const number of files.keys()) await this.#files.use(number, (file) => file.sync());
    await this.close();
    const hashed = files.map((file) => ({
      ...file,
      pieces: file.root && this.#layers.get(toHex(file.root)),
    }));
    writeFileAtomic(join(this.dir, TORRENT), torrentBytes(hashed));
    const bundle = checkBundle({
      v: 1,
      id,
      name: about.name,
      ...(about.licence === undefined ? {} : { licence: about.licence }),
      parents: about.parents ?? [],
      size,
      files: files.map(({ path, size: bytes, root }) => ({
        path,
        size: bytes,
        ...(root ? { root: toHex(root) } : {}),
      })),
    });
    writeBundle(this.dir, bundle);
    await rm(join(this.dir, STATE), { recursive: true });
    return bundle;
  }

  /** Lets go of the files; what is there stays. */
  async close(): Promise<void> {
    const have = this.#haveFile;
    this.#haveFile = undefined;
    await have?.close();
    await this.#files.close();
  }

  #hashOf(piece: BundlePiece): Uint8Array {
    const file = this.info.files[piece.file] as InfoFile;
    return expectedHash(file, piece, file.root && this.#layers.get(toHex(file.root)));
  }

  async #note(piece: BundlePiece): Promise<void> {
    this.#have[piece.number] = 1;
    this.#bytesDone += piece.length;
    try {
      await this.#haveFile?.write(Uint8Array.of(1), 0, 1, piece.number);
    } catch (thrown) {
      throw asWriteError(thrown);
    }
  }

  /** Notes what is fetched before anything of it is there, so that whatever an end leaves behind is known as ours. */
  async #begin(): Promise<void> {
    await mkdir(join(this.dir, STATE), { recursive: true });
    writeFileAtomic(join(this.dir, STATE, INFO), this.info.bytes);
  }

  async #makeFiles(): Promise<void> {
    const made = new Set<string>();
    for (const { path, size } of this.info.files) {
      const full = join(this.dir, path);
      await mkdir(dirname(full), { recursive: true });
      const file = await open(full, OPEN);
      try {
        const { dev, ino } = await file.stat({ bigint: true });
        // two names of a model can be one file on a system that does not tell cases apart
        if (made.has(`${dev}:${ino}`)) throw inUse(this.dir, `${path} stands there twice`);
        made.add(`${dev}:${ino}`);
        await file.truncate(size);
      } finally {
        await file.close();
      }
    }
    this.#haveFile = await open(join(this.dir, STATE, HAVE), OPEN);
    await this.#haveFile.truncate(this.pieces.length);
  }

  #readLayers(): void {
    for (const number of this.missingLayers()) {
      const file = this.info.files[number]!;
      const name = join(STATE, toHex(file.root!));
      if (!existsSync(join(this.dir, name))) continue;
      const layer = readWithin(this.dir, name, HASH * pieceCount(file.size));
      if (isLayerOf(file, layer)) this.#layers.set(toHex(file.root!), layer);
    }
  }

  /** Hashes again what was noted as there. */
  async #recheck(signal: AbortSignal | undefined): Promise<void> {
    const noted = await readFile(join(this.dir, STATE, HAVE));
    const unknown = new Set(this.missingLayers());
    const buffer = new Uint8Array(Math.max(1, ...this.pieces.map(({ length }) => length)));
    for (const piece of this.pieces) {
      signal?.throwIfAborted();
      if (noted[piece.number] !== 1 || unknown.has(piece.file)) continue;
      const bytes = buffer.subarray(0, piece.length);
      const { bytesRead } = await this.#files.use(piece.file, (file) =>
        file.read(bytes, 0, piece.length, piece.offset),
      );
      const found = hashOfPiece(bytes, piece.isWholeFile);
      if (bytesRead !== piece.length || Buffer.compare(found, this.#hashOf(piece)) !== 0) continue;
      this.#have[piece.number] = 1;
      this.#bytesDone += piece.length;
    }
  }
}

function inUse(dir: string, why: string): BitmodelError {
  return new BitmodelError('FOLDER_IN_USE', `${dir} can't take the model: ${why}.`, {
    next: 'Name another folder with --out DIR, or empty it',
    exitCode: EXIT.notAllowed,
  });
}

/**
 * Refuses what somebody else may have laid out in a folder with a download that was begun: a link, through which a file
 * elsewhere would be written to, or a file that the download never made.
 * @param size that the download gave the file
 */
function assertOurs(dir: string, path: string, size?: number): void {
  const names = path.split('/');
  for (const [i] of names.entries()) {
    const shown = names.slice(0, i + 1).join('/');
    const found = lstatSync(join(dir, shown), { throwIfNoEntry: false });
    if (found === undefined) return;
    const isLast = i === names.length - 1;
    if (!(isLast ? found.isFile() && found.nlink === 1 : found.isDirectory())) {
      throw inUse(dir, `${shown} is a link, or not of the download`);
    }
    // a start that was cut off leaves an empty one
    if (isLast && size !== undefined && found.size !== 0 && found.size !== size) {
      throw inUse(dir, `${shown} is another file than that of the download`);
    }
  }
}

async function assertEmpty(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true });
    const names = await readdir(dir);
    if (names.some((name) => name !== STATE)) throw inUse(dir, 'it is not empty');
  } catch (thrown) {
    throw asWriteError(thrown);
  }
}

function asWriteError(thrown: unknown): unknown {
  const { code } = thrown as NodeJS.ErrnoException;
  const isSystem = thrown instanceof Error && !(thrown instanceof BitmodelError) && code;
  return isSystem ? writeError({ code, message: thrown.message }) : thrown;
}
