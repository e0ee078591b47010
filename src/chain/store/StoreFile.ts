import { closeSync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { ABORT } from 'lmdb';
import { BitmodelError } from '../../base/index.js';
import { demandNotHeld, lockFolder } from './lock.js';
import { Snapshot } from './Snapshot.js';
import { type OpenTables, openTables, storeError, type Tables } from './tables.js';

/** What a node can't go on after. */
const FATAL = new Set(['DISK_FULL', 'STORE_FAILED', 'STORE_DAMAGED']);

/** The open LMDB file of one data folder, which no other process has meanwhile: transactions, and what goes wrong. */
export class StoreFile {
  readonly tables: Tables;
  /** Told of every error after which the store can't be trusted to go on; whoever asked gets it, too. */
  onFailure: (error: BitmodelError) => void = () => {};
  readonly #folder: string;
  readonly #root: OpenTables['root'];
  readonly #unlock: () => void;
  readonly #snapshots = new Set<Snapshot>();

  private constructor(folder: string, { root, tables }: OpenTables, unlock: () => void) {
    this.#folder = folder;
    this.#root = root;
    this.tables = tables;
    this.#unlock = unlock;
  }

  /** @throws BitmodelError `DATADIR_LOCKED`, `DISK_FULL`, `STORE_DAMAGED`, `STORE_FAILED` */
  static async open(folder: string): Promise<StoreFile> {
    demandNotHeld(folder);
    const opened = openTables(folder);
    const { root } = opened;
    try {
      // LMDB's write lock is the system's: it keeps other processes out, and goes with the process that holds it
      const unlock = lockFolder(folder, (body) => root.transactionSync(body));
      return new StoreFile(folder, opened, unlock);
    } catch (thrown) {
      await root.close();
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
    this.#unlock();
    await this.#root.close();
  }

  /** What went wrong in the words of this project; whoever must end the node is told. */
  #failed(thrown: unknown): unknown {
    const error = storeError(thrown, this.#folder);
    if (error instanceof BitmodelError && FATAL.has(error.code)) this.onFailure(error);
    return error;
  }
}
