import { dirname } from 'node:path';
import { BitmodelError, equalBytes } from '../../base/index.js';
import type { AddressParameters } from '../address/address.js';
import type { HeaderEntry, HeaderSource } from '../consensus/headers.js';
import { Ancestors } from './Ancestors.js';
import type { PlacedTransaction } from './changes.js';
import { damaged } from './damage.js';
import { heightKey } from './keys.js';
import { lockFolder, reserveFolder } from './lock.js';
import { PinIndex } from './PinIndex.js';
import { PinQueries } from './PinQueries.js';
import { PinTables } from './PinTables.js';
import { decodeHeaderRecord, encodeHeaderRecord } from './records.js';
import { StoreFile } from './StoreFile.js';

const CACHE_SIZE = 4_096;
/** Headers are all that is known of blocks here. */
const NO_BODY = { status: 'unchecked', transactionCount: 0, size: 0 } as const;

/** A record of a light node's own: its key and its bytes. */
export interface LightRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/**
 * What a light node keeps on disk (LMDB): the headers of the chain with the most work, and records of its own beside
 * them, such as proven transactions. What it writes in one call is there together or not at all.
 */
export class LightStore implements HeaderSource {
  readonly #file: StoreFile;
  readonly #unlock: () => void;
  readonly #ancestors = new Ancestors(this);
  readonly #cache = new Map<number, HeaderEntry>();
  #tip: HeaderEntry | undefined;

  private constructor(file: StoreFile, unlock: () => void) {
    this.#file = file;
    this.#unlock = unlock;
  }

  /**
   * Opens the store of a folder `light` within a network's folder, both of which no other node has meanwhile.
   * @param first the genesis header at its place; an empty store begins with it
   * @throws BitmodelError `DATADIR_LOCKED`, `DISK_FULL`, `STORE_DAMAGED`, `STORE_FAILED`, `WRONG_CHAIN`
   */
  static async open(folder: string, first: HeaderEntry): Promise<LightStore> {
    const file = await StoreFile.open(folder);
    const network = dirname(folder);
    let release = (): void => {};
    try {
      release = reserveFolder(network);
      const unlock = await lockFolder(network, (body) => file.transaction(body));
      const store = new LightStore(file, () => {
        unlock();
        release();
      });
      store.#begin(first);
      return store;
    } catch (thrown) {
      release();
      await file.close();
      throw thrown;
    }
  }

  /** Who is told of every error after which the store can't be trusted to go on. */
  set onFailure(listener: (error: BitmodelError) => void) {
    this.#file.onFailure = listener;
  }

  /** The header with the most work behind it. */
  tip(): HeaderEntry {
    this.#tip ??= this.#readTip();
    return this.#tip;
  }

  /** Header by block hash; undefined off the chain. */
  header(hash: Uint8Array): HeaderEntry | undefined {
    return this.#file.read(() => {
      const bytes = this.#file.tables.headers.getBinary(hash);
      return bytes && decodeHeaderRecord(Uint8Array.from(hash), bytes);
    });
  }

  headerAt(height: number): HeaderEntry | undefined {
    const cached = this.#cache.get(height);
    if (cached) return cached;
    const hash = this.#file.tables.heights.getBinary(heightKey(height));
    const entry = hash && this.header(Uint8Array.from(hash));
    if (!entry) return undefined;
    if (this.#cache.size >= CACHE_SIZE) this.#cache.delete(this.#cache.keys().next().value!);
    this.#cache.set(height, entry);
    return entry;
  }

  isActive(entry: HeaderEntry): boolean {
    const found = this.headerAt(entry.height);
    return found !== undefined && equalBytes(found.hash, entry.hash);
  }

  parent(entry: HeaderEntry): HeaderEntry | undefined {
    return entry.height === 0 ? undefined : this.header(entry.header.previousHash);
  }

  ancestor(entry: HeaderEntry, height: number): HeaderEntry {
    return this.#ancestors.find(entry, height);
  }

  /**
   * Puts headers on top of the one at a height, in place of those above it.
   * @param headers at least one, each on top of the one before
   */
  extend(forkHeight: number, headers: readonly HeaderEntry[]): void {
    const { tables } = this.#file;
    this.#file.transaction(() => {
      for (let { height } = this.tip(); height > forkHeight; height--) {
        tables.headers.removeSync(this.headerAt(height)!.hash);
        tables.heights.removeSync(heightKey(height));
      }
      for (const entry of headers) this.#put(entry);
    });
    for (const height of this.#cache.keys()) if (height > forkHeight) this.#cache.delete(height);
    this.#tip = headers.at(-1);
  }

  /** The node's own records, in the order of their keys. */
  records(): LightRecord[] {
    const range = this.#file.tables.transactions.getRange();
    return [...range].map(({ key, value }) => ({
      key: Uint8Array.from(key),
      value: Uint8Array.from(value),
    }));
  }

  /** Writes records of the node's own and removes others. */
  change(put: readonly LightRecord[], remove: readonly Uint8Array[]): void {
    if (put.length === 0 && remove.length === 0) return;
    const { transactions } = this.#file.tables;
    this.#file.transaction(() => {
      for (const key of remove) transactions.removeSync(key);
      for (const { key, value } of put) transactions.putSync(key, value);
    });
  }

  /**
   * What the index of pins knows after some transactions, in the chain's order, on an empty one. Nothing of it stays.
   * @param body asks the index, and must be done when it returns
   */
  withPins<T>(
    transactions: readonly PlacedTransaction[],
    parameters: AddressParameters,
    body: (pins: PinQueries) => T,
  ): T {
    const { tables } = this.#file;
    return this.#file.rehearse(() => {
      const index = new PinIndex(new PinTables(tables, parameters));
      for (const each of transactions) index.apply(each);
      return body(new PinQueries(tables, parameters));
    });
  }

  async close(): Promise<void> {
    this.#unlock();
    await this.#file.close();
  }

  #begin(first: HeaderEntry): void {
    const stored = this.headerAt(0);
    if (!stored) this.#file.transaction(() => this.#put(first));
    else if (!equalBytes(stored.hash, first.hash)) {
      throw new BitmodelError('WRONG_CHAIN', 'This folder holds another chain.', {
        next: 'Choose another folder with --datadir',
      });
    }
  }

  #put(entry: HeaderEntry): void {
    const { tables } = this.#file;
    tables.headers.putSync(entry.hash, encodeHeaderRecord({ ...entry, ...NO_BODY }));
    tables.heights.putSync(heightKey(entry.height), entry.hash);
  }

  #readTip(): HeaderEntry {
    const [key] = [...this.#file.tables.heights.getKeys({ reverse: true, limit: 1 })];
    const height = key && new DataView(key.buffer, key.byteOffset).getUint32(0);
    const entry = height === undefined ? undefined : this.headerAt(height);
    if (!entry) throw damaged("the tip's header is missing");
    return entry;
  }
}
