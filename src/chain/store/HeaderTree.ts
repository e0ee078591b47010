import { hashKey } from '../consensus/coins.js';
import { inactiveKey } from './keys.js';
import { decodeHeaderRecord, encodeHeaderRecord, type HeaderRecord } from './records.js';
import type { Table, Tables } from './tables.js';

const CACHE_SIZE = 4_096;
const PRESENT = Uint8Array.of(1);

/** Every header known, on any branch, and which of their blocks are kept off the active chain. */
export class HeaderTree {
  readonly #headers: Table;
  readonly #inactive: Table;
  readonly #cache = new Map<string, HeaderRecord>();

  constructor(tables: Tables) {
    this.#headers = tables.headers;
    this.#inactive = tables.inactive;
  }

  /** Header by hash. @throws BitmodelError `STORE_DAMAGED` */
  get(hash: Uint8Array): HeaderRecord | undefined {
    const key = hashKey(hash);
    const cached = this.#cache.get(key);
    if (cached) return cached;
    const bytes = this.#headers.getBinary(hash);
    if (!bytes) return undefined;
    const record = decodeHeaderRecord(Uint8Array.from(hash), bytes);
    this.#remember(key, record);
    return record;
  }

  /** All of them, in no order. */
  *all(): Generator<HeaderRecord> {
    for (const { key, value } of this.#headers.getRange()) {
      yield decodeHeaderRecord(Uint8Array.from(key), value);
    }
  }

  /** Enters or changes a header; within the store's transaction. */
  put(record: HeaderRecord): void {
    this.#headers.putSync(record.hash, encodeHeaderRecord(record));
    this.#remember(hashKey(record.hash), record);
  }

  /** Removes a header; within the store's transaction. */
  remove(record: HeaderRecord): void {
    this.setInactive(record, false);
    this.#headers.removeSync(record.hash);
    this.#cache.delete(hashKey(record.hash));
  }

  /** Notes whether a block is kept off the active chain; within the store's transaction. */
  setInactive(record: HeaderRecord, inactive: boolean): void {
    if (inactive) this.#inactive.putSync(inactiveKey(record), PRESENT);
    else this.#inactive.removeSync(inactiveKey(record));
  }

  /** Blocks kept off the active chain, most work first. */
  *inactive(): Generator<HeaderRecord> {
    for (const key of this.#inactive.getKeys({ reverse: true })) {
      const record = this.get(key.subarray(32));
      if (record) yield record;
    }
  }

  /** After a transaction that was undone, what is remembered may never have been. */
  forgetCache(): void {
    this.#cache.clear();
  }

  #remember(key: string, record: HeaderRecord): void {
    if (this.#cache.size >= CACHE_SIZE) this.#cache.delete(this.#cache.keys().next().value!);
    this.#cache.set(key, record);
  }
}
