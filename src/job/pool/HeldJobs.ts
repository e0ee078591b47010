import type { JobSpec } from '../spec.js';
import type { JobEntries } from './JobEntries.js';

/** What decides which jobs stay when there are too many; jobs with one coin are alike in it. */
interface Rank {
  readonly isLive: boolean;
  readonly worth: bigint;
  readonly spec: Pick<JobSpec, 'coin'>;
}

/** Positive when the first is the one to go: live jobs stay before others, then those with more money, then by coin. */
function worse(a: Rank, b: Rank): number {
  if (a.isLive !== b.isLive) return a.isLive ? -1 : 1;
  if (a.worth !== b.worth) return a.worth > b.worth ? -1 : 1;
  return a.spec.coin < b.spec.coin ? -1 : a.spec.coin > b.spec.coin ? 1 : 0;
}

/** The announced jobs of a pool, one of each coin, with what the chain says of them. */
export class HeldJobs {
  readonly #jobs = new Map<string, JobEntries>();
  readonly #coins = new Map<string, string>();
  /** Jobs said to be live before they were announced here, and acceptances that were paid. */
  readonly #live = new Set<string>();
  readonly #pinned = new Map<string, string>();

  get size(): number {
    return this.#jobs.size;
  }

  get(jobId: string): JobEntries | undefined {
    return this.#jobs.get(jobId);
  }

  values(): IterableIterator<JobEntries> {
    return this.#jobs.values();
  }

  /** Ids of all jobs, sorted. */
  ids(): string[] {
    return [...this.#jobs.keys()].sort();
  }

  isLive(jobId: string): boolean {
    return this.#live.has(jobId);
  }

  setLive(jobId: string, isLive: boolean): void {
    if (isLive) this.#live.add(jobId);
    else this.#live.delete(jobId);
    const job = this.#jobs.get(jobId);
    if (job) job.isLive = isLive;
  }

  pin(jobId: string, acceptId: string): void {
    this.#pinned.set(jobId, acceptId);
    this.#jobs.get(jobId)?.pin(acceptId);
  }

  /** The other job with the same coin. */
  rivalOf({ spec }: JobEntries): JobEntries | undefined {
    return this.#jobs.get(this.#coins.get(spec.coin) ?? '');
  }

  /** Tells a job that is to be added what was said of it before it was announced here. */
  prepare(job: JobEntries): void {
    job.isLive = this.#live.has(job.id);
    job.pin(this.#pinned.get(job.id));
  }

  add(job: JobEntries): void {
    this.#jobs.set(job.id, job);
    this.#coins.set(job.spec.coin, job.id);
  }

  /** Forgets a job, and what the chain says of it. */
  remove(jobId: string): JobEntries | undefined {
    const job = this.#jobs.get(jobId);
    if (job) this.#coins.delete(job.spec.coin);
    this.#jobs.delete(jobId);
    this.#live.delete(jobId);
    this.#pinned.delete(jobId);
    return job;
  }

  /** The job that has to go before this one does; undefined where there is none. */
  worstBut(job: JobEntries): JobEntries | undefined {
    let worst = job;
    for (const other of this.#jobs.values()) if (worse(other, worst) > 0) worst = other;
    return worst === job ? undefined : worst;
  }
}
