import { readdirSync, readFileSync } from 'node:fs';
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
    return join(this.#directory, id, 'state.json');
  }

  /** @throws BitmodelError `WRITE_FAILED` */
  save(record: T): void {
    makeFolder(join(this.#directory, record.id), 0o700);
    writeFileAtomic(this.path(record.id), `${JSON.stringify(record)}\n`, { mode: 0o600 });
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

  /** All records, in the order of their ids. */
  all(): T[] {
    return this.ids().map((id) => this.#read(id));
  }

  /** Ids of all jobs on disk, sorted. */
  ids(): string[] {
    try {
      return readdirSync(this.#directory)
        .filter((name) => /^[0-9a-f]{64}$/.test(name))
        .sort();
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw thrown;
    }
  }

  #read(id: string): T {
    try {
      const record = JSON.parse(readFileSync(this.path(id), 'utf8')) as T;
      if (record.v === 1 && record.id === id) return record;
      throw new Error('it is of another version or job');
    } catch (thrown) {
      throw new BitmodelError(
        'BAD_JOB_RECORD',
        `${this.path(id)} can't be read: ${messageOf(thrown)}.`,
        { next: 'Put it back from a copy; it holds what is needed to be refunded', cause: thrown },
      );
    }
  }
}
