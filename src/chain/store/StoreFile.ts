import { closeSync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { ABORT } from 'lmdb';
import type { BitmodelError } from '../../base/index.js';
import { endsStore } from './damage.js';
import { lockFolder, reserveFolder } from './lock.js';
import { Snapshot } from './Snapshot.js';
import { type OpenTables, openTables, storeError, type Tables } from './tables.js';

/** What gives the folder back: to other processes, and then to this one. */
interface FolderLock {
  unlock(): void;
  release(): void;
}

/** The open LMDB file of one data folder, which no other process has meanwhile: transactions, and what goes wrong. */
export class StoreFile {
  readonly tables: Tables;
  /** Told of every error after which the store can't be trusted to go on; whoever asked gets it, too. */
  onFailure: (error: BitmodelError) => void = () => {};
  readonly #folder: string;
  readonly #root: OpenTables['root'];
  readonly #lock: FolderLock;
  readonly #snapshots = new Set<Snapshot>();

  private constructor(folder: string, { root, tables }: OpenTables, lock: FolderLock) {
    this.#folder = folder;
    this.#root = root;
    this.tables = tables;
    this.#lock = lock;
  }

  /** @throws BitmodelError `DATADIR_LOCKED`, `DISK_FULL`, `STORE_DAMAGED`, `STORE_FAILED` */
  static async open(folder: string): Promise<StoreFile> {
    const release = reserveFolder(folder);
    let root: OpenTables['root'] | undefined;
    try {
      const opened = openTables(folder);
      root = opened.root;
      // LMDB's write lock is the system's: it keeps other processes out, and goes with the process that holds it
      const unlock = await lockFolder(folder, (body) => opened.root.transactionSync(body));
      return new StoreFile(folder, opened, { unlock, release });
    } catch (thrown) {
      await root?.close();
      release();
      throw storeError(thrown, folder);
    }
  }

  /** Runs reads and writes that happen together or not at all. Whatever is thrown undoes them. */
  transaction<T>(body: () => T): T {
    try {
      return this.#root.transactionSync(body);
    } catch (thrown) {
      throw this.#failed(thrown);
    }
  }

  /** Writes the names of the file and its folder to the disk: a new file is lost with them. */
  syncFolder(): void {
    // Windows has no such call and needs none
    if (process.platform === 'win32') return;
    for (const path of [this.#folder, dirname(this.#folder)]) {
      const folder = openSync(path, 'r');
      try {
        fsyncSync(folder);
      } finally {
        closeSync(folder);
      }
    }
  }

  /** Runs writes and takes all of them back. */
  rehearse<T>(body: () => T): T {
    let result: T | undefined;
    this.#root.transactionSync(() => {
      result = body();
      return ABORT;
    });
    return result as T;
  }

  /** Runs reads; damage that they meet ends the node. */
  read<T>(body: () => T): T {
    try {
      return body();
    } catch (thrown) {
      throw this.#failed(thrown);
    }
  }

  /** The tables as they are now; give it back soon. */
  snapshot(): Snapshot {
    const snapshot = new Snapshot(this.tables, (done) => this.#snapshots.delete(done));
    this.#snapshots.add(snapshot);
    return snapshot;
  }

  /** Gives the folder back and closes the file; everything that was committed is on the disk already. */
  async close(): Promise<void> {
    for (const snapshot of this.#snapshots) snapshot.close();
    while (this.#snapshots.size > 0) await setImmediate();
    this.#lock.unlock();
    try {
      await this.#root.close();
    } finally {
      this.#lock.release();
    }
  }

  /** What went wrong in the words of this project; whoever must end the node is told. */
  #failed(thrown: unknown): unknown {
    const error = storeError(thrown, this.#folder);
    if (endsStore(error)) this.onFailure(error);
    return error;
  }
}
