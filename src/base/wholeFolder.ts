import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { BitmodelError, EXIT } from './errors.js';
import { asWriteError, makeFolder, syncFolder } from './files.js';
import { isProcessAlive, startTimeOf } from './processes.js';
import { assertRoom } from './space.js';
import { syncTree } from './syncTree.js';

/** What a file or link of the system says, if it is there. */
function told(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

/**
 * Whose processes' numbers mean what they mean here, as a hidden name says it: machines that share a disk don't know of each
 * other's, nor do containers, though they may have one host name.
 */
const HOST = createHash('sha256')
  .update(
    [
      hostname(),
      told(() => readFileSync('/etc/machine-id', 'utf8')),
      told(() => readlinkSync('/proc/self/ns/pid')),
    ].join('\n'),
  )
  .digest('hex')
  .slice(0, 8);
const PARTIAL = /^\..+\.partial-([0-9a-f]{8})-(\d{1,10})-(\d{0,20})-[0-9a-f]{12}$/;
/** What others began and have not touched for so long, nobody makes any more. */
const FORGOTTEN_MS = 7 * 24 * 3600 * 1000;

/** Whether nobody goes on with a folder of such a name. */
function isAbandoned(path: string, host: string, pid: string, start: string): boolean {
  const { mtimeMs, uid } = lstatSync(path);
  if (process.getuid !== undefined && process.getuid() !== uid) return false;
  if (host === HOST) return !isProcessAlive(Number(pid), start);
  const model = lstatSync(join(path, 'model'), { throwIfNoEntry: false });
  return Date.now() - Math.max(mtimeMs, model?.mtimeMs ?? 0) > FORGOTTEN_MS;
}

/** Removes what processes of this user left that were killed while they made a folder. */
function removeLeftovers(parent: string): void {
  for (const name of readdirSync(parent)) {
    const [, host, pid, start] = PARTIAL.exec(name) ?? [];
    if (host === undefined) continue;
    try {
      const path = join(parent, name);
      if (isAbandoned(path, host, pid!, start!)) rmSync(path, { recursive: true, force: true });
    } catch {
      // it is gone by now, or can't be removed: in nobody's way
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
  const whose = `${HOST}-${process.pid}-${startTimeOf(process.pid)}`;
  const hidden = join(parent, `.${basename(target)}.partial-${whose}-${unique}`);
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
