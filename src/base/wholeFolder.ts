import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { BitmodelError, EXIT } from './errors.js';
import { asWriteError, makeFolder, syncFolder } from './files.js';
import { isProcessAlive } from './processes.js';
import { assertRoom } from './space.js';
import { syncTree } from './syncTree.js';

/** Who makes a folder, as its hidden name says: machines that share a disk don't know of each other's processes. */
const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
const PARTIAL = /^\..+\.partial-([0-9a-f]{8})-(\d{1,10})-[0-9a-f]{12}$/;

/** Removes what processes of this machine left that were killed while they made a folder. */
function removeLeftovers(parent: string): void {
  for (const name of readdirSync(parent)) {
    const [, host, pid] = PARTIAL.exec(name) ?? [];
    if (host !== HOST || isProcessAlive(Number(pid))) continue;
    try {
      rmSync(join(parent, name), { recursive: true, force: true });
    } catch {
      // another user's: it is theirs to remove, and in nobody's way
    }
  }
}

function assertFree(out: string): void {
  const found = statSync(out, { throwIfNoEntry: false });
  if (found === undefined || (found.isDirectory() && readdirSync(out).length === 0)) return;
  throw new BitmodelError('FOLDER_IN_USE', `${out} exists already; nothing was written.`, {
    next: 'Name another folder with --out DIR, or remove it first',
    exitCode: EXIT.notAllowed,
  });
}

/** How a folder is made. */
export interface WholeFolderOptions {
  /** Bytes that will be written, if that is known: without room for them nothing is begun. */
  readonly bytes?: number;
  /** Mode of the folder; 0o777 without the umask's bits unless stated. */
  readonly mode?: number;
}

/** A folder in the making, under a hidden name beside its own. */
export interface PartialFolder {
  /** Where to write; empty at first. */
  readonly dir: string;
  /** Where it will be, absolute. */
  readonly out: string;
  /** Has a folder inside of `dir` take the place, in which alone the result lies. */
  keepOnly(folder: string): void;
}

/**
 * Makes a whole folder or none: it is filled under a hidden name, flushed to the disk, then renamed. What killed processes left beside it is removed.
 * @param out where it is to be; there may be an empty folder
 * @throws BitmodelError `FOLDER_IN_USE`, `NO_SPACE`, `WRITE_FAILED`; whatever `fill` throws
 */
export async function makeWholeFolder<Result>(
  out: string,
  fill: (partial: PartialFolder) => Promise<Result>,
  { bytes = 0, mode = 0o777 }: WholeFolderOptions = {},
): Promise<Result> {
  const target = resolve(out);
  const parent = dirname(target);
  const unique = randomBytes(6).toString('hex');
  const hidden = join(parent, `.${basename(target)}.partial-${HOST}-${process.pid}-${unique}`);
  const dir = join(hidden, 'model');
  let kept = dir;
  let isMade = false;
  try {
    assertFree(target);
    if (existsSync(parent)) removeLeftovers(parent);
    assertRoom(parent, bytes);
    makeFolder(parent);
    // for its owner alone, which what is made need not be
    mkdirSync(hidden, { mode: 0o700 });
    isMade = true;
    mkdirSync(dir, { mode });
    const keepOnly = (folder: string): void => {
      kept = folder;
    };
    const result = await fill({ dir, out: target, keepOnly });
    await syncTree(kept);
    // an empty folder; Windows renames over none
    if (existsSync(target)) rmdirSync(target);
    renameSync(kept, target);
    syncFolder(parent);
    return result;
  } catch (thrown) {
    throw asWriteError(out, thrown);
  } finally {
    if (isMade) rmSync(hidden, { recursive: true, force: true });
  }
}
