import {
  closeSync,
  lstatSync,
  openSync,
  readFileSync,
  realpathSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  BitmodelError,
  EXIT,
  makeFolder,
  messageOf,
  sha256,
  toHex,
  utf8,
} from '../../base/index.js';

/** How long another holder is waited for, and how often it is looked at, in milliseconds. */
const PATIENCE = 5_000;
const INTERVAL = 10;
/** The work under such a lock takes milliseconds: an older one was left by a process that died. */
const STALE = 30_000;
/** A lock gets its maker's number at once. */
const UNSIGNED = 1_000;
/** Locks of this process that last, by real path: a file with its number that is not among them was left by one before it. */
const lasting = new Set<string>();

/** Whether a process of this number runs. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    // without the right to signal it, it is there all the same
    return (thrown as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function tryCreate(path: string): boolean {
  try {
    const file = openSync(path, 'wx', 0o600);
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') {
      assertPlainFile(path);
      return false;
    }
    throw new BitmodelError('WRITE_FAILED', `${path} could not be made: ${messageOf(thrown)}.`, {
      next: 'Check the permissions of the data folder, or choose another with --datadir',
      cause: thrown,
    });
  }
}

/** What nobody makes as a lock can't be waited for: a link that leads nowhere is there and is not, for ever. */
function assertPlainFile(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found || found.isFile()) return;
  throw new BitmodelError('WRITE_FAILED', `A lock is to be made at ${path}, which is no file.`, {
    next: `Remove ${path}`,
    exitCode: EXIT.notAllowed,
  });
}

/** Whether a lock is over. @param pid what the file says; @param age milliseconds */
type Judge = (path: string, pid: number, age: number) => boolean;

const isOver: Judge = (_, pid, age) => age > STALE || !isProcessAlive(pid);

const isAbandoned: Judge = (path, pid) =>
  pid === process.pid ? !lasting.has(path) : !isProcessAlive(pid);

function isStale(path: string, judge: Judge): boolean {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    const age = Date.now() - statSync(path).mtimeMs;
    // an empty file is one whose maker has not written its number yet, or died before it could
    return pid > 0 ? judge(path, pid, age) : age > UNSIGNED;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw thrown;
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
  }
}

/** Names one lock file among all that ever lay at a path: another one has another inode, time or maker. */
function nameOf(path: string): string | undefined {
  try {
    const { ino, mtimeNs } = statSync(path, { bigint: true });
    const text = `${ino} ${mtimeNs} ${readFileSync(path, 'utf8')}`;
    return toHex(sha256(utf8(text)).subarray(0, 8));
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  }
}

/**
 * Removes a lock whose holder is gone. Many may find it at once, and one that looked early must not remove the lock that
 * another has made since: so only who holds the guard of this very lock removes it, after one more look under the
 * guard. A guard whose holder died is taken over in the same way.
 * @returns whether the lock is gone
 */
function takeOver(path: string, judge = isOver): boolean {
  // named before it is found stale: if it still has the name under the guard, it was this one that was stale
  const name = nameOf(path);
  if (name === undefined) return true;
  if (!isStale(path, judge)) return false;
  const guard = `${path}.${name}`;
  if (!tryCreate(guard)) {
    takeOver(guard);
    return false;
  }
  try {
    if (nameOf(path) === name) remove(path);
    return true;
  } finally {
    remove(guard);
  }
}

/** Removes the lock of this process, unless it was held so long that another has taken it over. */
function release(path: string): void {
  try {
    if (readFileSync(path, 'utf8') === String(process.pid)) remove(path);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
  }
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/**
 * Runs something short that no other process may run at the same time, under a lock file beside what it changes.
 * @throws BitmodelError `WALLET_BUSY` when another process holds it for five seconds; `WRITE_FAILED`
 */
export function withFileLock<T>(path: string, body: () => T): T {
  try {
    makeFolder(dirname(path));
  } catch {
    // what stands in the way is told by the file itself, next
  }
  const end = Date.now() + PATIENCE;
  while (!tryCreate(path)) {
    const isGone = takeOver(path);
    if (Date.now() >= end) {
      throw new BitmodelError('WALLET_BUSY', 'Another bitmodel process holds the wallet.', {
        next: `Try again; if none runs, remove ${path}`,
        exitCode: EXIT.notAllowed,
      });
    }
    if (!isGone) sleep(INTERVAL);
  }
  try {
    return body();
  } finally {
    release(path);
  }
}

/** What {@link holdFileLock} comes back with: the end of the lock, or who has it. */
export type FileHold = { readonly release: () => void } | { readonly pid: number };

/**
 * Takes a lock that lasts as long as its holder lives, or until it is released. Nobody is waited for.
 * @param path in a folder that is there
 * @returns how to release it, or the number of the living process that has it (0 where it has not said yet)
 * @throws BitmodelError `WRITE_FAILED`
 */
export function holdFileLock(path: string): FileHold {
  return holdReal(join(realpathSync(dirname(path)), basename(path)));
}

function holdReal(path: string): FileHold {
  const end = Date.now() + 2 * UNSIGNED;
  while (!tryCreate(path)) {
    const isGone = takeOver(path, isAbandoned);
    const pid = isGone ? 0 : holderOf(path);
    if (pid > 0 || Date.now() >= end) return { pid };
    if (!isGone) sleep(INTERVAL);
  }
  lasting.add(path);
  return {
    release: () => {
      // whoever asks in this process between the two finds a file that is over, or none
      release(path);
      lasting.delete(path);
    },
  };
}

/** The number in a lock that is not over; 0 where there is none. */
function holderOf(path: string): number {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    return pid > 0 && !isStale(path, isAbandoned) ? pid : 0;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw thrown;
  }
}
