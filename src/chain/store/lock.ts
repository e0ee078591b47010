import { randomBytes } from 'node:crypto';
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BitmodelError, EXIT, isProcessAlive, startTimeOf } from '../../base/index.js';
import { answers, LifeSign } from './LifeSign.js';

/** Folders that this very process holds, or is about to. */
const held = new Set<string>();

/** What a lock says; undefined when there is none. */
function readLock(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  }
}

function locked(folder: string, who: string): BitmodelError {
  return new BitmodelError('DATADIR_LOCKED', `A node (${who}) runs on ${folder} already.`, {
    next: 'Stop it first, or choose another folder with --datadir',
    exitCode: EXIT.notAllowed,
  });
}

/**
 * Keeps this process from opening a folder twice. Returns what gives it back.
 * @throws BitmodelError `DATADIR_LOCKED`
 */
export function reserveFolder(folder: string): () => void {
  if (held.has(folder)) throw locked(folder, `process ${process.pid}`);
  held.add(folder);
  return () => held.delete(folder);
}

/**
 * Keeps other nodes out of a folder: its file `lock` names the process that holds it, which listens on a socket beside
 * it for as long as it lives. The lock of a process that died is taken over. Returns what gives it back.
 * @param exclusively runs a function while no other process runs one on the same folder, and lets go when the process
 * dies. Without it two starters could both find a dead node's lock, and the second would take away the first's.
 * @throws BitmodelError `DATADIR_LOCKED`
 */
export async function lockFolder(
  folder: string,
  exclusively: (body: () => void) => void,
): Promise<() => void> {
  const path = join(folder, 'lock');
  const own = `${process.pid} ${startTimeOf(process.pid)} ${randomBytes(8).toString('hex')}\n`;
  const life = new LifeSign(folder);
  const read = (): string | undefined => {
    let content: string | undefined;
    exclusively(() => {
      content = readLock(path);
    });
    return content;
  };
  /** Takes the lock if it still says what it did. Returns what it says otherwise. */
  const take = (dead: string | undefined): { found: string | undefined; taken: boolean } => {
    let found: string | undefined;
    try {
      exclusively(() => {
        found = readLock(path);
        if (found !== dead) return;
        // in this order: a lock that can be read is one whose maker answers
        life.begin();
        writeFileSync(path, own, { mode: 0o600 });
      });
    } catch (thrown) {
      life.end();
      throw thrown;
    }
    return { found, taken: found === dead };
  };
  let dead: string | undefined;
  for (let { found, taken } = take(dead); !taken; { found, taken } = take(dead)) {
    const [pid = '', startTime = ''] = found?.trim().split(' ') ?? [];
    // our own number was another's: who is about to open it twice was found out before
    if (Number(pid) !== process.pid && isProcessAlive(Number(pid), startTime)) {
      throw locked(folder, `process ${pid}`);
    }
    // numbers of processes in another container say nothing here; who answers made this lock if it is still the same
    const answered = found !== undefined && (await answers(folder));
    if (answered && read() === found) {
      throw locked(folder, `process ${pid} of another container`);
    }
    // each lock has a number of its own: one that says the same when it is taken is still the dead one's
    dead = found;
  }
  return () => {
    exclusively(() => {
      unlinkSync(path);
      life.end();
    });
  };
}
