import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
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
    // no /proc on this system, or no such process: the number alone must do
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

function holderOf(path: string): number | undefined {
  try {
    const [pid, startTime] = readFileSync(path, 'utf8').trim().split(' ');
    return isAlive(Number(pid), startTime ?? '') ? Number(pid) : undefined;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  }
}

function locked(folder: string, pid: number): BitmodelError {
  return new BitmodelError('DATADIR_LOCKED', `A node (process ${pid}) runs on ${folder} already.`, {
    next: 'Stop it first, or choose another folder with --datadir',
    exitCode: EXIT.notAllowed,
  });
}

/** Demands that this process does not hold a folder yet. @throws BitmodelError `DATADIR_LOCKED` */
export function demandNotHeld(folder: string): void {
  if (held.has(folder)) throw locked(folder, process.pid);
}

/**
 * Keeps other nodes out of a folder: its file `lock` names the process that holds it. The lock of a process that died
 * is taken over. Returns what gives it back.
 * @param exclusively runs a function while no other process runs one on the same folder, and lets go when the process
 * dies. Without it two starters could both find a dead node's lock, and the second would take away the first's.
 * @throws BitmodelError `DATADIR_LOCKED`
 */
export function lockFolder(folder: string, exclusively: (body: () => void) => void): () => void {
  const path = join(folder, 'lock');
  exclusively(() => {
    const holder = holderOf(path);
    if (holder !== undefined) throw locked(folder, holder);
    writeFileSync(path, `${process.pid} ${startTimeOf(process.pid)}\n`, { mode: 0o600 });
  });
  held.add(folder);
  return () => {
    held.delete(folder);
    exclusively(() => unlinkSync(path));
  };
}
