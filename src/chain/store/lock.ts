import { closeSync, mkdirSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { BitmodelError, EXIT } from '../../base/index.js';

/** Folders that this very process holds. */
const held = new Set<string>();

// A process number is given out again after a crash or a restart of a container; with its start time it is unique.
function startTimeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    // no /proc on this system: the number alone must do
    return '';
  }
}

function isAlive(pid: number, startTime: string): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return startTimeOf(pid) === startTime;
}

function tryCreate(path: string): boolean {
  try {
    const file = openSync(path, 'wx', 0o600);
    writeSync(file, `${process.pid} ${startTimeOf(process.pid)}\n`);
    closeSync(file);
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw thrown;
  }
}

function holderOf(path: string): number | undefined {
  try {
    const [pid, startTime] = readFileSync(path, 'utf8').trim().split(' ');
    return isAlive(Number(pid), startTime ?? '') ? Number(pid) : undefined;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  }
}

/**
 * Keeps other nodes out of a folder; the lock of a node that died is taken over. Returns what gives it back.
 * @throws BitmodelError `DATADIR_LOCKED`
 */
export function lockFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'lock');
  const locked = (pid: number): BitmodelError =>
    new BitmodelError('DATADIR_LOCKED', `A node (process ${pid}) runs on ${folder} already.`, {
      next: 'Stop it first, or choose another folder with --datadir',
      exitCode: EXIT.notAllowed,
    });
  if (held.has(folder)) throw locked(process.pid);
  for (let tries = 0; !tryCreate(path); tries++) {
    const holder = holderOf(path);
    if (holder !== undefined || tries > 3) throw locked(holder ?? 0);
    unlinkSync(path);
  }
  held.add(folder);
  return () => {
    held.delete(folder);
    unlinkSync(path);
  };
}
