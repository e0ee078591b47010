import type { Table, TableName, Tables } from './tables.js';

/** The first thing that a rehearsal found different from before. */
export interface Difference {
  readonly table: TableName;
  readonly key: Uint8Array;
}

/** What a key held before it was changed for the first time. */
interface Original {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** Bytes that a record takes in memory beside its own: two arrays, an object, and a text in a map. */
const RECORD_OVERHEAD = 400;

/** Remembers what was under the keys of some tables before they were changed. */
export class Recorder {
  readonly tables: Tables;
  readonly #originals: { name: TableName; table: Table; keys: Map<string, Original> }[] = [];
  #bytes = 0;

  constructor(tables: Tables) {
    const entries = Object.entries(tables) as [TableName, Table][];
    this.tables = Object.fromEntries(
      entries.map(([name, table]) => [name, this.#record(name, table)]),
    ) as Tables;
  }

  /** About how many bytes of memory hold what is remembered. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Compares what is there now with what was there; undefined when all is as it was. */
  difference(): Difference | undefined {
    for (const { name, table, keys } of this.#originals) {
      for (const { key, value } of keys.values()) {
        const now = table.getBinary(key);
        const same = value && now ? Buffer.compare(value, now) === 0 : value === now;
        if (!same) return { table: name, key };
      }
    }
    return undefined;
  }

  #record(name: TableName, table: Table): Table {
    const keys = new Map<string, Original>();
    this.#originals.push({ name, table, keys });
    const remember = (key: Uint8Array): void => {
      const text = Buffer.from(key).toString('latin1');
      if (keys.has(text)) return;
      const value = table.getBinary(key);
      keys.set(text, { key: Uint8Array.from(key), value });
      this.#bytes += RECORD_OVERHEAD + key.length + (value?.length ?? 0);
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
