import { equalBytes, toHex } from '../../base/index.js';
import type { KeyPair } from '../../chain/index.js';
import { signData } from '../../chain/index.js';
import { CaseProofs } from '../cases/CaseProofs.js';
import { accusedMessage, describeCase } from '../cases/case.js';
import type { ProvenCase } from '../cases/onChain.js';
import { type Finding, rejudge } from '../cases/rejudge.js';
import { rejudgeMessage } from '../contracts/bond.js';
import { openEvidence } from '../evidence.js';
import type { JobEvent } from '../JobEvents.js';
import { type JobRecord, JobRecords } from '../JobRecords.js';
import type { JobModel } from '../jobModel.js';
import { createMessage, type Message } from '../messages.js';
import type { PooledCase } from '../pool/CaseEntries.js';
import type { PoolMirror } from '../pool/PoolMirror.js';
import { nextSequence } from '../pool/quota.js';
import { type SlashHands, slashBonds } from './slashing.js';

/** What a finding is made by; a verifier told to cheat has another. */
export type Rejudge = (honest: () => Promise<Finding>) => Promise<Finding | undefined>;

/** What a member of a second jury works with. */
export interface JurorDesk extends SlashHands {
  readonly key: KeyPair;
  readonly models: readonly JobModel[];
  readonly mirror: PoolMirror;
  /** Where its findings are kept, so that it never contradicts itself. */
  readonly directory: string;
  readonly rejudge: Rejudge;
  readonly tell: (event: Omit<JobEvent, 'role'>) => void;
}

/** A finding once given is kept; which appeals it was found by, too: another one may show what they did not. */
interface FindingRecord extends JobRecord {
  readonly message: Message<'rejudgement'>;
  /** Authors and heights of the appeals that were looked at. */
  readonly heard: readonly string[];
}

/** An appeal, and what the chain says of it. */
interface ProvenAppeal {
  readonly appeal: Message<'appeal'>;
  readonly proven: ProvenCase;
}

const nameOf = ({ author, body }: Message<'appeal'>): string => `${author} ${body.height}`;

/** Judges the verdicts of other verifiers again, as a member of the juries that are drawn for that. */
export class SecondJuror {
  readonly #with: JurorDesk;
  readonly #own: string;
  readonly #records: JobRecords<FindingRecord>;
  readonly #proofs: CaseProofs;
  /** How things stood when a bond was last to be burnt: with the same votes at the same height there is nothing new. */
  readonly #tried = new Map<string, string>();

  constructor(desk: JurorDesk) {
    this.#with = desk;
    this.#own = toHex(desk.key.publicKey);
    this.#records = new JobRecords(desk.directory);
    this.#proofs = new CaseProofs(desk.chain, desk.params);
  }

  /** Does what can be done for a case now: says what it finds, and burns the bond when enough have signed. */
  async attend(pooled: PooledCase, tip: number, signal: AbortSignal): Promise<void> {
    const isCalled = pooled.appeals.some(({ body }) =>
      body.keys.some(({ verifier }) => verifier === this.#own),
    );
    if (!isCalled) return;
    const called = await this.#calledBy(pooled.appeals, tip);
    const [any] = called;
    if (!any) return;
    await this.#say(pooled, any.proven, signal);
    const said = this.#with.mirror.case(pooled.id)?.rejudgements ?? [];
    const standing = [tip, said.length, ...called.map(({ appeal }) => nameOf(appeal))].join(' ');
    if (this.#tried.get(pooled.id) === standing) return;
    this.#tried.set(pooled.id, standing);
    for (const each of called) if (await this.#burn(each, said)) return;
  }

  /** @returns whether the jury that this appeal calls has decided */
  async #burn(
    { appeal, proven }: ProvenAppeal,
    said: readonly Message<'rejudgement'>[],
  ): Promise<boolean> {
    const burnt = await slashBonds(this.#with, proven, appeal, said);
    for (const { bond, txid, fee } of burnt ?? []) {
      const { jobId, verifier } = describeCase(appeal);
      this.#with.tell({ step: 'burnt', jobId, party: verifier, txid, fee, amount: bond.value });
    }
    return burnt !== undefined;
  }

  /** A seat of the second jury is its own, and the accused is another. */
  #sits({ second, accused }: ProvenCase): boolean {
    const { publicKey } = this.#with.key;
    if (equalBytes(accused, publicKey)) return false;
    return second.some((seat) => equalBytes(seat.publicKey, publicKey));
  }

  /**
   * The appeals that the chain bears out and whose draw calls this verifier: each that shows another signature of the accused
   * has a jury of its own. A node may pass on others: it is not trusted.
   */
  async #calledBy(appeals: readonly Message<'appeal'>[], tip: number): Promise<ProvenAppeal[]> {
    const called: ProvenAppeal[] = [];
    for (const appeal of appeals) {
      const proven = await this.#proofs.of(appeal, tip);
      if (proven && this.#sits(proven)) called.push({ appeal, proven });
    }
    return called;
  }

  async #say(pooled: PooledCase, proven: ProvenCase, signal: AbortSignal): Promise<void> {
    const { id, appeals } = pooled;
    const known = this.#records.current(id);
    const names = appeals.map(nameOf);
    const isOpen = known === undefined || known.message.body.finding === 'abstain';
    const isNew = known === undefined || names.some((name) => !known.heard.includes(name));
    if (!isOpen || !isNew) {
      if (known) await this.#with.mirror.remind(known.message);
      return;
    }
    const started = performance.now();
    const found = await this.#with.rejudge(() => this.#find(appeals, proven, signal));
    if (!found) return;
    const message = this.#messageFor(id, found, proven, known?.message);
    this.#records.save({ v: 1, id, message, heard: names });
    await this.#with.mirror.say(message);
    const { jobId, verifier } = describeCase(appeals[0]!);
    this.#with.tell({
      step: 'rejudged',
      jobId,
      party: verifier,
      seconds: (performance.now() - started) / 1000,
      detail: `${found.finding}: ${found.reason}`,
    });
  }

  /** The first appeal whose evidence proves something decides: evidence that hashes to what is on the chain is the same. */
  async #find(
    appeals: readonly Message<'appeal'>[],
    { state, commitment, verdict }: ProvenCase,
    signal: AbortSignal,
  ): Promise<Finding> {
    let last: Finding = { finding: 'abstain', reason: 'no evidence is sealed to this verifier' };
    for (const appeal of appeals) {
      const evidence = openEvidence(appeal.body, this.#with.key);
      if (!evidence) continue;
      const { job } = appeal.body;
      const said = accusedMessage(appeal)?.body;
      const claim = { job, state, commitment, verdict, said };
      last = await rejudge(claim, [evidence], this.#with.models, signal);
      if (last.finding !== 'abstain') return last;
    }
    return last;
  }

  #messageFor(
    id: string,
    { finding, reason }: Finding,
    { accused, message }: ProvenCase,
    before: Message<'rejudgement'> | undefined,
  ): Message<'rejudgement'> {
    const { privateKey } = this.#with.key;
    const body = { finding, reason: reason.slice(0, 200) };
    const signed = { signature: toHex(signData(rejudgeMessage(accused, message), privateKey)) };
    const whole = finding === 'wrong' ? { ...body, ...signed } : body;
    return createMessage('rejudgement', id, nextSequence(before), whole, privateKey);
  }
}
