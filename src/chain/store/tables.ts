import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { BitmodelError, makeFolder, messageOf } from '../../base/index.js';
import { demandLmdbFile } from './lmdbFile.js';

/** One sorted table of LMDB: bytes to bytes. */
export type Table = Database<Uint8Array, Uint8Array>;

/**
 * Number of the form of keys and records, kept in the store: a store of another form is refused (`STORE_FORMAT`) until
 * it is rebuilt from its blocks. Raise it with every change of a table of {@link STATE_TABLES} or of the headers.
 */
export const STORE_FORMAT = 5;

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

const TABLES = [...STATE_TABLES, 'headers', 'blocks', 'inactive', 'counters'] as const;
/** Name of a table of the store. */
export type TableName = (typeof TABLES)[number];
/** All tables of the store by name. */
export type Tables = Readonly<Record<TableName, Table>>;

const BINARY = { encoding: 'binary', keyEncoding: 'binary', cache: false } as const;

/** Below so many free bytes nothing is opened: LMDB can't report a disk that is full while it sets itself up. */
const LEAST_FREE_BYTES = 8 * 2 ** 20;

/** The open LMDB environment with its tables. */
export interface OpenTables {
  readonly root: RootDatabase<Uint8Array, Uint8Array>;
  readonly tables: Tables;
}

/**
 * Opens the store's LMDB file in a folder, which is made if it is not there. A commit returns when its pages and then
 * the page that points to them are on the disk (`fdatasync`, `O_DSYNC`): what was committed survives a loss of power.
 * @throws BitmodelError `DISK_FULL`, `STORE_DAMAGED`, `STORE_FAILED`
 */
export function openTables(folder: string): OpenTables {
  try {
    makeFolder(folder, 0o700);
    if (freeBytes(folder) < LEAST_FREE_BYTES) throw diskFull();
    const path = join(folder, 'chain.lmdb');
    demandLmdbFile(path);
    const root = open<Uint8Array, Uint8Array>({
      ...BINARY,
      path,
      noSubdir: true,
      maxDbs: 32,
      compression: false,
      overlappingSync: false,
    });
    const entries = TABLES.map((name) => [
      name,
      root.openDB<Uint8Array, Uint8Array>({ name, ...BINARY }),
    ]);
    return { root, tables: Object.fromEntries(entries) as Tables };
  } catch (thrown) {
    const error = storeError(thrown, folder);
    throw error instanceof BitmodelError ? error : storeFailed(thrown);
  }
}

function diskFull(cause?: unknown): BitmodelError {
  return new BitmodelError(
    'DISK_FULL',
    'The disk is full: nothing was written, and the chain is as it was before.',
    { next: 'Free some space and start the node again', cause },
  );
}

/**
 * One sentence for what LMDB and the file system report; anything else stays as it is.
 * @param folder of the store
 */
export function storeError(thrown: unknown, folder: string): unknown {
  if (thrown instanceof BitmodelError) return thrown;
  const text = messageOf(thrown);
  if (/ENOSPC|EDQUOT|no space|quota exceeded|MDB_MAP_FULL/i.test(text)) return diskFull(thrown);
  const failed = /MDB_|LMDB|EIO|EFBIG|EACCES|EROFS|EPERM|denied|read-only|too large|input\/output/i;
  if (!failed.test(text)) return thrown;
  // when a part of what is written still fits, LMDB speaks of an input/output error
  if (freeBytes(folder) < LEAST_FREE_BYTES) return diskFull(thrown);
  return storeFailed(thrown);
}

function storeFailed(thrown: unknown): BitmodelError {
  const [reason] = messageOf(thrown).split(/: Attempting|\.$/);
  return new BitmodelError('STORE_FAILED', `The chain's file can't be used: ${reason}.`, {
    next: 'Check the disk, its quota and the permissions, or name another folder with --datadir',
    cause: thrown,
  });
}

/** Bytes that may still be written to the disk of a folder. */
function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    // a folder that is not there holds nothing up: what went wrong is told by whoever asks
    return Number.POSITIVE_INFINITY;
  }
}

/** Bytes of the pages of a table. */
export function tableBytes(table: Table): number {
  const stats = table.getStats() as TableStats;
  const { pageSize, treeBranchPageCount, treeLeafPageCount, overflowPages } = stats;
  return pageSize * (treeBranchPageCount + treeLeafPageCount + overflowPages);
}

/** What LMDB tells of a table; lmdb's own types leave it open. */
interface TableStats {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}
