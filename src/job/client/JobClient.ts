import { BitmodelError, EXIT } from '../../base/index.js';
import { claimDepth, termsOf } from '../agreement.js';
import { pause } from '../sending.js';
import { fullReward } from '../spec.js';
import { depthOf, traceJob } from '../trace.js';
import { QuotingClient } from './QuotingClient.js';
import type { ClientRecord } from './record.js';
import type { JobQuote } from './request.js';
import { assertAsAgreed, attemptsOf, firstOf, mayRetry, nextPlan, requestAgain } from './retry.js';

/** Milliseconds that another process has to give up a job that it is asked to. */
const HEARD_WITHIN = 20_000;
const LISTEN_AGAIN = 100;

/**
 * A buyer of inference: makes jobs, follows them to the end, and can take them up again after its process died at any
 * step, because what is needed is on disk before anything is sent.
 */
export class JobClient extends QuotingClient {
  /** Puts the job on disk and announces it. Nothing is locked before an offer is taken; see {@link follow}. */
  async submit({ record }: Pick<JobQuote, 'record'>): Promise<ClientRecord> {
    return this.records.inHand(record.id, () => this.#announce(record));
  }

  async #announce(record: ClientRecord): Promise<ClientRecord> {
    this.records.save(record);
    this.holdCoins(record);
    await this.mirror.say(record.announce);
    this.emit({
      role: 'client',
      step: 'announced',
      jobId: record.id,
      amount: fullReward(record.job),
    });
    return record;
  }

  /**
   * Drives one job to its end: takes an offer, locks the money, opens and checks the answer, contests or settles, or is
   * refunded. May be called again for the same job after anything.
   * A node that is away is told as a `problem` event, waited for, and told as a `back` event.
   * One process at a time follows a job, or any other of its submission.
   * @throws BitmodelError `UNKNOWN_JOB`, `JOB_IN_HAND`, and whatever stops it; the job can then be resumed. AbortError
   */
  async follow(id: string, signal: AbortSignal): Promise<ClientRecord> {
    return this.#inHand(id, () => this.#follow(id, signal));
  }

  /** Does something with the submission of a job that nobody else may do meanwhile. */
  #inHand<T>(id: string, body: () => Promise<T>): Promise<T> {
    return this.records.inHand(firstOf(this.records, id).id, body);
  }

  async #follow(id: string, signal: AbortSignal): Promise<ClientRecord> {
    let record = this.records.load(id);
    while (record.phase !== 'ended') {
      signal.throwIfAborted();
      this.holdCoins(record);
      const next = await this.untilThere(record.id, async () => {
        const tip = await this.tip();
        await this.mirror.refresh(tip);
        return this.step(record, tip, signal);
      });
      if (next === undefined || next === record) await pause(this.interval, signal);
      // what a step wrote before the node went away is on disk
      record = this.records.newest(next ?? this.records.load(record.id));
    }
    return record;
  }

  /**
   * Drives a submission to its end: follows its latest job and, where that ends without an answer and the money is back,
   * announces another one with another coin, as often as the request allows. There is never more than one with money in
   * it, and no seller is chosen twice.
   * @returns the last job
   * @throws BitmodelError as {@link follow} and {@link quote}; `RETRY_TOO_DEAR`. It can be called again after each
   */
  async pursue(id: string, signal: AbortSignal): Promise<ClientRecord> {
    return this.#inHand(id, () => this.#pursue(id, signal));
  }

  async #pursue(id: string, signal: AbortSignal): Promise<ClientRecord> {
    for (;;) {
      const { id: current } = this.attempts(id).at(-1)!;
      await this.#follow(current, signal);
      const last = await this.untilThere(current, async () => {
        const ended = await this.#settled(current, signal);
        if (!ended || !mayRetry(ended)) return ended;
        await this.#again(ended);
        return undefined;
      });
      if (last) return last;
      await pause(this.interval, signal);
    }
  }

  /** All jobs of the submission that a job belongs to, the first one first. @throws BitmodelError `UNKNOWN_JOB` */
  attempts(id: string): ClientRecord[] {
    return attemptsOf(this.records, id);
  }

  /** All jobs of this buyer, ended ones included. */
  list(): ClientRecord[] {
    return this.records.all();
  }

  /** One job. @throws BitmodelError `UNKNOWN_JOB`, `AMBIGUOUS_JOB` */
  show(id: string): ClientRecord {
    return this.records.load(id);
  }

  /**
   * Gives up a job for which no money was locked yet, and the submission that it belongs to. Where another process follows
   * it, that one is asked to; it does so at its next step.
   * @throws BitmodelError `JOB_ENDED`; `JOB_LOCKED` when there is an escrow: only the seller, or time, can free that;
   *   `JOB_IN_HAND` when that other process does not listen
   */
  async cancel(id: string): Promise<ClientRecord> {
    const until = Date.now() + HEARD_WITHIN;
    const called = new Set<string>();
    try {
      for (;;) {
        const record = this.attempts(id).at(-1)!;
        if (called.size > 0 && record.givenUp) return record;
        assertMayEnd(record);
        try {
          return await this.#inHand(id, () => this.#cancelNow(id));
        } catch (thrown) {
          const isHeld = thrown instanceof BitmodelError && thrown.code === 'JOB_IN_HAND';
          if (!isHeld || Date.now() >= until) throw thrown;
        }
        called.add(record.id);
        this.records.callOff(record.id);
        await pause(LISTEN_AGAIN);
      }
    } finally {
      for (const each of called) this.records.forgetCall(each);
    }
  }

  async #cancelNow(id: string): Promise<ClientRecord> {
    const record = this.attempts(id).at(-1)!;
    assertMayEnd(record);
    if (record.phase === 'ended') return this.#endSubmission(record);
    const tip = await this.chain.height();
    await this.mirror.refresh(tip);
    return this.giveUp(record);
  }

  /** Sees to it that no other job follows one that has ended. */
  #endSubmission(record: ClientRecord): ClientRecord {
    const last = { ...record, givenUp: true };
    this.records.save(last);
    this.records.forgetCall(record.id);
    return last;
  }

  /**
   * Marks a job to be contested whatever the buyer's own check says; {@link follow} then does it.
   * @throws BitmodelError `JOB_NOT_CLAIMED` when there is nothing to contest; `JOB_IN_HAND` while another process follows it
   */
  accuse(id: string): ClientRecord {
    const release = this.records.take(firstOf(this.records, id).id);
    try {
      return this.#accuse(id);
    } finally {
      release();
    }
  }

  #accuse(id: string): ClientRecord {
    const record = this.records.load(id);
    const contestable = record.phase === 'escrowed' || record.outcome === 'settled';
    if (!record.escrow || !contestable) {
      throw new BitmodelError('JOB_NOT_CLAIMED', 'There is nothing to contest in this job.', {
        next: 'See how it stands: bitmodel job show',
        exitCode: EXIT.notAllowed,
      });
    }
    const { outcome: _, ...open } = record;
    const accused: ClientRecord = { ...open, phase: 'escrowed', accuse: true };
    this.records.save(accused);
    return accused;
  }

  protected override async look(_tip: number, signal: AbortSignal): Promise<void> {
    const open = this.records
      .all()
      .filter((record) => record.phase !== 'ended' || this.#isUnfinished(record));
    await Promise.all(
      open.map(({ id }) => this.guarded(id, async () => void (await this.pursue(id, signal)))),
    );
  }

  #isUnfinished(record: ClientRecord): boolean {
    return mayRetry(record) && this.records.successor(record.id) === undefined;
  }

  /**
   * The record of an ended job, once what ended it lies as deep as an escrow must before a claim: else a reorganisation
   * could bring its money back into the hands of its seller while the next job has some, too.
   * @returns undefined where such a one did, and the job goes on
   */
  async #settled(id: string, signal: AbortSignal): Promise<ClientRecord | undefined> {
    const record = this.records.load(id);
    if (!mayRetry(record)) return record;
    if (this.records.isCalledOff(id)) return this.#endSubmission(record);
    if (!record.escrow?.sent) return record;
    const terms = termsOf(record.job, record.escrow.offer, this.params);
    const wanted = claimDepth(this.params);
    for (;;) {
      signal.throwIfAborted();
      if (this.records.isCalledOff(id)) return this.#endSubmission(record);
      const tip = await this.tip();
      const { stage, end } = await traceJob(this.chain, terms, record.escrow.txid);
      if (stage === 'unknown' || (end && depthOf(end, tip) >= wanted)) return record;
      if (!end) {
        const { outcome: _, ...open } = record;
        this.records.save({ ...open, phase: 'escrowed' });
        return undefined;
      }
      const untilHeight = end.height === 0 ? tip + 1 : end.height + wanted - 1;
      this.waitFor(id, untilHeight, 'the end of the job to be deep enough');
      await pause(this.interval, signal);
    }
  }

  /** Makes the job that follows one, on disk before it is announced. */
  async #again(ended: ClientRecord): Promise<void> {
    const retry = nextPlan(ended);
    const quote = await this.quoteOne(requestAgain(ended));
    assertAsAgreed(quote, ended.retry!);
    const successor = this.records.saveSuccessor(ended.id, { ...quote.record, retry });
    const record = this.attempts(ended.id).find(({ id }) => id === successor.id)!;
    this.emit({
      role: 'client',
      step: 'retrying',
      jobId: record.id,
      count: retry.attempt,
      total: retry.attempt + retry.left,
      detail: ended.outcome!,
    });
    await this.#announce(record);
  }
}

/** @throws BitmodelError `JOB_ENDED`, `JOB_LOCKED` */
function assertMayEnd(record: ClientRecord): void {
  if (record.phase === 'ended' && !mayRetry(record)) {
    throw new BitmodelError('JOB_ENDED', 'This job has ended; there is nothing to give up.', {
      next: `See how it went with: bitmodel job show ${record.id}`,
      exitCode: EXIT.notAllowed,
    });
  }
  if (record.phase !== 'ended' && record.escrow?.sent) {
    throw new BitmodelError(
      'JOB_LOCKED',
      `The money of this job is locked; it comes back at block ${record.job.expires} unless the seller delivers.`,
      { next: `Follow it with: bitmodel job resume ${record.id}`, exitCode: EXIT.notAllowed },
    );
  }
}
