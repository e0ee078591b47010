import { existsSync, readFileSync, renameSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { messageOf, writeFileAtomic } from '../../base/index.js';
import { RejectError } from '../consensus/RejectError.js';
import type { Admission } from './Admission.js';
import type { Mempool } from './Mempool.js';
import { decodeSavedMempool, encodeSavedMempool, type SavedMempool } from './savedMempool.js';

/** Milliseconds between two savings of a mempool that changes. */
const SAVE_INTERVAL = 10 * 60_000;
/** Milliseconds after which reading back gives way to other work. */
const SLICE = 20;

/** Which mempool is kept where. */
export interface MempoolFileOptions {
  readonly path: string;
  readonly mempool: Mempool;
  readonly admission: Admission;
  /** Told in one sentence what could not be read or written; the node goes on. */
  readonly warn: (message: string) => void;
}

/**
 * Keeps the mempool over restarts: written as a whole on a stop and now and then, read back through every rule. Trouble
 * with the file never stops the node.
 */
export class MempoolFile {
  readonly path: string;
  /** Settles when what was saved has been read back, or the file was closed before. */
  readonly loaded: Promise<void>;
  readonly #options: MempoolFileOptions;
  readonly #timer: NodeJS.Timeout;
  #isLoaded = false;
  #closed = false;
  #savedAt: string | undefined;

  /** Begins to read back at once, in small slices. */
  constructor(options: MempoolFileOptions) {
    this.#options = options;
    this.path = options.path;
    this.#timer = setInterval(() => this.saveIfChanged(), SAVE_INTERVAL).unref();
    this.loaded = this.#load();
  }

  /** Whether all that was saved has been read back. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Writes the mempool. @throws BitmodelError `WRITE_FAILED`; the older file is then untouched */
  save(): void {
    const { mempool } = this.#options;
    const state = this.#state();
    const entries = [...mempool.entries()].map(({ transaction, time }) => ({ transaction, time }));
    writeFileAtomic(this.path, encodeSavedMempool({ entries, deltas: [...mempool.deltas()] }));
    this.#savedAt = state;
  }

  /** Writes the mempool unless the file has all of it; trouble is only told of. */
  saveIfChanged(): void {
    const { mempool, warn } = this.#options;
    if (!this.#isLoaded || this.#savedAt === this.#state()) return;
    const nothing = mempool.size === 0 && [...mempool.deltas()].length === 0;
    if (nothing && !existsSync(this.path)) return;
    try {
      this.save();
    } catch (thrown) {
      warn(`The mempool was not saved. ${messageOf(thrown)}`);
    }
  }

  /** Ends reading and writes a last time; what was not yet read back stays in the file as it is. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.saveIfChanged();
  }

  /** Changes whenever the mempool does. */
  #state(): string {
    const { mempool } = this.#options;
    const deltas = [...mempool.deltas()].map(([hash, delta]) => `${hash}:${delta}`);
    return [mempool.sequence, mempool.size, ...deltas].join(' ');
  }

  async #load(): Promise<void> {
    // whoever made this may still want to listen to warnings
    await setImmediate();
    try {
      const saved = this.#closed ? undefined : this.#read();
      if (saved) await this.#restore(saved);
      this.#isLoaded = !this.#closed;
    } catch (thrown) {
      // the file stays as it is: nothing is saved over it
      this.#options.warn(`The saved mempool was not read to its end. ${messageOf(thrown)}`);
    }
  }

  #read(): SavedMempool | undefined {
    if (!existsSync(this.path)) return undefined;
    try {
      return decodeSavedMempool(readFileSync(this.path));
    } catch (thrown) {
      this.#setAside(messageOf(thrown));
      return undefined;
    }
  }

  #setAside(why: string): void {
    const aside = `${this.path}.damaged`;
    try {
      renameSync(this.path, aside);
      this.#options.warn(`${why} It was set aside as ${aside}, and the mempool begins empty.`);
    } catch (thrown) {
      this.#options.warn(`${why} The mempool begins empty. ${messageOf(thrown)}`);
    }
  }

  async #restore({ entries, deltas }: SavedMempool): Promise<void> {
    const { mempool, admission } = this.#options;
    for (const [hash, delta] of deltas) mempool.prioritise(hash, delta);
    let began = performance.now();
    for (const { transaction, time } of entries) {
      if (performance.now() - began > SLICE) {
        await setImmediate();
        began = performance.now();
      }
      if (this.#closed) return;
      try {
        admission.restore(transaction, time);
      } catch (thrown) {
        // a block took it meanwhile, it waited too long, or it is not valid any more
        if (!(thrown instanceof RejectError)) throw thrown;
      }
    }
  }
}
