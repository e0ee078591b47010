import { BitmodelError, EXIT, fromHex, toHex } from '../base/index.js';
import {
  decodeTransaction,
  encodeTransaction,
  type FundedTransaction,
  formatOutpoint,
  signContract,
  type Transaction,
  transactionId,
} from '../chain/index.js';
import { claimDepth, claimMargin, termsOf } from './agreement.js';
import { cancelSpend, claimSpend, claimUnlocking } from './contracts/escrow-spends.js';
import { releaseSpend, releaseUnlocking } from './contracts/stake-spends.js';
import type { JobEvent } from './events.js';
import { sealEvidence } from './evidence.js';
import { modelShare } from './job-model.js';
import { createMessage, type Message } from './messages.js';
import type { PoolMirror } from './mirror.js';
import { sendJobMessage } from './pool-client.js';
import { judgesOf, keysOf } from './seats.js';
import { sendOnce } from './sending.js';
import { cancelTemplate, settleContest } from './settle.js';
import { FeeClock, sendSpend, signSpend } from './signing.js';
import { type JobTerms, modelFee } from './terms.js';
import { contractCoin, depthOf, type JobTrace, traceJob } from './trace.js';
import type { WorkerOptions } from './worker.js';
import { makeOutput, openPrompt, promptFault, sealOutput } from './worker-answer.js';
import type { WorkerOutcome, WorkerRecord } from './worker-record.js';

interface DriverOptions extends WorkerOptions {
  readonly mirror: PoolMirror;
  readonly save: (record: WorkerRecord) => void;
  readonly tell: (event: Omit<JobEvent, 'role'>) => void;
  readonly waitFor: (jobId: string, height: number, detail: string) => void;
}

/** Confirmations of the escrow before the work begins. */
const WORK_DEPTH = 1;
/** Times that an answer may end in an error before the job is given back. */
const ANSWER_TRIES = 3;

function isAway(thrown: unknown): boolean {
  return thrown instanceof BitmodelError && thrown.exitCode === EXIT.unreachable;
}

/** The seller's side of one job, from the acceptance on. Each step can be repeated after a crash without harm. */
export class WorkerDriver {
  readonly #with: DriverOptions;
  readonly #failures = new Map<string, number>();
  readonly #clock = new FeeClock();

  constructor(options: DriverOptions) {
    this.#with = options;
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
      case 'escrowed':
        // from here on a stake is kept for the job
        if (!record.accept) this.#with.save({ ...record, accept });
        return this.#work({ ...record, accept }, terms, trace, tip, signal);
      case 'claimed':
        return this.#awaitRelease(record, terms, trace, tip);
      case 'contested':
        return this.#defend(record, terms, trace, tip);
      default:
        await this.#raiseEnd(record, terms, trace, tip);
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

  async #work(
    record: WorkerRecord,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { chain, mirror, save, params, waitFor, tell } = this.#with;
    const escrow = trace.escrow!;
    await mirror.remind(record.accept!);
    // once a claim was made its k may be out: to cancel now would give the answer away
    if (record.claim) {
      await this.#claim(record, terms, trace);
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
    const answered = record.commitment
      ? record
      : await this.#tryAnswer(record, terms, trace, signal);
    if (!answered?.commitment) return;
    // the work, of this job or of those before it, may have taken many blocks since the look began
    const now = await chain.height();
    if (now > record.job.expires - claimMargin(params)) {
      return this.#withdraw(answered, terms, trace, 'it is too late to claim safely');
    }
    // an answer that is not in the pool is not delivered: who claims without it can be slashed for that
    if (!(await this.#isDelivered(answered.commitment))) {
      return waitFor(record.id, tip + 1, 'the job pool to take the answer');
    }
    const { confirmations } = record.announce.body;
    const wanted = claimDepth(params, confirmations, this.#with.minimumConfirmations);
    if (depth < wanted) {
      return waitFor(record.id, escrow.height + wanted - 1, 'the escrow to be deep enough');
    }
    await this.#claim(answered, terms, trace);
    tell({
      step: 'waiting',
      jobId: record.id,
      untilHeight: tip + 1,
      detail: 'the claim to be in a block',
    });
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
      if (signal.aborted || isAway(thrown)) throw thrown;
      const failures = (this.#failures.get(record.id) ?? 0) + 1;
      this.#failures.set(record.id, failures);
      if (failures < ANSWER_TRIES) throw thrown;
      // the error itself may say something of the prompt: it stays here, as the problem that was told
      await this.#withdraw(record, terms, trace, 'this seller can not make the answer');
      throw thrown;
    }
  }

  /** Runs the job and posts ciphertext and commitment; withdraws where that is not possible. */
  async #answer(
    record: WorkerRecord,
    terms: JobTerms,
    trace: JobTrace,
    signal: AbortSignal,
  ): Promise<WorkerRecord | undefined> {
    const { key, models, save, tell } = this.#with;
    const { job, id } = record;
    const prompt = openPrompt(record, key);
    const fault = prompt
      ? promptFault(models, job, prompt)
      : 'the prompt is not the one the job names';
    if (!prompt || fault !== undefined) {
      await this.#withdraw(record, terms, trace, fault!);
      return undefined;
    }
    tell({ step: 'started', jobId: id, count: prompt.promptIds.length, party: job.client });
    const output = await makeOutput(this.#with, record, prompt.promptIds, signal);
    if (!output) {
      await this.#withdraw(record, terms, trace, 'the answer failed its own check');
      return undefined;
    }
    const next = sealOutput(record, prompt, output, key);
    save(next);
    tell({ step: 'committed', jobId: id, count: output.ids.length, total: job.maxTokens });
    return next;
  }

  /** Whether the node's pool holds the ciphertext now; asked each time, since a pool may lose what it once took. */
  async #isDelivered(commitment: Message<'commitment'>): Promise<boolean> {
    const { chain, mirror } = this.#with;
    await mirror.remind(commitment);
    const { status } = await sendJobMessage(chain, commitment);
    return status === 'new' || status === 'known';
  }

  async #claim(record: WorkerRecord, terms: JobTerms, trace: JobTrace): Promise<void> {
    const { chain, wallet } = this.#with;
    if (record.claim) {
      const transaction = decodeTransaction(fromHex(record.claim.transaction));
      try {
        await sendOnce(chain, transaction);
        return;
      } catch (thrown) {
        if (!(thrown instanceof BitmodelError) || thrown.code !== 'TX_REJECTED') throw thrown;
        // its coins went elsewhere meanwhile, or the mempool asks for more now: another claim with the same
        // commitment does as well
        wallet.release(transaction);
      }
    }
    await this.#makeClaim(record, terms, trace);
  }

  /** @param replaced a claim that waits for a block, to be made again with a higher fee */
  async #makeClaim(
    record: WorkerRecord,
    terms: JobTerms,
    trace: JobTrace,
    replaced?: Transaction,
  ): Promise<void> {
    const { chain, wallet, key, save, tell } = this.#with;
    const { id, job } = record;
    const share = await modelShare(chain, job.model, job.created);
    const shown = {
      ...contractCoin(trace.escrow!),
      k: fromHex(record.k, 32),
      commitment: fromHex(record.commitment!.body.commitment),
      feeLockingScript: share.script,
    };
    const unlock = (funded: FundedTransaction): Uint8Array =>
      claimUnlocking(shown, signContract(funded, key.privateKey));
    const signed = await signSpend(chain, wallet, claimSpend(terms, shown), unlock, replaced);
    const txid = transactionId(signed.transaction);
    const transaction = toHex(encodeTransaction(signed.transaction));
    save({ ...record, claim: { txid, transaction, fee: signed.fee.toString() } });
    await sendSpend(chain, wallet, signed);
    const count = record.output!.ids.length;
    tell({
      step: 'claimed',
      jobId: id,
      txid,
      amount: BigInt(count) * terms.pricePerToken - modelFee(terms, count),
      fee: signed.fee,
      count,
    });
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

  async #awaitRelease(
    record: WorkerRecord,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
  ): Promise<void> {
    const { chain, wallet, key, mirror, waitFor, tell } = this.#with;
    if (record.accept) await mirror.remind(record.accept);
    if (record.commitment) await mirror.remind(record.commitment);
    const claim = trace.claim!;
    if (claim.height === 0) {
      waitFor(record.id, tip + 1, 'the claim to be in a block');
      if (record.commitment && this.#clock.isDue(claim.txid, tip)) {
        await this.#makeClaim(record, terms, trace, claim.transaction);
      }
      return;
    }
    if (depthOf(claim, tip) < terms.disputeWindow) return;
    const spend = releaseSpend(terms, contractCoin(claim), claim.state);
    const signed = await signSpend(chain, wallet, spend, (funded) =>
      releaseUnlocking(signContract(funded, key.privateKey)),
    );
    const txid = await sendSpend(chain, wallet, signed);
    tell({ step: 'released', jobId: record.id, txid, amount: terms.stake, fee: signed.fee });
  }

  /** Answers an accusation with what shows that the answer was good, and ends the contest when it can be. */
  async #defend(
    record: WorkerRecord,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
  ): Promise<void> {
    const { chain, params, key, mirror, save, tell, waitFor } = this.#with;
    const { id, job, prompt } = record;
    const judges = (await judgesOf(chain, params, job, trace.contest!.state)) ?? [];
    for (const message of [record.accept, record.commitment]) {
      if (message) await mirror.remind(message);
    }
    if (!record.counterproof && prompt && record.oneTimeKey) {
      const evidence = {
        salt: fromHex(prompt.salt, 32),
        promptIds: prompt.ids,
        oneTimeKey: fromHex(record.oneTimeKey, 32),
      };
      const body = sealEvidence(evidence, keysOf(judges));
      const counterproof = createMessage('counterproof', id, 0, body, key.privateKey);
      save({ ...record, counterproof });
      await mirror.remind(counterproof);
      tell({ step: 'counterproof', jobId: id, txid: trace.contest!.txid });
    } else if (record.counterproof) await mirror.remind(record.counterproof);
    if (trace.contest!.height === 0) waitFor(id, tip + 1, 'the contest to be in a block');
    await this.#settle(record, terms, trace, tip, false);
  }

  /** What ends a contest to its good is made again with a higher fee where it waits too long. */
  async #raiseEnd(
    record: WorkerRecord,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
  ): Promise<void> {
    const { contest, end, stage } = trace;
    if (!contest || end!.height > 0 || stage === 'slashed') return;
    if (this.#clock.isDue(end!.txid, tip)) await this.#settle(record, terms, trace, tip, true);
  }

  async #settle(
    record: WorkerRecord,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
    again: boolean,
  ): Promise<void> {
    const { chain, wallet, params, mirror, tell } = this.#with;
    const { id, job } = record;
    const judges = (await judgesOf(chain, params, job, trace.contest!.state)) ?? [];
    const verdicts = mirror.job(id)?.verdicts ?? [];
    // a slash is left to the buyer, who has the coins for it set aside
    const favourable = verdicts.filter(({ body }) => body.verdict !== 'invalid');
    const settlement = await settleContest(
      chain,
      wallet,
      terms,
      trace,
      favourable,
      tip,
      judges,
      again,
    );
    if (settlement) tell({ jobId: id, ...settlement });
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
