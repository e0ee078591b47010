import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BitmodelError, EXIT, makeFolder, messageOf, writeFileAtomic } from '../base/index.js';

/** What every record on disk has. */
export interface JobRecord {
  readonly v: 1;
  /** Job id, hex. */
  readonly id: string;
}

/**
 * Records of jobs on disk, one folder each, `ID/state.json` of mode 0600 because they hold secrets. A record is
 * written whole or not at all, and always before anything is sent that needs it.
 */
export class JobRecords<T extends JobRecord> {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Where a job's record lies. */
  path(id: string): string {
    return this.pathOf(id, 'state.json');
  }

  /** Where something else about a job lies, beside its record. @param id 64 hex digits */
  pathOf(id: string, name: string): string {
    return join(this.#directory, id, name);
  }

  /** @throws BitmodelError `WRITE_FAILED` */
  save(record: T): void {
    makeFolder(join(this.#directory, record.id), 0o700);
    writeFileAtomic(this.path(record.id), `${JSON.stringify(record)}\n`, { mode: 0o600 });
  }

  /**
   * Notes which job takes the place of one that has ended, whole, before anything is known of it elsewhere. Of several
   * processes that do so the first decides.
   * @returns the job that does
   * @throws BitmodelError `WRITE_FAILED`
   */
  saveSuccessor(id: string, record: T): T {
    try {
      const path = this.#successorPath(id);
      writeFileAtomic(path, `${JSON.stringify(record)}\n`, { mode: 0o600, overwrite: false });
      return record;
    } catch (thrown) {
      if (!(thrown instanceof BitmodelError) || thrown.code !== 'FILE_EXISTS') throw thrown;
      return this.successor(id)!;
    }
  }

  /** The job that took the place of one, as it was first written. @throws BitmodelError `BAD_JOB_RECORD` */
  successor(id: string): T | undefined {
    const path = this.#successorPath(id);
    return existsSync(path) ? readRecord<T>(path) : undefined;
  }

  #successorPath(id: string): string {
    return this.pathOf(id, 'next.json');
  }

  /**
   * The record of a job.
   * @param id hex, or its first digits where they name one job only
   * @throws BitmodelError `UNKNOWN_JOB`, `AMBIGUOUS_JOB`, `BAD_JOB_RECORD`
   */
  load(id: string): T {
    const matching = this.ids().filter((known) => known.startsWith(id.toLowerCase()));
    if (matching.length > 1 && id !== '') {
      throw new BitmodelError('AMBIGUOUS_JOB', `${matching.length} jobs begin with ${id}.`, {
        next: 'Give more digits of the id',
        exitCode: EXIT.usage,
      });
    }
    const [found] = matching;
    if (found === undefined || id === '') {
      throw new BitmodelError('UNKNOWN_JOB', `There is no job ${id.slice(0, 64)} here.`, {
        next: 'See your jobs with: bitmodel job list',
        exitCode: EXIT.notFound,
      });
    }
    return this.#read(found);
  }

  /** The record of a job as it lies on disk now. @param id 64 hex digits; @throws BitmodelError `BAD_JOB_RECORD` */
  current(id: string): T | undefined {
    return existsSync(this.path(id)) ? this.#read(id) : undefined;
  }

  /** All records, in the order of their ids. */
  all(): T[] {
    return this.ids().map((id) => this.#read(id));
  }

  /** Forgets a job that nothing ever came of, with all that lies beside its record. @param id 64 hex digits */
  forget(id: string): void {
    rmSync(join(this.#directory, id), { recursive: true, force: true });
  }

  /** Ids of all jobs on disk, sorted. */
  ids(): string[] {
    try {
      return (
        readdirSync(this.#directory)
          .filter((name) => /^[0-9a-f]{64}$/.test(name))
          // a folder without a record: another process is about to write it, or died first, and has sent nothing
          .filter((name) => existsSync(this.path(name)))
          .sort()
      );
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw thrown;
    }
  }

  #read(id: string): T {
    const path = this.path(id);
    const record = readRecord<T>(path);
    if (record.id === id) return record;
    throw unreadable(path, 'it is of another job');
  }
}

function readRecord<T extends JobRecord>(path: string): T {
  let record: T;
  try {
    record = JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch (thrown) {
    throw unreadable(path, messageOf(thrown), thrown);
  }
  if (record.v === 1) return record;
  throw unreadable(path, 'it is of another version');
}

function unreadable(path: string, why: string, cause?: unknown): BitmodelError {
  return new BitmodelError('BAD_JOB_RECORD', `${path} can't be read: ${why}.`, {
    next: 'Put it back from a copy; it holds what is needed to be refunded',
    cause,
  });
}
