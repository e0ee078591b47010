import { join } from 'node:path';
import { BitmodelError, EXIT, makeFolder, toHex } from '../base/index.js';
import { holdFileLock, type KeyPair } from '../chain/index.js';

/** Who may run once for each key: two of them would take the same jobs, and lock coins for each twice. */
export type HeldRole = 'worker' | 'verifier' | 'watcher';

/**
 * Keeps other processes from running as the same seller, verifier or watcher on a data folder, for as long as this one lives.
 * Call it before the records of that role are read.
 * @param folder where the role's records lie, of all keys
 * @returns lets others run
 * @throws BitmodelError `WORKER_RUNNING`, `VERIFIER_RUNNING`, `WATCHER_RUNNING`, `WRITE_FAILED`
 */
export function holdKey(role: HeldRole, folder: string, key: KeyPair): () => void {
  makeFolder(folder, 0o700);
  const path = join(folder, `${toHex(key.publicKey)}.lock`);
  const hold = holdFileLock(path);
  if ('release' in hold) return hold.release;
  const who = hold.pid > 0 ? `process ${hold.pid}` : 'another process';
  throw new BitmodelError(
    `${role.toUpperCase()}_RUNNING`,
    `A ${role} with this key (${who}) runs on this data folder already.`,
    {
      next: `Stop it first (Ctrl-C where it runs), or choose another key with --key; if ${who} is no bitmodel, remove ${path}`,
      exitCode: EXIT.notAllowed,
    },
  );
}
