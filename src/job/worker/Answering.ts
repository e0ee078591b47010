import type { LanguageModel } from '../../model/index.js';
import { CheckQueue } from '../CheckQueue.js';
import { modelFor, modelMissing } from '../jobModel.js';
import { checkedOutput, drawOutput, type OutputMaker, type WorkerOutput } from './answer.js';
import type { WorkerRecord } from './record.js';

/** How making an answer came out: the output, none where it failed the seller's own check, or the error that it ended in. */
export type Answered = { readonly output: WorkerOutput | undefined } | { readonly thrown: unknown };

interface Work {
  readonly model: LanguageModel;
  readonly stop: AbortController;
  /** Whether its tokens are still being drawn: only then does it keep a place. */
  isDrawn: boolean;
  answered?: Answered;
}

/** What {@link Answering} works with. */
export interface AnsweringDesk extends OutputMaker {
  /** Most answers that are decoded at once. */
  readonly batch: number;
  /** Called when an answer is made, or a place has become free. */
  readonly onChange: () => void;
}

/**
 * The answers that a seller makes at the same time. Each is decoded as soon as a place is free, beside the others, which a model
 * computes in one run per step; own checks come one after another for each model, so that they take turns with decoding:
 * the model computes one block of a check, then a step of the batch. Writes nothing: records have one writer, the driver.
 */
export class Answering {
  readonly #with: AnsweringDesk;
  readonly #works = new Map<string, Work>();
  /** All that is computed, dropped answers included. */
  readonly #pending = new Set<Promise<void>>();
  readonly #checks = new WeakMap<LanguageModel, CheckQueue>();

  constructor(desk: AnsweringDesk) {
    this.#with = desk;
  }

  /** Whether a job's answer is being made, or lies ready. */
  has(jobId: string): boolean {
    return this.#works.has(jobId);
  }

  /** Whether one more answer of this job's model can be decoded now. @throws BitmodelError `MODEL_NOT_OPEN` */
  hasPlace({ job }: WorkerRecord): boolean {
    const own = modelFor(this.#with.models, job);
    if (!own) throw modelMissing(job.model);
    const drawn = [...this.#works.values()].filter(({ isDrawn }) => isDrawn);
    const here = drawn.filter(({ model }) => model === own.model);
    return drawn.length < this.#with.batch && here.length < placesOf(own.model, this.#with.batch);
  }

  /** Begins an answer. @param signal ends it, beside {@link drop} */
  start(record: WorkerRecord, promptIds: readonly number[], signal: AbortSignal): void {
    const { model } = modelFor(this.#with.models, record.job)!;
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    const work: Work = { model, stop, isDrawn: true };
    const done = this.#make(work, record, promptIds, both).then(
      (output) => this.#note(work, { output }),
      (thrown: unknown) => this.#note(work, { thrown }),
    );
    this.#works.set(record.id, work);
    this.#pending.add(done);
    void done.then(() => this.#pending.delete(done));
  }

  /** What came of an answer, once; undefined while it is being made. */
  take(jobId: string): Answered | undefined {
    const answered = this.#works.get(jobId)?.answered;
    if (answered) this.#works.delete(jobId);
    return answered;
  }

  /** Ends the making of an answer that nobody wants any more; others go on. */
  drop(jobId: string): void {
    this.#works.get(jobId)?.stop.abort();
    this.#works.delete(jobId);
  }

  /** Waits for all answers in the making; to be called when they were told to end. */
  async rest(): Promise<void> {
    await Promise.all(this.#pending);
    this.#works.clear();
  }

  async #make(
    work: Work,
    record: WorkerRecord,
    promptIds: readonly number[],
    signal: AbortSignal,
  ): Promise<WorkerOutput | undefined> {
    const drawn = await drawOutput(this.#with, record, promptIds, signal);
    if (this.#with.dishonesty) return drawn;
    work.isDrawn = false;
    this.#with.onChange();
    return this.#checksOf(work.model).run(async () => {
      signal.throwIfAborted();
      return checkedOutput(this.#with, record, promptIds, drawn, signal);
    });
  }

  #checksOf(model: LanguageModel): CheckQueue {
    const queue = this.#checks.get(model) ?? new CheckQueue(Number.POSITIVE_INFINITY);
    this.#checks.set(model, queue);
    return queue;
  }

  #note(work: Work, answered: Answered): void {
    work.answered = answered;
    work.isDrawn = false;
    this.#with.onChange();
  }
}

/** How many answers of a model are decoded at once: where they would only take turns, one after another is sooner. */
function placesOf({ info }: LanguageModel, batch: number): number {
  return Math.min(batch, info.batch);
}
