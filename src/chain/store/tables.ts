import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { BitmodelError, messageOf } from '../../base/index.js';

/** One sorted table of LMDB: bytes to bytes. */
export type Table = Database<Uint8Array, Uint8Array>;

/** Tables that connecting a block changes and disconnecting it changes back. */
export const STATE_TABLES = [
  'heights',
  'utxos',
  'undo',
  'transactions',
  'spenders',
  'history',
  'addressUtxos',
  'jobs',
  'pins',
  'pinEvents',
  'pinLocations',
  'pinsByPath',
  'pinsByOwner',
  'pinsByMetaId',
  'tokens',
  'tokenUtxos',
  'tokenHistory',
  'meta',
] as const;

const TABLES = [...STATE_TABLES, 'headers', 'blocks'] as const;
export type TableName = (typeof TABLES)[number];
export type Tables = Readonly<Record<TableName, Table>>;

const BINARY = { encoding: 'binary', keyEncoding: 'binary', cache: false } as const;

/** The open LMDB environment with its tables. */
export interface OpenTables {
  readonly root: RootDatabase<Uint8Array, Uint8Array>;
  readonly tables: Tables;
}

/** Opens the store's LMDB file in a folder that this process has locked. @throws BitmodelError `STORE_FAILED` */
export function openTables(folder: string): OpenTables {
  try {
    const root = open<Uint8Array, Uint8Array>({
      ...BINARY,
      path: join(folder, 'chain.lmdb'),
      noSubdir: true,
      maxDbs: 32,
      compression: false,
    });
    const entries = TABLES.map((name) => [
      name,
      root.openDB<Uint8Array, Uint8Array>({ name, ...BINARY }),
    ]);
    return { root, tables: Object.fromEntries(entries) as Tables };
  } catch (thrown) {
    throw storeError(thrown);
  }
}

/** One sentence for what LMDB reports; anything else stays as it is. */
export function storeError(thrown: unknown): unknown {
  if (thrown instanceof BitmodelError) return thrown;
  const text = messageOf(thrown);
  const full = /ENOSPC|no space|MDB_MAP_FULL/i.test(text);
  if (!full && !/MDB_|LMDB|EIO|EACCES|EROFS|denied|input\/output/i.test(text)) return thrown;
  return new BitmodelError(
    full ? 'DISK_FULL' : 'STORE_FAILED',
    full
      ? 'The disk is full: nothing was written, and the chain is as it was before.'
      : `The chain's file can't be used: ${text}.`,
    {
      next: full
        ? 'Free some space and start the node again'
        : 'Check the disk and the permissions',
      cause: thrown,
    },
  );
}
