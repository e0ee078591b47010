import { readFileSync, renameSync, statSync } from 'node:fs';
import { BitmodelError, messageOf, writeFileAtomic } from '../../base/index.js';

/** What a {@link SavedFile} is of, and how it is read. */
export interface SavedFileOptions<T> {
  readonly path: string;
  /** Most bytes that are read; a larger file is damaged. */
  readonly maxBytes: number;
  /** Makes sense of the JSON value. @throws where there is none */
  readonly decode: (value: unknown) => T;
  /** The JSON value to write. */
  readonly encode: () => unknown;
  /** Milliseconds after a change until it is written; changes meanwhile are written with it. */
  readonly delay: number;
  /** Told in one sentence of a damaged file, and of one that can't be written. */
  readonly onWarning: (message: string) => void;
}

/**
 * A JSON file that follows what a part of the node knows: read at the start, written whole a while after changes. What
 * it holds is worth keeping but not worth stopping for: a damaged file is set aside with a warning.
 */
export class SavedFile<T> {
  readonly #options: SavedFileOptions<T>;
  #timer: NodeJS.Timeout | undefined;
  #failed = false;

  constructor(options: SavedFileOptions<T>) {
    this.#options = options;
  }

  /** What was saved; undefined where nothing was, or nothing that can be read. */
  load(): T | undefined {
    const { path, maxBytes, decode } = this.#options;
    const size = statSync(path, { throwIfNoEntry: false })?.size;
    if (size === undefined) return undefined;
    try {
      if (size > maxBytes) throw new BitmodelError('TOO_LARGE', `it has ${size} bytes`);
      return decode(JSON.parse(readFileSync(path, 'utf8')));
    } catch (thrown) {
      this.#setAside(messageOf(thrown).split('\n')[0]!);
      return undefined;
    }
  }

  /** Says that there is something to write. */
  changed(): void {
    if (this.#timer) return;
    this.#timer = setTimeout(() => this.save(), this.#options.delay);
    this.#timer.unref();
  }

  /** Writes it now. */
  save(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      const text = `${JSON.stringify(this.#options.encode())}\n`;
      writeFileAtomic(this.#options.path, text, { mode: 0o600 });
      this.#failed = false;
    } catch (thrown) {
      // said once: a full disk is not mended within the next minute
      if (!this.#failed) this.#options.onWarning(messageOf(thrown));
      this.#failed = true;
    }
  }

  /** Writes what is still to be written. */
  close(): void {
    if (this.#timer) this.save();
  }

  #setAside(why: string): void {
    const { path, onWarning } = this.#options;
    const aside = `${path}.damaged`;
    try {
      renameSync(path, aside);
      onWarning(`${path} can't be read (${why}); it is kept as ${aside}, and the node begins anew`);
    } catch (thrown) {
      onWarning(`${path} can't be read (${why}), nor set aside (${messageOf(thrown)})`);
    }
  }
}
