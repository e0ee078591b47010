import type { Table, TableName, Tables } from './tables.js';

/** The first thing that a rehearsal found different from before. */
export interface Difference {
  readonly table: TableName;
  readonly key: Uint8Array;
}

/** Thrown out of a rehearsal, in the middle of a block too, that changes more than may be remembered. */
export class RehearsalFull extends Error {
  constructor() {
    super('the rehearsal changes more records than may be remembered');
  }
}

/** About what a record takes in memory beside its own bytes, which it holds as text. */
const RECORD_BYTES = 150;

const text = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');

/** Remembers what was under the keys of some tables before they were changed. */
export class Recorder {
  readonly tables: Tables;
  /** What a key held before it was changed for the first time; texts of a byte each take the least memory. */
  readonly #originals: { name: TableName; table: Table; keys: Map<string, string | undefined> }[] =
    [];
  readonly #limit: number;
  #bytes = 0;

  /** @param limit most bytes of memory, about */
  constructor(tables: Tables, limit: number) {
    this.#limit = limit;
    const entries = Object.entries(tables) as [TableName, Table][];
    this.tables = Object.fromEntries(
      entries.map(([name, table]) => [name, this.#record(name, table)]),
    ) as Tables;
  }

  /** Compares what is there now with what was there; undefined when all is as it was. */
  difference(): Difference | undefined {
    for (const { name, table, keys } of this.#originals) {
      for (const [key, value] of keys) {
        const bytes = Buffer.from(key, 'latin1');
        const now = table.getBinary(bytes);
        if ((now && text(now)) !== value) return { table: name, key: bytes };
      }
    }
    return undefined;
  }

  #record(name: TableName, table: Table): Table {
    const keys = new Map<string, string | undefined>();
    this.#originals.push({ name, table, keys });
    const remember = (bytes: Uint8Array): void => {
      const key = text(bytes);
      if (keys.has(key)) return;
      const value = table.getBinary(bytes);
      this.#bytes += RECORD_BYTES + key.length + (value?.length ?? 0);
      if (this.#bytes > this.#limit) throw new RehearsalFull();
      keys.set(key, value && text(value));
    };
    // reads go to the table itself; every write is remembered first
    return new Proxy(table, {
      get: (target, property) => {
        if (property === 'putSync') {
          return (key: Uint8Array, value: Uint8Array) => {
            remember(key);
            return target.putSync(key, value);
          };
        }
        if (property === 'removeSync') {
          return (key: Uint8Array) => {
            remember(key);
            return target.removeSync(key);
          };
        }
        const member: unknown = Reflect.get(target, property, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  }
}
