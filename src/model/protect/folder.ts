import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import {
  BitmodelError,
  EXIT,
  isProcessAlive,
  messageOf,
  syncFolder,
  syncTree,
} from '../../base/index.js';

/** Removes what processes left that were killed while they made this folder. */
function removeLeftovers(parent: string, prefix: string): void {
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number(name.slice(prefix.length));
    if (Number.isSafeInteger(pid) && pid > 0 && pid !== process.pid && !isProcessAlive(pid)) {
      rmSync(join(parent, name), { recursive: true, force: true });
    }
  }
}

/**
 * Makes a whole folder or none: filled under a hidden name beside its own, flushed to the disk, then renamed. One that a killed process left is
 * removed by the next run.
 * @throws BitmodelError `OUT_EXISTS`, `WRITE_FAILED`; whatever `fill` throws
 */
export async function makeWholeFolder<Result>(
  out: string,
  fill: (folder: string) => Promise<Result>,
): Promise<Result> {
  const target = resolve(out);
  if (existsSync(target)) {
    throw new BitmodelError('OUT_EXISTS', `${out} exists already; nothing was written.`, {
      next: 'Choose another name with --out',
      exitCode: EXIT.notAllowed,
    });
  }
  const parent = dirname(target);
  const prefix = `.${basename(target)}.partial-`;
  const partial = join(parent, `${prefix}${process.pid}`);
  try {
    mkdirSync(parent, { recursive: true });
    removeLeftovers(parent, prefix);
    mkdirSync(partial, { mode: 0o700 });
    const result = await fill(partial);
    await syncTree(partial);
    renameSync(partial, target);
    syncFolder(parent);
    return result;
  } catch (thrown) {
    rmSync(partial, { recursive: true, force: true });
    if (thrown instanceof BitmodelError) throw thrown;
    const { code, name, syscall } = thrown as NodeJS.ErrnoException;
    if (name === 'AbortError' || syscall === undefined) throw thrown;
    const why = code === 'ENOSPC' ? 'the disk is full' : messageOf(thrown);
    throw new BitmodelError('WRITE_FAILED', `${out} could not be written: ${why}.`, {
      next: 'Free some space or check the permissions, then try again; nothing was left behind',
      cause: thrown,
    });
  }
}
