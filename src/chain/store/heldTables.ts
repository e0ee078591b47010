import type { Transaction as ReadTransaction } from 'lmdb';
import { STATE_TABLES, type Table, type Tables } from './tables.js';

/**
 * The tables with those that connecting a block changes as a read transaction sees them. The bytes of blocks and what is
 * known of headers are told as they come: they belong to no tip.
 */
export function heldTables(tables: Tables, transaction: ReadTransaction): Tables {
  const held = STATE_TABLES.map((name) => [name, heldTable(tables[name], transaction)]);
  return { ...tables, ...(Object.fromEntries(held) as Partial<Tables>) };
}

function heldTable(table: Table, transaction: ReadTransaction): Table {
  const at = { transaction };
  // of a table of bytes, `get` is the same as `getBinary`, and has options
  const get = (key: Uint8Array): Uint8Array | undefined => table.get(key, at);
  const reads: Partial<Record<keyof Table, unknown>> = {
    getBinary: get,
    getBinaryFast: get,
    doesExist: (key: Uint8Array) => get(key) !== undefined,
    getRange: (range: object = {}) => table.getRange({ ...range, ...at }),
    getKeys: (range: object = {}) => table.getKeys({ ...range, ...at }),
    getKeysCount: (range: object = {}) => table.getKeysCount({ ...range, ...at }),
    getStats: () => table.getStats(),
  };
  return new Proxy(table, {
    get: (_, property) => {
      const read = reads[property as keyof Table];
      if (read) return read;
      throw new Error(`${String(property)} is none of the reads of a table that is held still`);
    },
  });
}
