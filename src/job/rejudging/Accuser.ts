import { BitmodelError, EXIT, equalBytes, fromHex, toHex } from '../../base/index.js';
import { formatOutpoint, hash160, p2pkhScript, parseOutpoint } from '../../chain/index.js';
import { CaseProofs } from '../cases/CaseProofs.js';
import { describeCase } from '../cases/case.js';
import { membersOf, type ProvenCase } from '../cases/onChain.js';
import type { JobRole } from '../JobEvents.js';
import { type JobRecord, JobRecords } from '../JobRecords.js';
import type { Message } from '../messages.js';
import { Participant, type ParticipantOptions } from '../Participant.js';
import { APPEAL_COIN, APPEAL_PERIOD, appealWorth, isTimely } from '../pool/caseLife.js';
import { juryThreshold } from '../secondJury.js';
import { pause } from '../sending.js';
import { jobIdHex } from '../spec.js';
import { type OwnBond, ownBonds } from '../verifier/bonding.js';
import { slashBonds } from '../verifier/slashing.js';
import { type KnownJob, makeAppeal } from './accusation.js';

/** An appeal on disk: said again by whoever is started again. */
export interface AppealRecord extends JobRecord {
  readonly message: Message<'appeal'>;
}

/** What one member of the second jury found. */
export interface MemberFinding {
  readonly verifier: string;
  readonly finding: 'wrong' | 'right' | 'abstain';
  readonly reason: string | undefined;
}

/** How an appeal ended. */
export interface AppealOutcome {
  readonly caseId: string;
  /** Public key of the accused, hex. */
  readonly verifier: string;
  /**
   * `burnt`: enough of the jury found the verdict wrong; `upheld`: not enough did or can any more; `lapsed`: too few had
   * answered when its time was over.
   */
  readonly outcome: 'burnt' | 'upheld' | 'lapsed';
  /** Transactions that burnt the bonds. */
  readonly txids: readonly string[];
  readonly findings: readonly MemberFinding[];
  /** Seats that had to find it wrong, of how many. */
  readonly needed: number;
  readonly seats: number;
}

/** Milliseconds after which other processes are told again that a coin is kept; they forget it after ten minutes. */
const RESERVE_AGAIN = 5 * 60_000;

/** Calls the second jury over another verifier's verdict, and burns its bond when that finds it wrong. */
export class Accuser extends Participant {
  protected readonly role: JobRole = 'accuser';
  readonly #records: JobRecords<AppealRecord>;
  readonly #told = new Set<string>();
  readonly #proofs: CaseProofs;

  constructor(options: ParticipantOptions) {
    super(options);
    this.#records = new JobRecords(options.directory);
    this.#proofs = new CaseProofs(options.chain, options.params);
  }

  /**
   * Appeals against a verdict: on disk before it is said. One that was made before is said again while it stands.
   * @param accused public key of the verifier, hex
   * @returns id of the case
   * @throws BitmodelError as {@link makeAppeal}; `NO_COIN`, `NO_BOND`, `JOB_MESSAGE_REFUSED`
   */
  async appeal(known: KnownJob, accused: string): Promise<string> {
    const tip = await this.tip();
    await this.mirror.refresh(tip);
    if ((await ownBonds(this.chain, this.params, fromHex(accused))).length === 0) {
      throw new BitmodelError('NO_BOND', `${accused} has no bond that could burn.`, {
        next: 'See who is bonded: bitmodel verifier bonds',
        exitCode: EXIT.notFound,
      });
    }
    const coin = await this.#coin();
    const signer = { privateKey: this.key.privateKey, coin, height: tip };
    const pooled = this.mirror.job(jobIdHex(known.job))?.verdicts ?? [];
    const all = { ...known, verdicts: [...known.verdicts, ...pooled] };
    const made = await makeAppeal(this.chain, this.params, all, accused, signer);
    const before = this.#records.current(made.jobId)?.message;
    const message = before && (await this.#stands(before, tip)) ? before : made;
    this.#records.save({ v: 1, id: message.jobId, message });
    await this.mirror.say(message);
    const { jobId } = describeCase(message);
    this.emit({ role: 'accuser', step: 'appealed', jobId, party: accused });
    return message.jobId;
  }

  /**
   * Waits for the second jury, and burns the bond when enough of it have signed.
   * @param blocks after which it is given up; as long as an appeal stands unless stated
   * @throws BitmodelError `NOT_CONTESTED` where a reorganisation took the contest away; AbortError
   */
  async follow(
    caseId: string,
    signal: AbortSignal,
    blocks = APPEAL_PERIOD,
  ): Promise<AppealOutcome> {
    const { message } = this.#records.load(caseId);
    const until = message.body.height + Math.min(blocks, APPEAL_PERIOD);
    const bonds = await ownBonds(this.chain, this.params, fromHex(message.body.verifier));
    const coin = parseOutpoint(message.body.coin);
    this.wallet.lock(coin);
    let reservedAt = Number.NEGATIVE_INFINITY;
    try {
      for (;;) {
        signal.throwIfAborted();
        if (Date.now() >= reservedAt + RESERVE_AGAIN) {
          this.wallet.reserve(coin);
          reservedAt = Date.now();
        }
        const ended = await this.untilThere(caseId, () => this.#advance(message, until, bonds));
        if (ended) return ended;
        await pause(this.interval, signal);
      }
    } finally {
      this.wallet.unlock(coin);
    }
  }

  protected override async look(): Promise<void> {
    // whoever appeals drives one case at a time, by follow
  }

  /** The smallest coin that may stand behind an appeal: it is only shown, and stays where it is. */
  async #coin(): Promise<string> {
    const own = p2pkhScript(hash160(this.key.publicKey));
    const fit = (await this.wallet.utxos())
      .filter(({ height, output }) => height > 0 && output.value >= APPEAL_COIN && !output.token)
      .filter(({ output }) => equalBytes(output.lockingScript, own))
      .sort((a, b) => Number(a.output.value - b.output.value));
    if (fit[0]) return formatOutpoint(fit[0].outpoint);
    throw new BitmodelError('NO_COIN', 'An appeal needs a confirmed coin of 0.01 or more.', {
      next: 'Put coins on this key: bitmodel wallet address',
    });
  }

  async #stands(appeal: Message<'appeal'>, tip: number): Promise<boolean> {
    return isTimely(appeal, tip) && (await appealWorth(this.chain, appeal)) !== undefined;
  }

  async #advance(
    appeal: Message<'appeal'>,
    until: number,
    bonds: readonly OwnBond[],
  ): Promise<AppealOutcome | undefined> {
    const tip = await this.tip();
    await this.mirror.refresh(tip);
    await this.mirror.remind(appeal);
    const proven = await this.#proofs.of(appeal, tip);
    if (!proven) {
      throw new BitmodelError('NOT_CONTESTED', 'The chain no longer shows this contest.', {
        next: 'See how the job stands now, and appeal again: bitmodel job resume',
        exitCode: EXIT.notAllowed,
      });
    }
    const said = this.mirror.case(appeal.jobId)?.rejudgements ?? [];
    const findings = this.#hear(appeal, proven, said);
    const seats = proven.second.length;
    const of = { caseId: appeal.jobId, verifier: appeal.body.verifier, findings, seats };
    const needed = juryThreshold(seats);
    if (await this.#burn(appeal, proven, said)) {
      const txids = await this.#spendersOf(bonds);
      return { ...of, outcome: 'burnt', txids, needed };
    }
    if (seatsFor(proven, findings) < needed) return { ...of, outcome: 'upheld', txids: [], needed };
    return tip < until ? undefined : { ...of, outcome: 'lapsed', txids: [], needed };
  }

  /** @returns whether the jury has decided, and the bonds are burnt */
  async #burn(
    appeal: Message<'appeal'>,
    proven: ProvenCase,
    said: readonly Message<'rejudgement'>[],
  ): Promise<boolean> {
    const { chain, wallet, params } = this;
    // once it is decided the coin may pay for that
    const coin = parseOutpoint(appeal.body.coin);
    wallet.unlock(coin);
    const slashed = await slashBonds({ chain, wallet, params }, proven, appeal, said);
    if (!slashed) wallet.lock(coin);
    const { jobId, verifier: party } = describeCase(appeal);
    for (const { bond, txid, fee } of slashed ?? []) {
      this.emit({ role: 'accuser', step: 'burnt', jobId, party, txid, fee, amount: bond.value });
    }
    return slashed !== undefined;
  }

  async #spendersOf(bonds: readonly OwnBond[]): Promise<string[]> {
    const txids: string[] = [];
    for (const { outpoint } of bonds) {
      const spender = await this.chain.spender(outpoint);
      if (spender) txids.push(spender.txid);
    }
    return txids;
  }

  /** What each member says; who says two things is taken at its signature. */
  #hear(
    appeal: Message<'appeal'>,
    proven: ProvenCase,
    said: readonly Message<'rejudgement'>[],
  ): MemberFinding[] {
    const members = membersOf(proven);
    const findings = new Map<string, MemberFinding>();
    for (const { author, body } of said) {
      const { finding, reason } = body;
      if (!members.includes(author) || findings.get(author)?.finding === 'wrong') continue;
      findings.set(author, { verifier: author, finding, reason });
      const told = `${appeal.jobId} ${author} ${finding}`;
      if (this.#told.has(told)) continue;
      this.#told.add(told);
      const detail = reason === undefined ? finding : `${finding}: ${reason}`;
      const { jobId } = describeCase(appeal);
      this.emit({ role: 'accuser', step: 'rejudged', jobId, party: author, detail });
    }
    return [...findings.values()];
  }
}

/** Seats whose holders have found the verdict wrong, or may yet. */
function seatsFor({ second, accused }: ProvenCase, findings: readonly MemberFinding[]): number {
  const others = findings.filter(({ finding }) => finding !== 'wrong');
  const against = new Set(others.map(({ verifier }) => verifier));
  return second.filter(
    ({ publicKey }) => !equalBytes(publicKey, accused) && !against.has(toHex(publicKey)),
  ).length;
}
