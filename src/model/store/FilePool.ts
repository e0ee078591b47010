import { type FileHandle, open } from 'node:fs/promises';

interface OpenFile {
  readonly handle: Promise<FileHandle>;
  users: number;
}

/** Files open at once for one model: a model can have more of them than a process may hold open. */
const MOST_OPEN = 64;

/** The files of a folder, opened when they are used and kept open while there is room. */
export class FilePool {
  readonly #paths: readonly string[];
  readonly #flags: 'r' | 'r+';
  readonly #open = new Map<number, OpenFile>();
  #closed = false;

  /** @param paths of the files, which are named by their place in it */
  constructor(paths: readonly string[], flags: 'r' | 'r+') {
    this.#paths = paths;
    this.#flags = flags;
  }

  /** Uses a file; it stays open at least until `work` settles. @throws the error of the file system */
  async use<T>(number: number, work: (file: FileHandle) => Promise<T>): Promise<T> {
    const entry = this.#open.get(number) ?? {
      handle: open(this.#paths[number]!, this.#flags),
      users: 0,
    };
    // used last, so evicted last
    this.#open.delete(number);
    this.#open.set(number, entry);
    entry.users++;
    try {
      return await work(await entry.handle);
    } catch (thrown) {
      // a file that could not be opened is tried again next time
      if (await entry.handle.catch(() => true).then((handle) => handle === true)) {
        this.#open.delete(number);
      }
      throw thrown;
    } finally {
      entry.users--;
      await this.#evict(this.#closed ? 0 : MOST_OPEN);
    }
  }

  /** Closes all files, each as soon as nobody uses it. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#evict(0);
  }

  async #evict(most: number): Promise<void> {
    for (const [number, entry] of this.#open) {
      if (this.#open.size <= most) return;
      if (entry.users > 0) continue;
      this.#open.delete(number);
      const handle = await entry.handle.catch(() => undefined);
      await handle?.close();
    }
  }
}
