import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { BitmodelError } from '../../base/index.js';

const MAGIC = 0xbeefc0de;
/** Of LMDB's page header and of its fields in the meta page (`MDB_page`, `MDB_meta` and `MDB_db` in mdb.c). */
const PAGE_HEADER = 24;
const FLAGS = 18;
const META_FLAG = 8;
const PAGE_SIZE = 24;
const ROOTS = [64, 112];
const META_SIZE = 144;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

function broken(path: string, why: string): BitmodelError {
  return new BitmodelError('STORE_DAMAGED', `The chain's file ${path} can't be read: ${why}.`, {
    next: 'Move it away and start the node again: it begins with an empty chain',
  });
}

/** Demands of one of the two pages that LMDB begins with that it is one; returns the size of pages. */
function demandMeta(path: string, page: Buffer, fileSize: number): number {
  const meta = page.subarray(PAGE_HEADER);
  if (page.length < META_SIZE || meta.readUInt32LE() !== MAGIC) {
    throw broken(path, 'it does not begin as a file of LMDB does');
  }
  const pageSize = meta.readUInt32LE(PAGE_SIZE);
  const isMeta = (page.readUInt16LE(FLAGS) & META_FLAG) !== 0;
  const isSize = pageSize >= 512 && pageSize <= 65_536 && (pageSize & (pageSize - 1)) === 0;
  if (!isMeta || !isSize) throw broken(path, 'its first pages are damaged');
  for (const offset of ROOTS) {
    const root = meta.readBigUInt64LE(offset);
    if (root !== NO_PAGE && (root + 1n) * BigInt(pageSize) > BigInt(fileSize)) {
      throw broken(path, 'it ends too early');
    }
  }
  return pageSize;
}

/**
 * Demands of a file, unless it is new, that it begins as LMDB's do and holds the pages that everything hangs on: LMDB
 * for Node.js ends the process on some that don't. What is deeper in the file is not looked at.
 * @throws BitmodelError `STORE_DAMAGED`
 */
export function demandLmdbFile(path: string): void {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw thrown;
  }
  try {
    const { size } = fstatSync(file);
    if (size === 0) return;
    const page = Buffer.alloc(META_SIZE);
    const pageAt = (at: number): Buffer => page.subarray(0, readSync(file, page, 0, META_SIZE, at));
    demandMeta(path, pageAt(demandMeta(path, pageAt(0), size)), size);
  } finally {
    closeSync(file);
  }
}
