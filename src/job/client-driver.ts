import {
  BitmodelError,
  EXIT,
  fromHex,
  messageOf,
  parseAmount,
  toHex,
  writeFileAtomic,
} from '../base/index.js';
import {
  decodeTransaction,
  FEE_RATE,
  parseOutpoint,
  signContract,
  unlockContract,
} from '../chain/index.js';
import { claimMargin, termsOf } from './agreement.js';
import { checkAnswer, deliveredIn, receiptOf } from './client-answer.js';
import type { ClientOutcome, ClientRecord } from './client-record.js';
import { type ClientHands, makeContest, makeEscrow } from './client-transactions.js';
import {
  cancelSpend,
  cancelUnlocking,
  escrowOutput,
  refundSpend,
  refundUnlocking,
} from './contracts/escrow-spends.js';
import type { JobEvent, JobRole } from './events.js';
import { createMessage, type Message } from './messages.js';
import { Participant, type ParticipantOptions } from './participant.js';
import { encodeReceipt } from './receipt.js';
import { JobRecords } from './records.js';
import { judgesOf } from './seats.js';
import { sendOnce } from './sending.js';
import { cancelTemplate, settleContest } from './settle.js';
import { FeeClock, sendSpend, signSpend } from './signing.js';
import { contestBond, type JobSpec } from './spec.js';
import type { JobTerms } from './terms.js';
import { contractCoin, depthOf, isEscrow, type JobTrace, traceJob } from './trace.js';

/** Bytes of transactions that a dispute can take. */
const DISPUTE_BYTES = 8_000n;
/** Base units per byte that are set aside for them with the bond: what a filled mempool may come to ask. */
const DISPUTE_FEE_RATE = 10n * FEE_RATE;
/** Looks at the pool after the first good offer, for better ones. */
const PATIENCE = 2;
/** Blocks below the claim after which a missing ciphertext is contested. */
const DELIVERY_DEPTH = 3;
/** What a client needs beside what every participant does. */
export type ClientOptions = ParticipantOptions;

/** The buyer's side of one job, step by step. Each step can be repeated after a crash without harm. */
export abstract class ClientDriver extends Participant {
  protected readonly role: JobRole = 'client';
  protected readonly records: JobRecords<ClientRecord>;
  readonly #patience = new Map<string, number>();
  readonly #shown = new Set<string>();
  readonly #clock = new FeeClock();

  constructor(options: ClientOptions) {
    super(options);
    this.records = new JobRecords(options.directory);
  }

  /** Base units set aside for a contest: the bond and the fees around it. */
  protected reserveFor(job: JobSpec): bigint {
    return contestBond(job) + DISPUTE_BYTES * DISPUTE_FEE_RATE;
  }

  /** Keeps the coins of a job from other payments of this wallet. */
  protected holdCoins(record: ClientRecord): void {
    if (record.phase === 'ended') return;
    this.wallet.lock(parseOutpoint(record.job.coin));
    if (record.escrow) this.wallet.lock(parseOutpoint(`${record.escrow.txid}:1`));
  }

  /** Does what can be done now. The same record comes back when there is nothing but to wait. */
  protected async step(
    record: ClientRecord,
    tip: number,
    signal: AbortSignal,
  ): Promise<ClientRecord> {
    if (!record.escrow) return this.#chooseOffer(record, tip);
    const terms = termsOf(record.job, record.escrow.offer, this.params);
    const trace = await traceJob(this.chain, terms, record.escrow.txid);
    switch (trace.stage) {
      case 'unknown':
        return this.#sendEscrow(record, terms, tip);
      case 'escrowed':
        return this.#awaitClaim(record, terms, trace, tip);
      case 'claimed':
        return this.#judgeAnswer(record, terms, trace, tip, signal);
      case 'contested':
        return this.#awaitVerdicts(record, terms, trace, tip);
      case 'released':
        return this.#afterRelease(record, trace, tip, signal);
      default:
        await this.#raiseEnd(record, terms, trace, tip);
        return this.#finish(record, trace, tip);
    }
  }

  /** Ends a job that nothing was locked for. */
  protected async withdrawJob(record: ClientRecord, why: string): Promise<ClientRecord> {
    const body = { reason: why };
    const message = createMessage('withdraw', record.id, 0, body, this.key.privateKey);
    try {
      await this.mirror.say(message);
    } catch (thrown) {
      // where the pool has forgotten the job there is nothing to withdraw
      if (!(thrown instanceof BitmodelError) || thrown.code !== 'JOB_MESSAGE_REFUSED') throw thrown;
    }
    return this.#end(record, 'closed', why);
  }

  async #chooseOffer(record: ClientRecord, tip: number): Promise<ClientRecord> {
    const { job, id } = record;
    const spender = await this.chain.spender(parseOutpoint(job.coin));
    if (spender) return this.#end(record, 'closed', 'its coin was spent by something else');
    await this.mirror.say(record.announce);
    if (tip >= job.expires - claimMargin(this.params) - 1) {
      return this.withdrawJob(record, 'no seller offered in time');
    }
    const offers = (this.mirror.job(id)?.offers ?? []).filter(
      (offer) => tip < offer.body.until && this.#isGood(job, offer),
    );
    for (const { author, signature, body } of offers) {
      if (this.#shown.has(signature)) continue;
      this.#shown.add(signature);
      const amount = parseAmount(body.pricePerToken);
      this.emit({ role: 'client', step: 'offered', jobId: id, party: author, amount });
    }
    const looks = offers.length > 0 ? (this.#patience.get(id) ?? 0) + 1 : 0;
    this.#patience.set(id, looks);
    if (looks <= PATIENCE) return record;
    const [best] = offers.sort(
      (a, b) =>
        Number(parseAmount(a.body.pricePerToken) - parseAmount(b.body.pricePerToken)) ||
        b.body.speedMilli - a.body.speedMilli,
    );
    return this.#lockMoney(record, best!);
  }

  #isGood(job: JobSpec, offer: Message<'offer'>): boolean {
    try {
      escrowOutput(termsOf(job, offer, this.params));
      return true;
    } catch (thrown) {
      if (thrown instanceof BitmodelError) return false;
      throw thrown;
    }
  }

  async #lockMoney(record: ClientRecord, offer: Message<'offer'>): Promise<ClientRecord> {
    const reserve = this.reserveFor(record.job);
    const next = await makeEscrow(this.#hands(), record, offer, reserve);
    if (!next) return this.#end(record, 'closed', 'its coin was spent by something else');
    this.records.save(next);
    this.holdCoins(next);
    this.emit({ role: 'client', step: 'chosen', jobId: record.id, party: offer.author });
    return next;
  }

  #hands(): ClientHands {
    const { chain, wallet, key, params } = this;
    return { chain, wallet, key, params };
  }

  async #sendEscrow(record: ClientRecord, terms: JobTerms, tip: number): Promise<ClientRecord> {
    const { escrow, id } = record;
    // money locked for a seller who has forgotten the offer would only come back when the job expires
    if (!escrow!.sent && tip > escrow!.offer.body.until) {
      return this.withdrawJob(record, 'the offer that was chosen is too old; nothing was locked');
    }
    const transaction = decodeTransaction(fromHex(escrow!.transaction));
    if (!isEscrow(terms, transaction)) {
      throw new BitmodelError('BAD_JOB_RECORD', 'The escrow on disk is not that of this job.', {
        next: "Restore the job's record from a backup",
      });
    }
    // once it may have gone out it can be mined at any time, so from here on the job is followed to its end
    const sending: ClientRecord = { ...record, escrow: { ...escrow!, sent: true } };
    try {
      await this.mirror.remind(record.announce);
      this.records.save(sending);
      await sendOnce(this.chain, transaction);
    } catch (thrown) {
      const spender = await this.chain.spender(parseOutpoint(record.job.coin));
      if (!spender || spender.txid === escrow!.txid) throw thrown;
      return this.#end(record, 'closed', `its coin was spent otherwise (${messageOf(thrown)})`);
    }
    this.emit({
      role: 'client',
      step: 'escrowed',
      jobId: id,
      txid: escrow!.txid,
      amount: transaction.outputs[0]!.value,
      fee: BigInt(escrow!.fee),
      party: escrow!.offer.author,
    });
    return sending;
  }

  async #awaitClaim(
    record: ClientRecord,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
  ): Promise<ClientRecord> {
    const { id, job } = record;
    await this.mirror.remind(record.announce);
    await this.mirror.remind(record.accept!);
    if (!this.#shown.has(`accepted ${id}`)) {
      this.#shown.add(`accepted ${id}`);
      const party = record.escrow!.offer.author;
      this.emit({ role: 'client', step: 'accepted', jobId: id, party });
    }
    if (trace.escrow!.height === 0) this.waitFor(id, tip + 1, 'the escrow to be in a block');
    const cancelled = await this.#cancelWith(record, terms, trace);
    if (cancelled || tip < job.expires) return record;
    const coin = contractCoin(trace.escrow!);
    const spend = await signSpend(this.chain, this.wallet, refundSpend(terms, coin), (funded) =>
      refundUnlocking(signContract(funded, this.key.privateKey)),
    );
    await sendSpend(this.chain, this.wallet, spend);
    return record;
  }

  /** Ends the job together with a seller that withdrew: its signature is in the pool. */
  async #cancelWith(record: ClientRecord, terms: JobTerms, trace: JobTrace): Promise<boolean> {
    const seller = toHex(terms.seller);
    const withdrawal = this.mirror
      .job(record.id)
      ?.withdrawals.find(({ author, body }) => author === seller && body.cancel);
    if (!withdrawal) return false;
    const template = cancelTemplate(terms, cancelSpend(terms, contractCoin(trace.escrow!)));
    const unlocking = cancelUnlocking({
      client: signContract(template, this.key.privateKey),
      seller: fromHex(withdrawal.body.cancel!),
    });
    try {
      await sendOnce(this.chain, unlockContract(template.transaction, unlocking));
      const detail = withdrawal.body.reason;
      this.emit({ role: 'client', step: 'withdrawn', jobId: record.id, party: seller, detail });
      return true;
    } catch (thrown) {
      // a signature that does not hold is as good as none: the refund still comes at its height
      if (thrown instanceof BitmodelError && thrown.exitCode !== EXIT.unreachable) return false;
      throw thrown;
    }
  }

  /** What was delivered, from the disk or from the pool; on disk as soon as it is seen. */
  #keepDelivery(record: ClientRecord, trace: JobTrace): ClientRecord {
    if (record.delivery) return record;
    const delivery = deliveredIn(this.mirror.job(record.id), trace);
    if (!delivery) return record;
    const kept = { ...record, delivery };
    this.records.save(kept);
    return kept;
  }

  async #judgeAnswer(
    before: ClientRecord,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
    signal: AbortSignal,
  ): Promise<ClientRecord> {
    const claim = trace.claim!;
    if (before.contest) return this.#repeatContest(before);
    const record = this.#keepDelivery(before, trace);
    const delivered = record.delivery;
    if (depthOf(claim, tip) < (delivered ? 1 : DELIVERY_DEPTH)) {
      const atLeast = claim.height === 0 ? tip + 1 : claim.height + DELIVERY_DEPTH - 1;
      const what = delivered ? 'the claim to be in a block' : 'the answer to be delivered';
      this.waitFor(record.id, delivered ? tip + 1 : atLeast, what);
      return record;
    }
    if (record.verdict) {
      const isFinal = record.verdict.result !== 'invalid' && !record.accuse;
      return isFinal ? this.#end(record, 'settled') : this.#contest(record, terms, trace);
    }
    return this.#check(record, trace, delivered, signal);
  }

  /** Sends the contest on disk again; makes a new one where the node does not take it any more. */
  async #repeatContest(record: ClientRecord): Promise<ClientRecord> {
    const transaction = decodeTransaction(fromHex(record.contest!.transaction));
    try {
      await sendOnce(this.chain, transaction);
      return record;
    } catch (thrown) {
      if (!(thrown instanceof BitmodelError) || thrown.code !== 'TX_REJECTED') throw thrown;
      // its coins went elsewhere, or the mempool asks for more now
      this.wallet.release(transaction);
      const { contest: _, ...open } = record;
      return open;
    }
  }

  async #check(
    record: ClientRecord,
    trace: JobTrace,
    delivered: Message<'commitment'> | undefined,
    signal: AbortSignal,
  ): Promise<ClientRecord> {
    const { key, models } = this;
    const checker = { key, models, tell: (event: JobEvent) => this.emit(event) };
    const checked = await checkAnswer(checker, record, trace, delivered, signal);
    this.records.save(checked);
    return checked;
  }

  async #contest(record: ClientRecord, terms: JobTerms, trace: JobTrace): Promise<ClientRecord> {
    const { job, id } = record;
    this.wallet.unlock(parseOutpoint(`${record.escrow!.txid}:1`));
    const { next, signed } = await makeContest(this.#hands(), record, terms, trace);
    const { txid } = next.contest;
    this.records.save(next);
    await sendSpend(this.chain, this.wallet, signed);
    await this.mirror.remind(next.contestMessage);
    const amount = contestBond(job);
    this.emit({ role: 'client', step: 'contested', jobId: id, txid, amount, fee: signed.fee });
    return next;
  }

  async #awaitVerdicts(
    record: ClientRecord,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
  ): Promise<ClientRecord> {
    const { id } = record;
    await this.mirror.remind(record.announce);
    await this.mirror.remind(record.accept!);
    if (record.contestMessage) await this.mirror.remind(record.contestMessage);
    if (trace.contest!.height === 0) {
      this.waitFor(id, tip + 1, 'the contest to be in a block');
      return this.#raiseContest(record, terms, trace, tip);
    }
    await this.#settle(record, terms, trace, tip, false);
    return record;
  }

  /** Ends the contest where that can be done. */
  async #settle(
    record: ClientRecord,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
    again: boolean,
  ): Promise<void> {
    const verdicts = this.mirror.job(record.id)?.verdicts ?? [];
    const judges = await judgesOf(this.chain, this.params, record.job, trace.contest!.state);
    const settlement = await settleContest(
      this.chain,
      this.wallet,
      terms,
      trace,
      verdicts,
      tip,
      judges,
      again,
    );
    if (!settlement) return;
    const { step, txid, fee } = settlement;
    this.emit({ role: 'client', step, jobId: record.id, txid, fee });
  }

  /** What ends a contest is made again with a higher fee where it waits too long: a lapse could come before it. */
  async #raiseEnd(
    record: ClientRecord,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
  ): Promise<void> {
    const { contest, end, stage } = trace;
    if (!contest || end!.height > 0 || stage === 'cleared') return;
    if (!this.#clock.isDue(end!.txid, tip)) return;
    await this.guarded(record.id, () => this.#settle(record, terms, trace, tip, true));
  }

  /** Makes a contest that waits too long again, with a higher fee: the dispute window runs meanwhile. */
  async #raiseContest(
    record: ClientRecord,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
  ): Promise<ClientRecord> {
    const { txid, transaction } = trace.contest!;
    if (!this.#clock.isDue(txid, tip)) return record;
    let raised: ClientRecord | undefined;
    await this.guarded(record.id, async () => {
      const { next, signed } = await makeContest(this.#hands(), record, terms, trace, transaction);
      await sendSpend(this.chain, this.wallet, signed);
      this.records.save(next);
      await this.mirror.remind(next.contestMessage);
      const { contest } = next;
      this.emit({
        role: 'client',
        step: 'contested',
        jobId: record.id,
        txid: contest.txid,
        amount: contestBond(record.job),
        fee: signed.fee,
      });
      raised = next;
    });
    return raised ?? record;
  }

  /** The buyer was away until the seller had its stake back: the answer may still be in the pool. */
  async #afterRelease(
    before: ClientRecord,
    trace: JobTrace,
    tip: number,
    signal: AbortSignal,
  ): Promise<ClientRecord> {
    const record = this.#keepDelivery(before, trace);
    if (record.verdict || !record.delivery) return this.#finish(record, trace, tip);
    return this.#check(record, trace, record.delivery, signal);
  }

  /** The contracts are spent: once that is in a block, the job is over. */
  #finish(record: ClientRecord, trace: JobTrace, tip: number): ClientRecord {
    if (trace.end!.height === 0) {
      this.waitFor(record.id, tip + 1, 'the last transaction to be in a block');
      return record;
    }
    // the seller took its stake back because this buyer was content before, and said so
    const settled = trace.stage === 'released' && record.verdict?.result === 'valid';
    return this.#end(
      record,
      settled ? 'settled' : (trace.stage as ClientOutcome),
      undefined,
      trace,
    );
  }

  #end(record: ClientRecord, outcome: ClientOutcome, why?: string, trace?: JobTrace): ClientRecord {
    const ended: ClientRecord = {
      ...record,
      phase: 'ended',
      outcome,
      ...(why === undefined ? {} : { why }),
    };
    if (outcome === 'settled') this.#writeReceipt(ended);
    this.records.save(ended);
    this.wallet.unlock(parseOutpoint(record.job.coin));
    if (record.escrow) this.wallet.unlock(parseOutpoint(`${record.escrow.txid}:1`));
    if (outcome !== 'settled') this.mirror.forget(record.id);
    this.emit({
      role: 'client',
      step: outcome,
      jobId: record.id,
      ...(trace?.end ? { txid: trace.end.txid } : {}),
      ...(why === undefined ? {} : { detail: why }),
    });
    return ended;
  }

  #writeReceipt(record: ClientRecord): void {
    const receipt = receiptOf(record);
    if (receipt && record.receiptFile) {
      writeFileAtomic(record.receiptFile, `${encodeReceipt(receipt)}\n`, { mode: 0o600 });
    }
  }
}
