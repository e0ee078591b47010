import { type FileHandle, open } from 'node:fs/promises';
import { BitmodelError } from '../../base/index.js';

/** Bytes read at a time. */
const BLOCK = 1 << 20;
/** Blocks kept; more than any two rows of elements read ahead of each other at a time. */
const KEPT = 24;
/** Blocks that are read before they are asked for. */
const AHEAD = 4;

/** A part of a file in memory. */
export interface Block {
  readonly bytes: Buffer;
  /** Where in the file it begins. */
  readonly start: number;
  readonly end: number;
}

interface Slot {
  readonly key: string;
  readonly loading: Promise<Block>;
  block: Block | undefined;
}

/** Fills a buffer from a file. @returns bytes read, fewer at its end */
export async function readFully(file: FileHandle, into: Buffer, at: number): Promise<number> {
  let filled = 0;
  while (filled < into.length) {
    const { bytesRead } = await file.read(into, filled, into.length - filled, at + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

/** Files read from front to back in blocks, ahead of whoever asks for them. */
export class FileBlocks {
  readonly sizes: readonly number[];
  readonly #files: readonly FileHandle[];
  readonly #free: Buffer[] = [];
  readonly #slots = new Map<string, Slot>();

  private constructor(files: readonly FileHandle[], sizes: readonly number[]) {
    this.#files = files;
    this.sizes = sizes;
  }

  static async open(paths: readonly string[]): Promise<FileBlocks> {
    const files: FileHandle[] = [];
    try {
      for (const path of paths) files.push(await open(path, 'r'));
      const sizes = await Promise.all(files.map(async (file) => (await file.stat()).size));
      return new FileBlocks(files, sizes);
    } catch (thrown) {
      for (const file of files) await file.close();
      throw thrown;
    }
  }

  /** The block that holds a byte. Its bytes are good until some other block is waited for. */
  at(file: number, offset: number): Block | Promise<Block> {
    const index = Math.floor(offset / BLOCK);
    const slot = this.#slot(file, index);
    for (let next = index + 1; next <= index + AHEAD; next++) {
      if (next * BLOCK < this.sizes[file]!) this.#slot(file, next);
    }
    return slot.block ?? slot.loading;
  }

  /** A few bytes without the block around them. */
  async read(file: number, offset: number, into: Buffer): Promise<void> {
    if ((await readFully(this.#files[file]!, into, offset)) < into.length) throw changed();
  }

  #slot(file: number, index: number): Slot {
    const key = `${file}/${index}`;
    const known = this.#slots.get(key);
    if (known) {
      // the latest used stands last
      this.#slots.delete(key);
      this.#slots.set(key, known);
      return known;
    }
    this.#evict();
    const slot: Slot = { key, loading: this.#load(file, index), block: undefined };
    slot.loading.then(
      (block) => {
        slot.block = block;
      },
      // whoever waits for it is told
      () => undefined,
    );
    this.#slots.set(key, slot);
    return slot;
  }

  #evict(): void {
    if (this.#slots.size < KEPT) return;
    for (const slot of this.#slots.values()) {
      if (!slot.block) continue;
      this.#slots.delete(slot.key);
      this.#free.push(slot.block.bytes);
      return;
    }
  }

  async #load(file: number, index: number): Promise<Block> {
    const start = index * BLOCK;
    const end = Math.min(start + BLOCK, this.sizes[file]!);
    const bytes = this.#free.pop() ?? Buffer.allocUnsafeSlow(BLOCK);
    const read = await readFully(this.#files[file]!, bytes.subarray(0, end - start), start);
    if (read < end - start) throw changed();
    return { bytes, start, end };
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#slots.values()].map(({ loading }) => loading));
    this.#slots.clear();
    for (const file of this.#files) await file.close();
  }
}

function changed(): BitmodelError {
  return new BitmodelError('FILE_CHANGED', 'A file of the model changed while it was read.', {
    next: 'Wait until nothing writes to it, then try again',
  });
}
