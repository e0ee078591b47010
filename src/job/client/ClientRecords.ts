import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { BitmodelError, EXIT, makeFolder, writeFileAtomic } from '../../base/index.js';
import { type FileHold, holdFileLock } from '../../chain/index.js';
import { JobRecords } from '../JobRecords.js';
import type { ClientRecord } from './record.js';

/** Whether one record may follow another of the same job: what has locked money, or was given up, stays so. */
function mayFollow(before: ClientRecord, next: ClientRecord): boolean {
  if (before.escrow && before.escrow.txid !== next.escrow?.txid) return false;
  if (before.escrow?.sent && !next.escrow?.sent) return false;
  return !before.givenUp || next.givenUp === true;
}

/** A buyer's records, of which each submission is in one process's hand at a time. */
export class ClientRecords extends JobRecords<ClientRecord> {
  /**
   * Does something with a submission that no other process, and nobody else in this one, may do meanwhile.
   * @param first id of its first job
   * @throws BitmodelError `JOB_IN_HAND` when somebody else has it; `WRITE_FAILED`
   */
  async inHand<T>(first: string, body: () => Promise<T>): Promise<T> {
    const release = this.take(first);
    try {
      return await body();
    } finally {
      release();
    }
  }

  /** Takes a submission into this process's hand. @returns lets go of it; @throws BitmodelError as {@link inHand} */
  take(first: string): () => void {
    const path = this.pathOf(first, 'lock');
    makeFolder(dirname(path), 0o700);
    const hold = holdFileLock(path);
    if ('release' in hold) return hold.release;
    throw heldBy(hold, first, path);
  }

  /**
   * @throws BitmodelError `JOB_CHANGED` where it would take back what is on disk: an escrow, or that the job was given up;
   *   `WRITE_FAILED`
   */
  override save(record: ClientRecord): void {
    if (this.newest(record) !== record) {
      throw new BitmodelError(
        'JOB_CHANGED',
        'Another process has gone on with this job meanwhile; nothing of that is overwritten.',
        { next: `Go on with: bitmodel job resume ${record.id}`, exitCode: EXIT.notAllowed },
      );
    }
    super.save(record);
  }

  /** A record, unless the one on disk has an escrow that it lacks, or was given up. */
  newest(record: ClientRecord): ClientRecord {
    const onDisk = this.current(record.id);
    return onDisk && !mayFollow(onDisk, record) ? onDisk : record;
  }

  /** Asks who has a job in hand to give it up before it locks money. */
  callOff(id: string): void {
    writeFileAtomic(this.#callPath(id), '', { mode: 0o600 });
  }

  /** Whether somebody has asked for that. */
  isCalledOff(id: string): boolean {
    return existsSync(this.#callPath(id));
  }

  /** Takes back {@link callOff}, also after it was heard. */
  forgetCall(id: string): void {
    rmSync(this.#callPath(id), { force: true });
  }

  #callPath(id: string): string {
    return this.pathOf(id, 'cancel');
  }
}

function heldBy(hold: Extract<FileHold, { pid: number }>, id: string, path: string): BitmodelError {
  const who = hold.pid > 0 ? `process ${hold.pid}` : 'another process';
  return new BitmodelError('JOB_IN_HAND', `This job is in the hand of ${who}.`, {
    next: `Watch it with bitmodel job watch ${id}, or end ${who} (Ctrl-C where it runs) and try again; if that is no bitmodel, remove ${path}`,
    exitCode: EXIT.notAllowed,
  });
}
