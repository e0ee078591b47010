import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BitmodelError, EXIT, roomIn } from '../../base/index.js';
import { foldName, isExcluded, isPortable } from '../bundle/names.js';
import { DEEPEST } from '../bundle/walk.js';

/** Takes the files of an archive, one after the other. */
export interface ArchiveTarget {
  /**
   * The archive had more bytes, of files or not.
   * @throws BitmodelError `ARCHIVE_TOO_LARGE` when they are more than an archive of its size can have
   */
  weigh(bytes: number): void;
  /**
   * A file begins.
   * @param path as the archive has it
   * @param size bytes that the archive says it has
   * @returns false when it is left out; its bytes are not wanted then
   */
  begin(path: string, size: number): boolean;
  write(bytes: Uint8Array): void;
  end(): void;
}

/** What an archive may come to. */
export interface ArchiveLimits {
  /** Bytes of the archive itself. */
  readonly archiveBytes: number;
  /** Most bytes of all its files together. */
  readonly maxBytes?: number;
}

/** Most files of an archive: more than twice as many as other nodes would fetch. */
const MOST_FILES = 20_000;
/** Weights hardly get smaller by packing, and text some ten times: what grows more was made to fill a disk. */
const MOST_GROWTH = 100;
/** Small archives of repetitive text may well grow more. */
const GROWTH_FREE = 64 * 1024 * 1024;
const GREW = `its files have more than ${MOST_GROWTH} times the bytes that it has itself`;
/** Folders that systems put into archives, which are of no use to others. */
const LEFT_OUT = new Set(['__MACOSX']);

/** The error of an archive that is not taken. */
export function badArchive(why: string, cause?: unknown): BitmodelError {
  return new BitmodelError('BAD_ARCHIVE', `The archive can't be unpacked: ${why}.`, {
    next: 'Get it again, from whom you trust; nothing of it was kept',
    exitCode: EXIT.usage,
    cause,
  });
}

function tooLarge(why: string): BitmodelError {
  return new BitmodelError('ARCHIVE_TOO_LARGE', `The archive is not unpacked: ${why}.`, {
    next: 'If you trust it, unpack it with another program and run: bitmodel model pack DIR',
    exitCode: EXIT.notAllowed,
  });
}

/** Names of an archived path. @returns undefined when the file is of no use to a model */
function namesOf(path: string): readonly string[] | undefined {
  const names = path.split('/').filter((name, i) => name !== '.' || i > 0);
  if (names.some((name) => name === '' || name === '.' || name === '..')) {
    throw badArchive(`it holds a path that leaves its folder or is none, ${path.slice(0, 200)}`);
  }
  if (names.some((name) => name.startsWith('.') || LEFT_OUT.has(name))) return undefined;
  const last = names.at(-1)!;
  const isOurs = isExcluded(last);
  if (isOurs && last.endsWith('.torrent')) return undefined;
  const mustTravel = isOurs ? names.slice(0, -1) : names;
  if (names.length > DEEPEST + 1) throw badArchive('a file lies too deep');
  if (!mustTravel.every(isPortable)) {
    throw badArchive(`a name in it does not travel between systems, ${path.slice(0, 200)}`);
  }
  return names;
}

/**
 * The folder into which an archive is unpacked. Whatever the archive holds, nothing
 * is written outside of it: names are looked at one by one, no link is ever made, and no file is opened that is there already.
 */
export class Staging implements ArchiveTarget {
  readonly dir: string;
  readonly #limits: ArchiveLimits;
  readonly #free: number;
  /** Most bytes that may come of it. */
  readonly #most: number;
  readonly #taken = new Set<string>();
  /** Folders as they were written first, by how they are compared. */
  readonly #spelling = new Map<string, string>();
  #files = 0;
  #leftOut = 0;
  #declared = 0;
  #weighed = 0;
  #left = 0;
  #descriptor: number | undefined;

  /** @param dir empty, of a folder in the making */
  constructor(dir: string, limits: ArchiveLimits) {
    this.dir = dir;
    this.#limits = limits;
    this.#free = roomIn(dir);
    this.#most = Math.max(GROWTH_FREE, MOST_GROWTH * limits.archiveBytes);
  }

  /** Files that were left out: what has a name with a dot, and torrents. */
  get leftOut(): number {
    return this.#leftOut;
  }

  weigh(bytes: number): void {
    this.#weighed += bytes;
    if (this.#weighed > this.#most) throw tooLarge(GREW);
  }

  /** @throws BitmodelError `BAD_ARCHIVE`, `ARCHIVE_TOO_LARGE`, `NO_SPACE`, `WRITE_FAILED` */
  begin(path: string, size: number): boolean {
    if (++this.#files > MOST_FILES) throw tooLarge(`it holds more than ${MOST_FILES} files`);
    const names = namesOf(path);
    this.#assertRoom(size);
    if (names === undefined) {
      this.#leftOut++;
      return false;
    }
    this.#take(names, path);
    const target = join(this.dir, ...names);
    mkdirSync(dirname(target), { recursive: true });
    this.#descriptor = openSync(target, 'wx', 0o644);
    this.#left = size;
    return true;
  }

  /** @throws BitmodelError `BAD_ARCHIVE`, `WRITE_FAILED` */
  write(bytes: Uint8Array): void {
    this.#left -= bytes.length;
    // what was declared was weighed, so no more than that is written
    if (this.#left < 0) throw badArchive('a file has more bytes than the archive says');
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor!, bytes, at);
  }

  /** @throws BitmodelError `BAD_ARCHIVE` */
  end(): void {
    this.close();
    if (this.#left !== 0) throw badArchive('it ends in the middle of a file');
  }

  /** Closes the file that it was left in, if any. */
  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #assertRoom(size: number): void {
    if (!Number.isSafeInteger(size) || size < 0) throw badArchive('a file in it has no size');
    this.#declared += size;
    const { maxBytes } = this.#limits;
    if (maxBytes !== undefined && this.#declared > maxBytes) {
      throw tooLarge('its files have more bytes than you allow');
    }
    if (this.#declared > this.#most) throw tooLarge(GREW);
    if (this.#declared <= this.#free) return;
    throw new BitmodelError('NO_SPACE', 'The disk has no room for what the archive holds.', {
      next: 'Free some space, or name another folder with --out DIR',
      exitCode: EXIT.notAllowed,
    });
  }

  /** Notes a path; a file may be no folder of another one, and no two may be one where cases are not told apart. */
  #take(names: readonly string[], path: string): void {
    let fold = '';
    for (const [i, name] of names.entries()) {
      fold = `${fold}/${foldName(name)}`;
      const isLast = i === names.length - 1;
      const isFile = this.#taken.has(`file ${fold}`);
      const isFolder = this.#taken.has(`folder ${fold}`);
      if (isFile || (isLast && isFolder)) throw badArchive(`${path} stands in it twice`);
      this.#taken.add(`${isLast ? 'file' : 'folder'} ${fold}`);
    }
    for (let i = 1; i < names.length; i++) {
      const exact = names.slice(0, i).join('/');
      const key = names.slice(0, i).map(foldName).join('/');
      const before = this.#spelling.get(key) ?? exact;
      if (before !== exact) {
        throw badArchive(`${exact} and ${before} are one where cases are not told apart`);
      }
      this.#spelling.set(key, exact);
    }
  }
}
