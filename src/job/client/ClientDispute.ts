import { BitmodelError, fromHex } from '../../base/index.js';
import { decodeTransaction } from '../../chain/index.js';
import type { Seat } from '../bonds/registry.js';
import { judgesOf, keysOf } from '../bonds/seats.js';
import type { Message } from '../messages.js';
import { sendOnce } from '../sending.js';
import { settleContest } from '../settle.js';
import { FeeClock, sendSpend } from '../signing.js';
import { contestBond } from '../spec.js';
import type { JobTerms } from '../terms.js';
import { depthOf, type JobTrace } from '../trace.js';
import type { ClientDesk } from './desk.js';
import type { ClientRecord } from './record.js';
import { makeContest } from './transactions.js';

/** A buyer's side of a dispute: from the contest to the judgement. */
export class ClientDispute {
  readonly #desk: ClientDesk;
  readonly #clock = new FeeClock();
  /** Why the pool refused the evidence of a job, as it was last told. */
  readonly #refusals = new Map<string, string>();

  constructor(desk: ClientDesk) {
    this.#desk = desk;
  }

  /** Sends the contest on disk again; makes a new one where the node does not take it any more. */
  async repeat(record: ClientRecord): Promise<ClientRecord> {
    const transaction = decodeTransaction(fromHex(record.contest!.transaction));
    try {
      await sendOnce(this.#desk.chain, transaction);
      return record;
    } catch (thrown) {
      if (!(thrown instanceof BitmodelError) || thrown.code !== 'TX_REJECTED') throw thrown;
      // its coins went elsewhere, or the mempool asks for more now
      this.#desk.wallet.release(transaction);
      const { contest: _, ...open } = record;
      return open;
    }
  }

  /** Contests the claim, with the evidence for its verifiers. */
  async contest(record: ClientRecord, terms: JobTerms, trace: JobTrace): Promise<ClientRecord> {
    const { job, id } = record;
    this.#desk.keepAside();
    const { next, signed } = await makeContest(this.#desk, record, terms, trace);
    const { txid } = next.contest;
    this.#desk.records.save(next);
    await sendSpend(this.#desk.chain, this.#desk.wallet, signed);
    await this.#show(next);
    const amount = contestBond(job);
    this.#desk.emit({ step: 'contested', jobId: id, txid, amount, fee: signed.fee });
    return next;
  }

  /** Says again what the verifiers need, and ends the contest where that can be done. */
  async awaitVerdicts(
    record: ClientRecord,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
  ): Promise<ClientRecord> {
    const { id } = record;
    await this.#desk.mirror.remind(record.announce);
    await this.#desk.mirror.remind(record.accept!);
    await this.#show(record);
    if (trace.contest!.height === 0) {
      this.#desk.waitFor(id, tip + 1, 'the contest to be in a block');
      return this.#raiseContest(record, terms, trace, tip);
    }
    await this.#settle(record, terms, trace, tip, false);
    return record;
  }

  /** Says the evidence; without it a cheat goes free, so a refusal is told, once for each reason. */
  async #show({ id, contestMessage }: ClientRecord): Promise<void> {
    if (!contestMessage) return;
    const refusal = await this.#desk.mirror.remind(contestMessage);
    if (refusal !== undefined && this.#refusals.get(id) !== refusal) {
      const detail = `The node's job pool refuses the evidence for the verifiers: ${refusal} (tried again).`;
      this.#desk.emit({ step: 'problem', jobId: id, detail });
    }
    if (refusal === undefined) this.#refusals.delete(id);
    else this.#refusals.set(id, refusal);
  }

  /** Ends the contest where that can be done. */
  async #settle(
    record: ClientRecord,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
    again: boolean,
  ): Promise<void> {
    const verdicts = this.#desk.mirror.job(record.id)?.verdicts ?? [];
    const judges = await judgesOf(
      this.#desk.chain,
      this.#desk.params,
      record.job,
      trace.contest!.state,
    );
    if (record.planted && mayStillSpeak(verdicts, judges ?? [], trace, tip)) return;
    this.#desk.keepAside();
    const settlement = await settleContest(
      this.#desk.chain,
      this.#desk.wallet,
      terms,
      trace,
      verdicts,
      tip,
      judges,
      again,
    );
    if (!settlement) return;
    const { step, txid, fee } = settlement;
    this.#desk.emit({ step, jobId: record.id, txid, fee });
  }

  /** What ends a contest is made again with a higher fee where it waits too long: a lapse could come before it. */
  async raiseEnd(
    record: ClientRecord,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
  ): Promise<void> {
    const { contest, end, stage } = trace;
    if (!contest || end!.height > 0 || stage === 'cleared') return;
    if (!this.#clock.isDue(end!.txid, tip)) return;
    await this.#desk.guarded(record.id, () => this.#settle(record, terms, trace, tip, true));
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
    await this.#desk.guarded(record.id, async () => {
      this.#desk.keepAside();
      const { next, signed } = await makeContest(this.#desk, record, terms, trace, transaction);
      await sendSpend(this.#desk.chain, this.#desk.wallet, signed);
      this.#desk.records.save(next);
      await this.#show(next);
      const { contest } = next;
      this.#desk.emit({
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
}

/** Blocks, that of the contest included, in which each verifier of a planted job can speak before it is settled. */
const HEARING = 4;

/** Whether one of those who judge a planted job has not spoken, and still has the time to. */
function mayStillSpeak(
  verdicts: readonly Message<'verdict'>[],
  judges: readonly Seat[],
  { contest }: JobTrace,
  tip: number,
): boolean {
  const spoke = new Set(verdicts.map(({ author }) => author));
  return keysOf(judges).some((key) => !spoke.has(key)) && depthOf(contest!, tip) <= HEARING;
}
