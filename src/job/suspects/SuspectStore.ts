import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { concatBytes, fromHex, makeFolder, utf8 } from '../../base/index.js';
import { demandLmdbFile } from '../../chain/index.js';
import type { Suspicion } from './suspicion.js';

/** Suspicions kept of one identity, the first ones: whoever has been slashed so often is no more suspect by another. */
export const KEPT_OF_ONE = 8;

/** How far the chain was read. */
export interface ScanMark {
  readonly height: number;
  /** Hash of that block, hex, in byte order. */
  readonly hash: string;
  /** Lowest height from which on every slash was read: above 0 where a node had dropped blocks before. */
  readonly from: number;
}

/** Form of the file; another one is made anew from the chain. */
const FORM = 1;
const META = utf8('m');
const BY_IDENTITY = utf8('i');
const BY_HEIGHT = utf8('h');

function u32be(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/**
 * The suspicions of one chain on disk, in an LMDB file of its own: all of it follows from the chain, so a file that is
 * damaged, or of another form, is made anew.
 *
 * Kept are the first few of each identity. An undone block takes away only what is at its height or above, so what was
 * left out for being the ninth is never missed: the first eight are there, or the chain ends below all of them.
 */
export class SuspectStore {
  readonly #root: RootDatabase<string, Uint8Array>;

  private constructor(root: RootDatabase<string, Uint8Array>) {
    this.#root = root;
  }

  /** @param genesis hex of the chain's first block: another chain's file is made anew */
  static open(folder: string, genesis: string, anew = false): SuspectStore {
    makeFolder(folder, 0o700);
    const path = join(folder, 'suspects.lmdb');
    const forget = (): void => {
      for (const each of [path, `${path}-lock`]) rmSync(each, { force: true });
    };
    if (anew) forget();
    try {
      if (existsSync(path)) demandLmdbFile(path);
    } catch {
      forget();
    }
    const name = `${FORM} ${genesis}`;
    let store = new SuspectStore(openFile(path));
    const known = store.#root.get(META);
    if (known !== undefined && (JSON.parse(known) as { name: string }).name !== name) {
      void store.#root.close();
      forget();
      store = new SuspectStore(openFile(path));
    }
    store.#name = name;
    return store;
  }

  #name = '';

  /** How far the chain was read; undefined where nothing was yet. */
  get mark(): ScanMark | undefined {
    const text = this.#root.get(META);
    return text === undefined ? undefined : (JSON.parse(text) as { mark: ScanMark }).mark;
  }

  /** Writes what blocks up to a mark said, all of it or nothing. */
  add(found: readonly Suspicion[], mark: ScanMark): void {
    this.#root.transactionSync(() => {
      for (const each of found) this.#put(each);
      this.#root.putSync(META, JSON.stringify({ name: this.#name, mark }));
    });
  }

  /** Takes back what blocks above a mark said. */
  undo(mark: ScanMark): void {
    this.#root.transactionSync(() => {
      const above = concatBytes(BY_HEIGHT, u32be(mark.height + 1));
      for (const key of [...this.#keys(above, after(BY_HEIGHT))]) {
        const rest = key.subarray(5);
        const height = key.subarray(1, 5);
        this.#root.removeSync(
          concatBytes(BY_IDENTITY, rest.subarray(0, 32), height, rest.subarray(32)),
        );
        this.#root.removeSync(key);
      }
      this.#root.putSync(META, JSON.stringify({ name: this.#name, mark }));
    });
  }

  /** What is held against an identity, the first thing first. @param metaId hex */
  of(metaId: string): Suspicion[] {
    const group = concatBytes(BY_IDENTITY, fromHex(metaId, 32));
    return [...this.#root.getRange({ start: group, end: after(group) })].map(
      ({ value }) => JSON.parse(value) as Suspicion,
    );
  }

  /**
   * Suspicions in the order of their blocks.
   * @param cursor the last one of the page before, as it was given with it
   */
  page(cursor: string | undefined, limit: number): { found: Suspicion[]; next?: string } {
    const from = cursor === undefined ? BY_HEIGHT : fromHex(`${cursor}00`);
    const keys = [...this.#keys(from, after(BY_HEIGHT), limit + 1)];
    const found = keys.slice(0, limit).map((key) => {
      const rest = key.subarray(5);
      const at = concatBytes(
        BY_IDENTITY,
        rest.subarray(0, 32),
        key.subarray(1, 5),
        rest.subarray(32),
      );
      return JSON.parse(this.#root.get(at)!) as Suspicion;
    });
    const more = keys.length > limit ? keys[limit - 1] : undefined;
    return more ? { found, next: Buffer.from(more).toString('hex') } : { found };
  }

  close(): Promise<void> {
    return this.#root.close();
  }

  #put(each: Suspicion): void {
    if (this.of(each.metaId).length >= KEPT_OF_ONE) return;
    const metaId = fromHex(each.metaId, 32);
    const txid = fromHex(each.txid, 32);
    const height = u32be(each.height);
    this.#root.putSync(concatBytes(BY_IDENTITY, metaId, height, txid), JSON.stringify(each));
    this.#root.putSync(concatBytes(BY_HEIGHT, height, metaId, txid), '');
  }

  #keys(start: Uint8Array, end: Uint8Array, limit?: number): Iterable<Uint8Array> {
    return this.#root.getKeys({ start, end, ...(limit === undefined ? {} : { limit }) });
  }
}

/** First key behind all that begin with a group's. */
function after(group: Uint8Array): Uint8Array {
  const end = group.slice();
  for (let i = end.length - 1; i >= 0; i--) {
    if (end[i]! < 0xff) {
      end[i]! += 1;
      return end.subarray(0, i + 1);
    }
  }
  return Uint8Array.of(0xff, 0xff);
}

function openFile(path: string): RootDatabase<string, Uint8Array> {
  return open<string, Uint8Array>({
    path,
    noSubdir: true,
    encoding: 'string',
    keyEncoding: 'binary',
    overlappingSync: false,
    compression: false,
  });
}
