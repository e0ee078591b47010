import { join } from 'node:path';
import { formatAmount, parseAmount, toHex } from '../../base/index.js';
import { signData } from '../../chain/index.js';
import { describeVerdict, type Verdict } from '../../rastic/index.js';
import { acceptedTerms } from '../agreement.js';
import { judgesOf } from '../bonds/seats.js';
import { contestedMessage } from '../contracts/contestedSpends.js';
import type { JobRole } from '../JobEvents.js';
import { type JobRecord, JobRecords } from '../JobRecords.js';
import { createMessage, type Message, type MessageBody, NO_JOB_HEX } from '../messages.js';
import { Participant, type ParticipantOptions } from '../Participant.js';
import { nextSequence } from '../pool/quota.js';
import type { PooledJob } from '../pool/view.js';
import { settleContest } from '../settle.js';
import type { JobTerms } from '../terms.js';
import { depthOf, type JobTrace, spendsCoin, traceJob } from '../trace.js';
import { isAsked } from './asked.js';
import type { VerifierDishonesty } from './dishonesty.js';
import { judge } from './judging.js';
import { SecondJuror } from './SecondJuror.js';

/** What a verifier needs beside what every participant does. */
export interface VerifierOptions extends ParticipantOptions {
  /** Base units it asks for a signed verdict. */
  readonly fee: bigint;
  /** To see a dishonest verifier found out; never set by honest ones. */
  readonly dishonesty?: VerifierDishonesty;
}

/** Where findings about other verifiers lie, beside the verdicts. */
const CASES = 'cases';

/** A verdict once given is kept, so that a verifier never contradicts itself about a claim. */
interface VerdictRecord extends JobRecord {
  readonly message: Message<'verdict'>;
}

/** Blocks between two announcements of itself. */
const ANNOUNCE_EVERY = 50;
/** Blocks after the contest before a verifier ends it itself: buyer and seller have the coins set aside for that. */
const COURTESY = 4;

/**
 * Judges contested jobs that list its key or draw it, for a fee: gets the evidence, runs RASTiC, posts a signed verdict, and ends
 * the contest where nobody else does.
 */
export class JobVerifier extends Participant {
  protected readonly role: JobRole = 'verifier';
  readonly #fee: bigint;
  readonly #own: string;
  readonly #records: JobRecords<VerdictRecord>;
  readonly #over = new Set<string>();
  readonly #dishonesty: VerifierDishonesty | undefined;
  readonly #juror: SecondJuror;
  #announcedAt = Number.NEGATIVE_INFINITY;

  constructor(options: VerifierOptions) {
    super(options);
    this.#fee = options.fee;
    this.#own = toHex(options.key.publicKey);
    this.#records = new JobRecords(options.directory);
    this.#dishonesty = options.dishonesty;
    const { chain, wallet, params, key, models, mirror } = this;
    this.#juror = new SecondJuror({
      ...{ chain, wallet, params, key, models, mirror },
      directory: join(options.directory, CASES),
      rejudge: options.dishonesty?.rejudge ?? ((honest) => honest()),
      tell: (event) => this.emit({ role: 'verifier', ...event }),
    });
  }

  /** Public key, hex, as `job submit --verifiers` takes it. */
  get publicKey(): string {
    return this.#own;
  }

  protected override async look(tip: number, signal: AbortSignal): Promise<void> {
    if (tip >= this.#announcedAt + ANNOUNCE_EVERY) await this.#announce(tip);
    for (const id of this.mirror.jobIds()) {
      if (signal.aborted) return;
      const pooled = this.mirror.job(id);
      if (!pooled || this.#over.has(id) || !isAsked(this.#own, pooled)) continue;
      // whoever lists a verifier without its fee has not hired it
      if (parseAmount(pooled.spec.verifierFee) < this.#fee) continue;
      await this.guarded(id, () => this.#attend(pooled, tip, signal));
    }
    for (const id of this.mirror.caseIds()) {
      if (signal.aborted) return;
      const pooled = this.mirror.case(id);
      if (pooled) await this.guarded(id, () => this.#juror.attend(pooled, tip, signal));
    }
  }

  async #announce(tip: number): Promise<void> {
    const classes = [...new Set(this.models.map(({ model }) => model.info.numericClass))];
    const models = [...new Set(this.models.map(({ id }) => id))];
    const body = { models, classes, fee: formatAmount(this.#fee), height: tip };
    await this.mirror.remind(createMessage('verifier', NO_JOB_HEX, 0, body, this.key.privateKey));
    const isFirst = !Number.isFinite(this.#announcedAt);
    this.#announcedAt = tip;
    if (isFirst)
      this.emit({ role: 'verifier', step: 'ready', amount: this.#fee, party: this.#own });
  }

  async #attend(pooled: PooledJob, tip: number, signal: AbortSignal): Promise<void> {
    for (const accept of pooled.accepts) {
      const terms = acceptedTerms(pooled.spec, accept, this.params);
      const trace = await traceJob(this.chain, terms, accept.body.escrow);
      // one coin, one escrow: another transaction in the escrow's shape is not this job's
      if (!trace.escrow || !spendsCoin(trace.escrow.transaction, pooled.spec.coin)) continue;
      if (trace.end && trace.end.height > 0) this.#over.add(pooled.id);
      if (trace.stage === 'contested') await this.#hear(pooled, accept, terms, trace, tip, signal);
    }
  }

  async #hear(
    pooled: PooledJob,
    accept: Message<'accept'>,
    terms: JobTerms,
    trace: JobTrace,
    tip: number,
    signal: AbortSignal,
  ): Promise<void> {
    const contest = trace.contest!;
    const judges = await judgesOf(this.chain, this.params, pooled.spec, contest.state);
    // it signs for no registry that the chain does not show, and in no seat that is not its own
    if (!judges?.some(({ publicKey }) => toHex(publicKey) === this.#own)) return;
    const depth = depthOf(contest, tip);
    if (depth === 0) return this.waitFor(pooled.id, tip + 1, 'the contest to be in a block');
    const known = this.#known(pooled.id);
    // a reorganisation can give the claim another id; a verdict is about one claim only
    if (known?.body.stake === trace.claim!.txid) await this.mirror.remind(known);
    else await this.#give(pooled, accept, terms, trace, depth, signal);
    if (depth <= COURTESY) return;
    const verdicts = this.mirror.job(pooled.id)?.verdicts ?? [];
    const settlement = await settleContest(
      this.chain,
      this.wallet,
      terms,
      trace,
      verdicts,
      tip,
      judges,
    );
    if (settlement) this.emit({ role: 'verifier', jobId: pooled.id, ...settlement });
  }

  #known(id: string): Message<'verdict'> | undefined {
    return this.#records.ids().includes(id) ? this.#records.load(id).message : undefined;
  }

  async #give(
    pooled: PooledJob,
    accept: Message<'accept'>,
    terms: JobTerms,
    trace: JobTrace,
    depth: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { id, spec: job, commitments, contests, counterproofs } = pooled;
    const { state, commitment, txid } = trace.claim!;
    const dispute = { job, accept, state, commitment, commitments, contests, counterproofs, depth };
    const started = performance.now();
    const honest = (): Promise<Verdict | undefined> =>
      judge(dispute, this.models, this.key, signal);
    const verdict = await (this.#dishonesty ? this.#dishonesty.judge(honest) : honest());
    if (!verdict && this.#dishonesty?.name === 'silent') return;
    if (!verdict) {
      const until = trace.contest!.height + depth;
      return this.waitFor(id, until, 'the evidence');
    }
    const signature =
      verdict.result === 'abstain'
        ? undefined
        : signData(
            contestedMessage(terms, trace.contest!.state, verdict.result),
            this.key.privateKey,
          );
    const body = verdictBody(verdict, txid, signature);
    const sequence = nextSequence(this.#known(id));
    const message = createMessage('verdict', id, sequence, body, this.key.privateKey);
    this.#records.save({ v: 1, id, message });
    await this.mirror.say(message);
    this.emit({
      role: 'verifier',
      step: 'judged',
      jobId: id,
      detail: describeVerdict(verdict),
      seconds: (performance.now() - started) / 1000,
      amount: this.#fee,
      party: this.#own,
    });
  }
}

function verdictBody(
  verdict: Verdict,
  stake: string,
  signature: Uint8Array | undefined,
): MessageBody<'verdict'> {
  const base = { verdict: verdict.result, stake };
  const signed = signature ? { signature: toHex(signature) } : {};
  if (verdict.result === 'abstain') return { ...base, reason: verdict.reason.slice(0, 200) };
  if (verdict.result === 'valid') return { ...base, ...signed };
  const { kind, position, margin } = verdict;
  return {
    ...base,
    ...signed,
    kind,
    ...(position === undefined ? {} : { position }),
    ...(margin === undefined || !Number.isFinite(margin)
      ? {}
      : { marginMicro: Math.round(margin * 1e6) }),
  };
}
