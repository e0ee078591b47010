import { readFileSync } from 'node:fs';

/** What the kernels number processes with is 32 bits wide, with a sign. */
const MOST_PID = 0x7fff_ffff;

/**
 * When a process started, in ticks since the machine did: the number of a process is given out again after a crash or a
 * restart, and is unique together with this. Source: proc_pid_stat(5), field 22.
 * @returns '' where there is no such process, or the system doesn't tell
 */
export function startTimeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    // no /proc on this system, or no such process: the number alone must do
    return '';
  }
}

/**
 * Whether a process runs.
 * @param startTime what {@link startTimeOf} said of it; without it any process of this number is the one
 */
export function isProcessAlive(pid: number, startTime = ''): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid > MOST_PID) return false;
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    // without the right to signal it, it is there all the same
    if ((thrown as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return startTime === '' || startTimeOf(pid) === startTime;
}
