import { BitmodelError } from '../../base/index.js';
import { parseOutpoint } from '../../chain/index.js';
import { termsOf } from '../agreement.js';
import type { JobEvent, JobRole } from '../JobEvents.js';
import { createMessage, type Message } from '../messages.js';
import { Participant, type ParticipantOptions } from '../Participant.js';
import type { SellerBook } from '../sellers/SellerBook.js';
import { contestBond, type JobSpec } from '../spec.js';
import type { JobTerms } from '../terms.js';
import { depthOf, type JobTrace, traceJob } from '../trace.js';
import { checkAnswer, deliveredIn, tryReceipt } from './answer.js';
import { ClientDispute } from './ClientDispute.js';
import { ClientPurchase } from './ClientPurchase.js';
import { ClientRecords } from './ClientRecords.js';
import type { ClientDesk } from './desk.js';
import { CONTEST_LAST_CALL, endFee } from './ending.js';
import type { ClientOutcome, ClientRecord } from './record.js';
import { contestReserve } from './reserve.js';
import { setAside } from './transactions.js';

/** Blocks below the claim after which a missing ciphertext is contested. */
const DELIVERY_DEPTH = 3;
/** Looks at the pool before one is, unless the dispute window is nearly over: a few seconds. */
const DELIVERY_LOOKS = 10;
/** Blocks before the end of the dispute window at which no more of them are waited for; the looks at the pool end later. */
const CONTEST_MARGIN = 6;
/** Milliseconds after which other processes are told again that a coin is kept; they forget it after ten minutes. */
const RESERVE_AGAIN = 5 * 60_000;
/** What a client needs beside what every participant does. */
export interface ClientOptions extends ParticipantOptions {
  /** What was learnt about sellers over their jobs: those left are not chosen, and each check is counted. */
  readonly sellers?: SellerBook;
}

/** The buyer's side of one job, step by step. Each step can be repeated after a crash without harm. */
export abstract class ClientDriver extends Participant {
  protected readonly role: JobRole = 'client';
  protected readonly records: ClientRecords;
  readonly #sellers: SellerBook | undefined;
  readonly #purchase: ClientPurchase;
  readonly #dispute: ClientDispute;
  /** Coins of jobs on disk, printed, as they were last read. */
  #aside: ReadonlySet<string> = new Set();
  /** Of claims without an answer: the height at which each was first seen, and looks at the pool since. */
  readonly #claims = new Map<string, { readonly seenAt: number; readonly looks: number }>();
  /** Milliseconds since 1970 at which other processes were last told of a coin. */
  readonly #reservedAt = new Map<string, number>();

  constructor(options: ClientOptions) {
    super(options);
    this.records = new ClientRecords(options.directory);
    this.#sellers = options.sellers;
    const desk = this.#desk();
    this.#purchase = new ClientPurchase(desk);
    this.#dispute = new ClientDispute(desk);
  }

  /** Base units set aside for a contest: the bond and the fees around it. */
  protected reserveFor(job: JobSpec): bigint {
    return this.reserveOver(contestBond(job));
  }

  /** @param bond base units */
  protected reserveOver(bond: bigint): bigint {
    return contestReserve(bond);
  }

  /** Keeps the coins of a job from other payments of this wallet, here and in other processes while this one runs. */
  protected holdCoins(record: ClientRecord): void {
    if (record.phase === 'ended') return;
    for (const coin of coinsOf(record)) {
      const outpoint = parseOutpoint(coin);
      this.wallet.lock(outpoint);
      if (Date.now() < (this.#reservedAt.get(coin) ?? 0) + RESERVE_AGAIN) continue;
      this.#reservedAt.set(coin, Date.now());
      this.wallet.reserve(outpoint);
    }
  }

  /**
   * Keeps the coins of all jobs on disk from what is paid next, also of those that other processes with this key drive,
   * or that wait for somebody to go on with them.
   */
  protected keepAside(): void {
    const open = this.records.all().filter(({ phase }) => phase !== 'ended');
    const kept = new Set(open.flatMap(coinsOf));
    for (const coin of this.#aside) if (!kept.has(coin)) this.wallet.unlock(parseOutpoint(coin));
    for (const coin of kept) this.wallet.lock(parseOutpoint(coin));
    this.#aside = kept;
  }

  /** Does what can be done now. The same record comes back when there is nothing but to wait. */
  protected async step(
    record: ClientRecord,
    tip: number,
    signal: AbortSignal,
  ): Promise<ClientRecord> {
    if (!record.escrow?.sent && this.records.isCalledOff(record.id)) return this.giveUp(record);
    if (!record.escrow) return this.#purchase.chooseOffer(record, tip);
    const terms = termsOf(record.job, record.escrow.offer, this.params);
    const trace = await traceJob(this.chain, terms, record.escrow.txid);
    switch (trace.stage) {
      case 'unknown':
        return this.#purchase.sendEscrow(record, terms, tip);
      case 'escrowed':
        return this.#purchase.awaitClaim(record, terms, trace, tip);
      case 'claimed':
        return this.#judgeAnswer(record, terms, trace, tip, signal);
      case 'contested':
        return this.#dispute.awaitVerdicts(record, terms, trace, tip);
      case 'released':
        return this.#afterRelease(record, trace, tip, signal);
      default:
        await this.#dispute.raiseEnd(record, terms, trace, tip);
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

  /** Ends a job that nothing was locked for, and its submission with it, by the buyer's own will. */
  protected async giveUp(record: ClientRecord): Promise<ClientRecord> {
    const ended = await this.withdrawJob({ ...record, givenUp: true }, 'the buyer cancelled it');
    this.records.forgetCall(record.id);
    return ended;
  }

  #desk(): ClientDesk {
    const { chain, wallet, key, params, mirror, records } = this;
    return {
      ...{ chain, wallet, key, params, mirror, records, sellers: this.#sellers },
      emit: (event) => this.emit({ role: 'client', ...event }),
      waitFor: (...wait) => this.waitFor(...wait),
      guarded: (...work) => this.guarded(...work),
      reserveFor: (job) => this.reserveFor(job),
      holdCoins: (record) => this.holdCoins(record),
      keepAside: () => this.keepAside(),
      withdrawJob: (...job) => this.withdrawJob(...job),
      giveUp: (record) => this.giveUp(record),
      end: (...ended) => this.#end(...ended),
    };
  }

  /** What was delivered, from the disk or from the pool; on disk as soon as it is seen. */
  #keepDelivery(record: ClientRecord, trace: JobTrace): ClientRecord {
    if (record.delivery) return record;
    const delivery = deliveredIn(this.mirror.job(record.id), trace, record.escrow!.offer.author);
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
    if (before.contest) return this.#dispute.repeat(before);
    const record = this.#keepDelivery(before, trace);
    const delivered = record.delivery;
    if (depthOf(claim, tip) < 1) {
      this.waitFor(record.id, tip + 1, 'the claim to be in a block');
      return record;
    }
    if (!delivered && this.#mayStillCome(record, terms, claim.height, tip)) return record;
    if (record.verdict) {
      const isFinal = record.verdict.result !== 'invalid' && !record.accuse;
      return isFinal ? this.#end(record, 'settled') : this.#dispute.contest(record, terms, trace);
    }
    return this.#check(record, trace, delivered, signal);
  }

  /**
   * Whether an answer that is not in the pool is still waited for: for some blocks above the claim, or above the one at
   * which a buyer that was cut off first sees it as far as the dispute window allows, and for some looks at the pool in
   * any case, since blocks come before messages.
   */
  #mayStillCome({ id }: ClientRecord, terms: JobTerms, claimedAt: number, tip: number): boolean {
    const { seenAt, looks } = this.#claims.get(id) ?? { seenAt: tip, looks: 0 };
    this.#claims.set(id, { seenAt, looks: looks + 1 });
    const latest = claimedAt + terms.disputeWindow - CONTEST_MARGIN;
    const from = Math.max(claimedAt, Math.min(seenAt, latest));
    const until = from + DELIVERY_DEPTH - 1;
    if (tip < until) this.waitFor(id, until, 'the answer to be delivered');
    const isLastCall = tip >= claimedAt + terms.disputeWindow - CONTEST_LAST_CALL;
    return tip < until || (looks < DELIVERY_LOOKS && !isLastCall);
  }

  async #check(
    record: ClientRecord,
    trace: JobTrace,
    delivered: Message<'commitment'> | undefined,
    signal: AbortSignal,
  ): Promise<ClientRecord> {
    const { key, models } = this;
    const checker = {
      key,
      models,
      tell: (event: JobEvent) => this.emit(event),
      sellers: this.#sellers,
    };
    const checked = await checkAnswer(checker, record, trace, delivered, signal);
    this.records.save(checked);
    return checked;
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
  async #finish(record: ClientRecord, trace: JobTrace, tip: number): Promise<ClientRecord> {
    if (trace.end!.height === 0) {
      this.waitFor(record.id, tip + 1, 'the last transaction to be in a block');
      return record;
    }
    // the seller took its stake back because this buyer was content before, and said so
    const settled = trace.stage === 'released' && record.verdict?.result === 'valid';
    const { claim } = trace;
    const fee = await endFee(this.chain, this.key, trace);
    const verdicts = this.mirror.job(record.id)?.verdicts;
    return this.#end(
      {
        ...record,
        ...(claim && { claimedTokens: claim.state.count }),
        ...(fee === 0n ? {} : { endFee: fee.toString() }),
        ...(verdicts && verdicts.length > 0 && { verdicts }),
      },
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
    const unwritten = tryReceipt(ended);
    this.records.save(ended);
    for (const coin of coinsOf(record)) {
      this.wallet.unlock(parseOutpoint(coin));
      this.#reservedAt.delete(coin);
    }
    this.#purchase.forget(record.id);
    this.#claims.delete(record.id);
    if (outcome !== 'settled') this.mirror.forget(record.id);
    this.emit({
      role: 'client',
      step: outcome,
      jobId: record.id,
      ...(trace?.end ? { txid: trace.end.txid } : {}),
      ...(why === undefined ? {} : { detail: why }),
    });
    // only now: a file that can't be written must keep no job from its end
    if (unwritten) throw unwritten;
    return ended;
  }
}

/** The coins that a job stands on, printed. */
function coinsOf({ job, escrow }: ClientRecord): string[] {
  return escrow ? [job.coin, setAside(escrow)] : [job.coin];
}
