import { randomBytes } from 'node:crypto';
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
  isProcessAlive,
  makeFolder,
  messageOf,
  sha256,
  startTimeOf,
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
/** What the locks of this process that last say, by real path: another with its number was left by one before it. */
const lasting = new Map<string, string>();

/**
 * @returns what the lock that was made says: the process, when that started, and a number of the lock's own, by which its
 * maker knows it again; undefined where there is one
 */
function tryCreate(path: string): string | undefined {
  const text = `${process.pid} ${startTimeOf(process.pid)} ${randomBytes(8).toString('hex')}\n`;
  try {
    const file = openSync(path, 'wx', 0o600);
    writeSync(file, text);
    closeSync(file);
    return text;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') {
      assertPlainFile(path);
      return undefined;
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

/** Whose a lock is, by what it says: 0 where nobody's. Those of older versions say the number of the process alone. */
function makerOf(text: string): { pid: number; startTime: string } {
  const [pid = '', startTime = ''] = text.trim().split(' ');
  return { pid: Number(pid) > 0 ? Number(pid) : 0, startTime };
}

function isMakerAlive(text: string): boolean {
  const { pid, startTime } = makerOf(text);
  return isProcessAlive(pid, startTime);
}

/** Whether a lock is over. @param text what the file says; @param age milliseconds */
type Judge = (path: string, text: string, age: number) => boolean;

const isOver: Judge = (_, text, age) => age > STALE || !isMakerAlive(text);

const isAbandoned: Judge = (path, text) =>
  makerOf(text).pid === process.pid ? lasting.get(path) !== text : !isMakerAlive(text);

function isStale(path: string, judge: Judge): boolean {
  try {
    const text = readFileSync(path, 'utf8');
    // the clock may have been set back since: what is far ahead of it is as old as what is far behind
    const age = Math.abs(Date.now() - statSync(path).mtimeMs);
    // an empty file is one whose maker has not written its number yet, or died before it could
    return makerOf(text).pid > 0 ? judge(path, text, age) : age > UNSIGNED;
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
  const own = tryCreate(guard);
  if (own === undefined) {
    takeOver(guard);
    return false;
  }
  try {
    if (nameOf(path) === name) remove(path);
    return true;
  } finally {
    release(guard, own);
  }
}

/** Removes a lock, unless another has taken it over, or it was removed by hand and made anew. @param own what it says */
function release(path: string, own: string): void {
  try {
    if (readFileSync(path, 'utf8') === own) remove(path);
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
  let own = tryCreate(path);
  for (; own === undefined; own = tryCreate(path)) {
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
    release(path, own);
  }
}

/** What {@link holdFileLock} comes back with: the end of the lock, or who has it. */
export type FileHold = { readonly release: () => void } | { readonly pid: number };

/**
 * Takes a lock that lasts as long as its holder lives, or until it is released. Nobody is waited for. It is for processes
 * that see each other: one in another container, which can't be seen, is taken for dead.
 * @param path in a folder that is there
 * @returns how to release it, or the number of the living process that has it (0 where it has not said yet)
 * @throws BitmodelError `WRITE_FAILED`
 */
export function holdFileLock(path: string): FileHold {
  return holdReal(join(realpathSync(dirname(path)), basename(path)));
}

function holdReal(path: string): FileHold {
  const end = Date.now() + 2 * UNSIGNED;
  let own = tryCreate(path);
  for (; own === undefined; own = tryCreate(path)) {
    const isGone = takeOver(path, isAbandoned);
    const pid = isGone ? 0 : holderOf(path);
    if (pid > 0 || Date.now() >= end) return { pid };
    if (!isGone) sleep(INTERVAL);
  }
  const mine = own;
  lasting.set(path, mine);
  return {
    release: () => {
      release(path, mine);
      if (lasting.get(path) === mine) lasting.delete(path);
    },
  };
}

/** The number in a lock that is not over; 0 where there is none. */
function holderOf(path: string): number {
  try {
    const { pid } = makerOf(readFileSync(path, 'utf8'));
    return pid > 0 && !isStale(path, isAbandoned) ? pid : 0;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw thrown;
  }
}
