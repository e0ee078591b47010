import {
  BitmodelError,
  fromHex,
  isUnreachable,
  messageOf,
  parseAmount,
  toHex,
} from '../../base/index.js';
import {
  decodeTransaction,
  parseOutpoint,
  signContract,
  unlockContract,
} from '../../chain/index.js';
import { claimMargin, termsOf } from '../agreement.js';
import {
  cancelSpend,
  cancelUnlocking,
  escrowOutput,
  refundSpend,
  refundUnlocking,
} from '../contracts/escrowSpends.js';
import type { Message } from '../messages.js';
import { sendOnce } from '../sending.js';
import { cancelTemplate } from '../settle.js';
import { sendSpend, signSpend } from '../signing.js';
import type { JobSpec } from '../spec.js';
import { suspectKeys } from '../suspects/ask.js';
import type { JobTerms } from '../terms.js';
import { contractCoin, isEscrow, type JobTrace } from '../trace.js';
import type { ClientDesk } from './desk.js';
import { PromptCourier } from './PromptCourier.js';
import type { ClientRecord } from './record.js';
import { makeEscrow } from './transactions.js';

/** Why a job ended that nobody but suspects offered on. */
export const ONLY_SUSPECTS = 'the only offers were of suspects, sellers that were slashed before';

/** Looks at the pool after the first good offer, for better ones. */
const PATIENCE = 2;

/** From the announcement to the claim, or to the money's way back: a buyer's first half of a job. */
export class ClientPurchase {
  readonly #desk: ClientDesk;
  readonly #courier: PromptCourier;
  readonly #patience = new Map<string, number>();
  readonly #shown = new Set<string>();
  /** Jobs that suspects offered on, and so far nobody else. */
  readonly #suspected = new Set<string>();

  constructor(desk: ClientDesk) {
    this.#desk = desk;
    this.#courier = new PromptCourier(desk.chain, (event) => desk.emit(event));
  }

  /** Forgets a job that is over. */
  forget(jobId: string): void {
    this.#courier.forget(jobId);
    this.#patience.delete(jobId);
    this.#suspected.delete(jobId);
  }

  /** Announces the job, looks at the offers, and takes the best after a while. */
  async chooseOffer(record: ClientRecord, tip: number): Promise<ClientRecord> {
    const { chain, mirror, params, emit, withdrawJob } = this.#desk;
    const { job, id } = record;
    const spender = await chain.spender(parseOutpoint(job.coin));
    if (spender) return this.#coinIsGone(record);
    await mirror.say(record.announce);
    if (tip >= job.expires - claimMargin(params) - 1) {
      const isSuspected = this.#suspected.has(id);
      return withdrawJob(record, isSuspected ? ONLY_SUSPECTS : 'no seller offered in time');
    }
    const standing = (mirror.job(id)?.offers ?? []).filter(
      (offer) =>
        tip < offer.body.until &&
        !record.retry?.passedOver.includes(offer.author) &&
        (record.sellers?.includes(offer.author) ?? true) &&
        this.#isGood(job, offer),
    );
    const known = this.#withoutLeft(record, standing);
    const offers = await this.#withoutSuspects(record, known);
    if (offers.length > 0) this.#suspected.delete(id);
    else if (known.length > 0) this.#suspected.add(id);
    for (const { author, signature, body } of offers) {
      if (this.#shown.has(signature)) continue;
      this.#shown.add(signature);
      const amount = parseAmount(body.pricePerToken);
      emit({ step: 'offered', jobId: id, party: author, amount });
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

  /** Offers less those of sellers whose margins were another model's, unless the buyer named them; each is told once. */
  #withoutLeft(
    { id, sellers }: ClientRecord,
    offers: readonly Message<'offer'>[],
  ): readonly Message<'offer'>[] {
    const { sellers: book, emit } = this.#desk;
    if (!book || sellers || offers.length === 0) return offers;
    const left = book.left();
    for (const { author, signature } of offers) {
      const told = `left ${signature}`;
      if (!left.has(author) || this.#shown.has(told)) continue;
      this.#shown.add(told);
      emit({ step: 'avoided', jobId: id, party: author });
    }
    return offers.filter(({ author }) => !left.has(author));
  }

  /**
   * Offers less those of sellers that were slashed before, unless the buyer allows them, or plants the job with a seller of
   * its own; each is told once.
   */
  async #withoutSuspects(
    { id, planted, allowSuspects = planted !== undefined }: ClientRecord,
    offers: readonly Message<'offer'>[],
  ): Promise<Message<'offer'>[]> {
    const { chain, params, emit } = this.#desk;
    const authors = offers.map(({ author }) => author);
    const suspects = await suspectKeys(chain, authors, params);
    for (const { author, signature } of offers) {
      const suspect = suspects?.get(author);
      const told = `suspect ${signature}`;
      if (!suspect || this.#shown.has(told)) continue;
      this.#shown.add(told);
      emit({
        step: 'suspect',
        jobId: id,
        party: author,
        txid: suspect.txid,
        untilHeight: suspect.height,
        allowed: allowSuspects,
      });
    }
    return offers.filter(({ author }) => allowSuspects || !suspects?.has(author));
  }

  /** Sends the escrow on disk, for the first time or again. */
  async sendEscrow(record: ClientRecord, terms: JobTerms, tip: number): Promise<ClientRecord> {
    const { chain, mirror, records, end, emit, withdrawJob, giveUp } = this.#desk;
    const { escrow, id } = record;
    // money locked for a seller who has forgotten the offer would only come back when the job expires
    if (!escrow!.sent && tip > escrow!.offer.body.until) {
      return withdrawJob(record, 'the offer that was chosen is too old; nothing was locked');
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
      await mirror.remind(record.announce);
      // the last moment at which the buyer can be heard: nothing comes between this look and the note that it goes out
      if (!escrow!.sent && records.isCalledOff(id)) return await giveUp(record);
      records.save(sending);
      await sendOnce(chain, transaction);
    } catch (thrown) {
      const spender = await chain.spender(parseOutpoint(record.job.coin));
      if (!spender || spender.txid === escrow!.txid) throw thrown;
      return end(record, 'closed', `its coin was spent otherwise (${messageOf(thrown)})`);
    }
    emit({
      step: 'escrowed',
      jobId: id,
      txid: escrow!.txid,
      amount: transaction.outputs[0]!.value,
      fee: BigInt(escrow!.fee),
      party: escrow!.offer.author,
    });
    return sending;
  }

  /** Gives the seller its prompt and waits; takes the money back when the seller gives up, or time is over. */
  async awaitClaim(
    record: ClientRecord,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
  ): Promise<ClientRecord> {
    const { chain, wallet, key, mirror, waitFor } = this.#desk;
    const { id, job } = record;
    await mirror.remind(record.announce);
    await mirror.remind(record.accept!);
    this.#courier.bring(record, tip, !this.#hasAnswered(record, terms));
    if (trace.escrow!.height === 0) waitFor(id, tip + 1, 'the escrow to be in a block');
    const cancelled = await this.#cancelWith(record, terms, trace);
    if (cancelled || tip < job.expires) return record;
    const coin = contractCoin(trace.escrow!);
    this.#desk.keepAside();
    const spend = await signSpend(chain, wallet, refundSpend(terms, coin), (funded) =>
      refundUnlocking(signContract(funded, key.privateKey)),
    );
    await sendSpend(chain, wallet, spend);
    return record;
  }

  /** Ends a job whose coin is spent, unless that was its own escrow: then the record on disk has it, and goes on. */
  #coinIsGone(record: ClientRecord): ClientRecord {
    const newest = this.#desk.records.newest(record);
    if (newest !== record) return newest;
    return this.#desk.end(record, 'closed', 'its coin was spent by something else');
  }

  #isGood(job: JobSpec, offer: Message<'offer'>): boolean {
    try {
      escrowOutput(termsOf(job, offer, this.#desk.params));
      return true;
    } catch (thrown) {
      if (thrown instanceof BitmodelError) return false;
      throw thrown;
    }
  }

  async #lockMoney(record: ClientRecord, offer: Message<'offer'>): Promise<ClientRecord> {
    const { records, reserveFor, holdCoins, keepAside, emit } = this.#desk;
    keepAside();
    const next = await makeEscrow(this.#desk, record, offer, reserveFor(record.job));
    if (!next) return this.#coinIsGone(record);
    records.save(next);
    holdCoins(next);
    emit({ step: 'chosen', jobId: record.id, party: offer.author });
    return next;
  }

  /** Whether the seller has shown that it needs the prompt no more. */
  #hasAnswered({ id }: ClientRecord, { seller }: JobTerms): boolean {
    const pooled = this.#desk.mirror.job(id);
    const said = [...(pooled?.commitments ?? []), ...(pooled?.withdrawals ?? [])];
    return said.some(({ author }) => author === toHex(seller));
  }

  /** Ends the job together with a seller that withdrew: its signature is in the pool. */
  async #cancelWith(record: ClientRecord, terms: JobTerms, trace: JobTrace): Promise<boolean> {
    const { chain, key, mirror, emit } = this.#desk;
    const seller = toHex(terms.seller);
    const withdrawal = mirror
      .job(record.id)
      ?.withdrawals.find(({ author, body }) => author === seller && body.cancel);
    if (!withdrawal) return false;
    const template = cancelTemplate(terms, cancelSpend(terms, contractCoin(trace.escrow!)));
    const unlocking = cancelUnlocking({
      client: signContract(template, key.privateKey),
      seller: fromHex(withdrawal.body.cancel!),
    });
    try {
      await sendOnce(chain, unlockContract(template.transaction, unlocking));
      const detail = withdrawal.body.reason;
      emit({ step: 'withdrawn', jobId: record.id, party: seller, detail });
      return true;
    } catch (thrown) {
      // a signature that does not hold is as good as none: the refund still comes at its height
      if (thrown instanceof BitmodelError && !isUnreachable(thrown)) return false;
      throw thrown;
    }
  }
}
