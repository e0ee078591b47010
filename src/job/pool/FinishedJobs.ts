import type { Message } from '../messages.js';

/** A job that was forgotten because it is over, or because nothing showed that it lives. */
export interface FinishedJob {
  readonly announce: Message<'announce'>;
  /** The acceptance whose contracts have ended. */
  readonly accept?: Message<'accept'>;
  /** Height from which it may be told again as if it were new. */
  readonly until: number;
}

/** Jobs remembered at once; the oldest go first. */
const MOST_FINISHED = 4096;

/**
 * What a pool has forgotten on purpose. Nodes see a block at different moments: without this, one that still holds a
 * job would give it back to one that doesn't, and so on in a circle.
 */
export class FinishedJobs {
  readonly #jobs = new Map<string, FinishedJob>();

  get(jobId: string): FinishedJob | undefined {
    return this.#jobs.get(jobId);
  }

  add(jobId: string, job: FinishedJob): void {
    this.#jobs.set(jobId, job);
    if (this.#jobs.size > MOST_FINISHED) this.#jobs.delete(this.#jobs.keys().next().value!);
  }

  delete(jobId: string): void {
    this.#jobs.delete(jobId);
  }

  /** Forgets what need not be remembered at a height. */
  advance(tip: number): void {
    for (const [jobId, { until }] of this.#jobs) if (tip >= until) this.#jobs.delete(jobId);
  }
}
