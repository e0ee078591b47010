import type { JobEvent } from '../JobEvents.js';
import type { PoolMirror } from '../pool/PoolMirror.js';
import type { WorkerOptions } from './JobWorker.js';
import type { WorkerRecord } from './record.js';

/** What the parts of a seller work with, and say what happens through. */
export interface WorkerDesk extends WorkerOptions {
  readonly mirror: PoolMirror;
  /** Why it can't do a job that it was chosen for; undefined where it can. */
  readonly overload: (record: WorkerRecord) => Promise<string | undefined>;
  readonly save: (record: WorkerRecord) => void;
  readonly tell: (event: Omit<JobEvent, 'role'>) => void;
  /** Tells, once per height, that a job needs the chain to reach a height. */
  readonly waitFor: (jobId: string, height: number, detail: string) => void;
}
