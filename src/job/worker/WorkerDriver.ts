import { isUnreachable, toHex } from '../../base/index.js';
import { formatOutpoint, signContract } from '../../chain/index.js';
import { claimDepth, claimMargin, termsOf } from '../agreement.js';
import { cancelSpend } from '../contracts/escrowSpends.js';
import { createMessage, type Message } from '../messages.js';
import { cancelTemplate } from '../settle.js';
import type { JobTerms } from '../terms.js';
import { contractCoin, depthOf, type JobTrace, traceJob } from '../trace.js';
import type { Answering } from './Answering.js';
import { openPrompt, type Prompt, promptFault, sealOutput, type WorkerOutput } from './answer.js';
import type { WorkerDesk } from './desk.js';
import type { WorkerOutcome, WorkerRecord } from './record.js';
import { WorkerClaim } from './WorkerClaim.js';
import { WorkerDispute } from './WorkerDispute.js';

/** Confirmations of the escrow before the work begins. */
const WORK_DEPTH = 1;
const TOO_LATE = 'it is too late to claim safely';
/** Times that an answer may end in an error before the job is given back. */
const ANSWER_TRIES = 3;

/** What the driver works with. */
type DriverDesk = WorkerDesk & { readonly answering: Answering };

/** The seller's side of one job, from the acceptance on. Each step can be repeated after a crash without harm. */
export class WorkerDriver {
  readonly #with: DriverDesk;
  readonly #claim: WorkerClaim;
  readonly #dispute: WorkerDispute;
  readonly #failures = new Map<string, number>();
  /** Jobs whose escrow was seen, and that there was room for. */
  readonly #taken = new Set<string>();

  constructor(desk: DriverDesk) {
    this.#with = desk;
    this.#claim = new WorkerClaim(desk);
    this.#dispute = new WorkerDispute(desk);
  }

  /** Does what can be done now for one job. */
  async advance(record: WorkerRecord, tip: number, signal: AbortSignal): Promise<void> {
    const { chain, params, mirror } = this.#with;
    await mirror.remind(record.announce);
    await mirror.remind(record.offer);
    const accept = record.accept ?? (await this.#acceptance(record));
    if (!accept) return this.#forgetStale(record, tip);
    const terms = termsOf(record.job, record.offer, params);
    const trace = await traceJob(chain, terms, accept.body.escrow);
    switch (trace.stage) {
      case 'unknown':
        return this.#withoutEscrow(record, tip);
      case 'escrowed': {
        const accepted = { ...record, accept };
        if (!record.accept) this.#with.save(accepted);
        return this.#take(accepted, terms, trace, tip, signal);
      }
      case 'claimed':
        return this.#claim.awaitRelease(record, terms, trace, tip);
      case 'contested':
        return this.#dispute.defend(record, terms, trace, tip);
      default:
        await this.#dispute.raiseEnd(record, terms, trace, tip);
        return this.#finish(record, trace, tip);
    }
  }

  /** Closes an offer that nobody took with money in time, so that it can not be taken when the seller forgot it. */
  #forgetStale(record: WorkerRecord, tip: number): void {
    if (tip > record.offer.body.until) this.#with.save({ ...record, outcome: 'passed' });
  }

  /** An acceptance without an escrow behind it costs its author nothing, so nothing is kept for it. */
  #withoutEscrow(record: WorkerRecord, tip: number): void {
    if (!record.commitment) {
      const { accept: _, ...offered } = record;
      if (record.accept) this.#with.save(offered);
      this.#forgetStale(offered, tip);
    } else if (tip >= record.job.expires) this.#with.save({ ...record, outcome: 'passed' });
  }

  /** The acceptance of this worker's offer; ends the record when the coin went elsewhere. */
  async #acceptance(record: WorkerRecord): Promise<Message<'accept'> | undefined> {
    const { chain, mirror, save } = this.#with;
    const pooled = mirror.job(record.id);
    const { author, body } = record.offer;
    const mine = pooled?.accepts.find(
      ({ body: { offer } }) => offer.author === author && offer.body.keyHash === body.keyHash,
    );
    if (mine) return mine;
    const isWithdrawn = pooled?.withdrawals.some((message) => message.author === record.job.client);
    const elsewhere = pooled?.accepts.some(({ body: { offer } }) => offer.author !== author);
    if (isWithdrawn || elsewhere) save({ ...record, outcome: 'passed' });
    else if (!pooled && (await chain.height()) >= record.job.expires) {
      save({ ...record, outcome: 'passed' });
    }
    return undefined;
  }

  /** Takes a job whose escrow is seen; from here on a stake is kept for it, or it is given back at once. */
  async #take(
    record: WorkerRecord,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { overload } = this.#with;
    const isNew = !this.#taken.has(record.id) && !record.commitment && !record.withdrawal;
    const why = isNew ? await overload(record) : undefined;
    this.#taken.add(record.id);
    if (why !== undefined) return this.#withdraw(record, terms, trace, why);
    return this.#work(record, terms, trace, tip, signal);
  }

  async #work(
    record: WorkerRecord,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { mirror, params, save, waitFor, tell } = this.#with;
    const escrow = trace.escrow!;
    await mirror.remind(record.accept!);
    // once a claim was made its k may be out: to cancel now would give the answer away
    if (record.claim) {
      await this.#claim.claim(record, terms, trace);
      return waitFor(record.id, tip + 1, 'the claim to be in a block');
    }
    if (record.withdrawal) {
      await mirror.remind(record.withdrawal);
      return;
    }
    const spendsCoin = escrow.transaction.inputs.some(
      ({ outpoint }) => formatOutpoint(outpoint) === record.job.coin,
    );
    if (!spendsCoin) return save({ ...record, outcome: 'passed' });
    const depth = depthOf(escrow, tip);
    if (depth < WORK_DEPTH) return waitFor(record.id, tip + 1, 'the escrow to be in a block');
    if (await this.#isTooLate(record)) return this.#withdraw(record, terms, trace, TOO_LATE);
    const answered = record.commitment
      ? record
      : await this.#tryAnswer(record, terms, trace, signal);
    if (!answered?.commitment) return;
    // the work may have taken many blocks
    if (await this.#isTooLate(record)) return this.#withdraw(answered, terms, trace, TOO_LATE);
    // an answer that is not in the pool is not delivered: who claims without it can be slashed for that
    if (!(await this.#claim.isDelivered(answered.commitment))) {
      return waitFor(record.id, tip + 1, 'the job pool to take the answer');
    }
    const { confirmations } = record.announce.body;
    const wanted = claimDepth(params, confirmations, this.#with.minimumConfirmations);
    if (depth < wanted) {
      return waitFor(record.id, escrow.height + wanted - 1, 'the escrow to be deep enough');
    }
    await this.#claim.claim(answered, terms, trace);
    tell({
      step: 'waiting',
      jobId: record.id,
      untilHeight: tip + 1,
      detail: 'the claim to be in a block',
    });
  }

  /** Whether a claim could come too near the refund; asked of the chain anew, since other jobs may have taken many blocks. */
  async #isTooLate({ job }: WorkerRecord): Promise<boolean> {
    const { chain, params } = this.#with;
    return (await chain.height()) > job.expires - claimMargin(params);
  }

  /** As {@link #answer}, but gives the job back when the same few tries all end in an error. */
  async #tryAnswer(
    record: WorkerRecord,
    terms: JobTerms,
    trace: JobTrace,
    signal: AbortSignal,
  ): Promise<WorkerRecord | undefined> {
    try {
      return await this.#answer(record, terms, trace, signal);
    } catch (thrown) {
      if (signal.aborted || isUnreachable(thrown)) throw thrown;
      const failures = (this.#failures.get(record.id) ?? 0) + 1;
      this.#failures.set(record.id, failures);
      if (failures < ANSWER_TRIES) throw thrown;
      // the error itself may say something of the prompt: it stays here, as the problem that was told
      await this.#withdraw(record, terms, trace, 'this seller can not make the answer');
      throw thrown;
    }
  }

  /** Has the answer made beside others, and commits to it at the look after that; withdraws where that is not possible. */
  async #answer(
    record: WorkerRecord,
    terms: JobTerms,
    trace: JobTrace,
    signal: AbortSignal,
  ): Promise<WorkerRecord | undefined> {
    const { answering, key, models, tell } = this.#with;
    const { job, id } = record;
    const answered = answering.take(id);
    if (answered && 'thrown' in answered) throw answered.thrown;
    if (!answered && answering.has(id)) return undefined;
    const sealed = this.#promptOf(record);
    if (!sealed) return this.#withoutPrompt(record, terms, trace);
    if (!answered && !answering.hasPlace(record)) return undefined;
    const prompt = openPrompt(sealed, job, key);
    const fault = prompt
      ? promptFault(models, job, prompt)
      : 'the prompt is not the one the job names';
    if (!prompt || fault !== undefined) {
      await this.#withdraw(record, terms, trace, fault!);
      return undefined;
    }
    if (answered) {
      return this.#commit({ ...record, sealedPrompt: sealed }, terms, trace, prompt, answered);
    }
    tell({ step: 'started', jobId: id, count: prompt.promptIds.length, party: job.client });
    answering.start(record, prompt.promptIds, signal);
    return undefined;
  }

  /** Seals an answer and commits to it; gives the job back where there is none that passed the own check. */
  async #commit(
    record: WorkerRecord,
    terms: JobTerms,
    trace: JobTrace,
    prompt: Prompt,
    { output }: { readonly output: WorkerOutput | undefined },
  ): Promise<WorkerRecord | undefined> {
    const { key, save, tell } = this.#with;
    const { job, id } = record;
    if (!output) {
      await this.#withdraw(record, terms, trace, 'the answer failed its own check');
      return undefined;
    }
    const next = sealOutput(record, prompt, output, key);
    save(next);
    tell({ step: 'committed', jobId: id, count: output.ids.length, total: job.maxTokens });
    return next;
  }

  /** The prompt as it came, on disk as soon as it is seen; of contradicting ones that which is the job's. */
  #promptOf(record: WorkerRecord): Message<'prompt'> | undefined {
    const { key, mirror, save } = this.#with;
    const { id, job, offer } = record;
    if (record.sealedPrompt) return record.sealedPrompt;
    const prompts = mirror.job(id)?.prompts.filter(({ body }) => body.seller === offer.author);
    const found = prompts?.find((each) => openPrompt(each, job, key)) ?? prompts?.[0];
    if (found) save({ ...record, sealedPrompt: found });
    return found;
  }

  /** Gives the job back when its buyer has been silent for as long as an offer stands. */
  async #withoutPrompt(record: WorkerRecord, terms: JobTerms, trace: JobTrace): Promise<undefined> {
    const { chain, params } = this.#with;
    const tip = await chain.height();
    if (depthOf(trace.escrow!, tip) <= params.offerBlocks) return;
    await this.#withdraw(record, terms, trace, 'the prompt did not come');
  }

  async #withdraw(
    record: WorkerRecord,
    terms: JobTerms,
    trace: JobTrace,
    reason: string,
  ): Promise<void> {
    const { key, mirror, save, tell } = this.#with;
    const template = cancelTemplate(terms, cancelSpend(terms, contractCoin(trace.escrow!)));
    const cancel = toHex(signContract(template, key.privateKey));
    const body = { reason, cancel };
    const withdrawal = createMessage('withdraw', record.id, 0, body, key.privateKey);
    save({ ...record, withdrawal });
    await mirror.remind(withdrawal);
    tell({ step: 'withdrawn', jobId: record.id, detail: reason });
  }

  #finish(record: WorkerRecord, trace: JobTrace, tip: number): void {
    const { save, waitFor, tell } = this.#with;
    const end = trace.end!;
    if (end.height === 0) {
      waitFor(record.id, tip + 1, 'the last transaction to be in a block');
      return;
    }
    save({ ...record, outcome: trace.stage as WorkerOutcome });
    tell({ step: 'closed', jobId: record.id, txid: end.txid, detail: trace.stage });
  }
}
