import { randomBytes } from 'node:crypto';
import { formatAmount, fromHex, parseAmount, sha256, toHex, utf8 } from '../../base/index.js';
import { hash160, p2pkhScript, parseOutpoint } from '../../chain/index.js';
import type { Attack } from '../../rastic/index.js';
import { claimDepth, claimMargin } from '../agreement.js';
import { registryOf } from '../bonds/seats.js';
import type { JobEvent, JobRole } from '../JobEvents.js';
import { JobRecords } from '../JobRecords.js';
import {
  calibrationName,
  type JobModel,
  modelFor,
  modelShare,
  NO_CALIBRATION,
} from '../jobModel.js';
import { createMessage } from '../messages.js';
import { Participant, type ParticipantOptions } from '../Participant.js';
import type { PooledJob } from '../pool/view.js';
import { feePerJob, type JobSpec, listedVerifiers } from '../spec.js';
import { Answering } from './Answering.js';
import { limitFault, type WorkerLimits } from './limits.js';
import { toleranceTooTight } from './ownTolerance.js';
import type { WorkerRecord } from './record.js';
import { WorkerCapacity } from './WorkerCapacity.js';
import { WorkerDriver } from './WorkerDriver.js';

/** What a seller needs beside what every participant does. */
export interface WorkerOptions extends ParticipantOptions, WorkerLimits {
  /** Base units for one output token: the least it works for, and what it asks. */
  readonly price: bigint;
  /** Fewest confirmations of an escrow that it claims at, whatever a buyer asks; the network's rule unless stated. */
  readonly minimumConfirmations?: number;
  /** Most jobs that it takes before it has answered them; 16 unless stated. */
  readonly maxJobs?: number;
  /**
   * Most jobs whose answers it decodes at once, in one run per step where the model can; {@link WORKER_BATCH} unless stated,
   * 1 for one after another.
   */
  readonly batch?: number;
  /** Tokens a second, as it says in its offers; 0 unless stated. */
  readonly speed?: number;
  /** A named way to cheat in place of honest work (DESIGN 6, "Attacks"), for demonstrations and tests. */
  readonly dishonesty?: Attack;
  /**
   * The one job that it sells, and the key k that it seals the answer with: for planted jobs, whose buyer is the seller
   * itself and must sell to nobody else.
   */
  readonly planted?: { readonly jobId: string; readonly k: Uint8Array };
}

/** Jobs in hand at once, unless stated. */
const MAX_JOBS = 16;
/** Answers decoded at once, unless stated: what a CPU does in one run hardly slower than the half of it. */
export const WORKER_BATCH = 8;
/** Blocks for which a registry is taken: a job is announced and taken within minutes. */
const REGISTRY_AGE = 100;

/**
 * A seller of inference: offers on jobs it can do, does those it is chosen for, several at once, claims, and gets its
 * stake back. Its keys and answers are on disk before they are needed, so that it can be stopped and started at any time.
 */
export class JobWorker extends Participant {
  protected readonly role: JobRole = 'worker';
  readonly #options: WorkerOptions;
  readonly #records: JobRecords<WorkerRecord>;
  readonly #open = new Map<string, WorkerRecord>();
  readonly #considered = new Set<string>();
  readonly #toldOf = new Set<JobModel>();
  readonly #toldLimits = new Set<string>();
  readonly #answering: Answering;
  readonly #driver: WorkerDriver;
  readonly #capacity: WorkerCapacity;
  /** Whether it was said that there are too few coins; undefined before it has looked. */
  #lacksCoins: boolean | undefined;

  constructor(options: WorkerOptions) {
    super(options);
    this.#options = options;
    this.#records = new JobRecords(options.directory);
    for (const record of this.#records.all()) {
      this.#considered.add(record.id);
      if (!record.outcome) this.#open.set(record.id, record);
    }
    this.#capacity = new WorkerCapacity(this.wallet, options.maxJobs ?? MAX_JOBS);
    const tell = (event: Omit<JobEvent, 'role'>): void => this.emit({ role: 'worker', ...event });
    this.#answering = new Answering({
      ...options,
      batch: options.batch ?? WORKER_BATCH,
      tell,
      onChange: () => this.wake(),
    });
    this.#driver = new WorkerDriver({
      ...options,
      answering: this.#answering,
      overload: (record) => this.#capacity.overload(record, this.#open.values()),
      mirror: this.mirror,
      save: (record) => this.#save(record),
      tell,
      waitFor: (id, height, detail) => this.waitFor(id, height, detail),
    });
  }

  /** Jobs this worker has in hand, offers included. */
  open(): WorkerRecord[] {
    return [...this.#open.values()];
  }

  /** As every participant; answers in the making are ended with it, and made anew when it is started again. */
  override async run(signal: AbortSignal): Promise<void> {
    await super.run(signal);
    await this.#answering.rest();
  }

  protected override async look(tip: number, signal: AbortSignal): Promise<void> {
    // jobs in hand come first, those with the least time before others: there money is at stake
    const inHand = [...this.#open.values()].sort((a, b) => a.job.expires - b.job.expires);
    for (const record of inHand) {
      if (signal.aborted) return;
      await this.guarded(record.id, () => this.#driver.advance(record, tip, signal));
    }
    this.#capacity.refresh(this.#open);
    if (this.#lacksCoins === undefined) await this.#tellOfNoCoins();
    for (const id of this.#newJobs()) {
      if (signal.aborted) return;
      await this.guarded(id, () => this.#consider(this.mirror.job(id)!, tip));
    }
  }

  /** Jobs that it has not decided on, in an order of its own: sellers with little room then don't all offer on the same. */
  #newJobs(): string[] {
    const own = toHex(this.key.publicKey);
    const rank = (id: string): string => toHex(sha256(utf8(`${id} ${own}`)));
    return this.mirror
      .jobIds()
      .filter((id) => !this.#considered.has(id))
      .filter((id) => [undefined, id].includes(this.#options.planted?.jobId))
      .map((id) => [rank(id), id] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, id]) => id);
  }

  #save(record: WorkerRecord): void {
    this.#records.save(record);
    if (record.outcome || record.withdrawal) this.#answering.drop(record.id);
    if (record.outcome) {
      this.#open.delete(record.id);
      this.mirror.forget(record.id);
    } else this.#open.set(record.id, record);
  }

  async #consider(pooled: PooledJob, tip: number): Promise<void> {
    const job = pooled.spec;
    if (tip < job.created) return; // this node is behind: look again later
    const refusal = await this.#whyNot(pooled, tip);
    if (refusal === 'later') return;
    this.#considered.add(pooled.id);
    if (refusal !== undefined) return;
    const k = this.#options.planted?.k ?? new Uint8Array(randomBytes(32));
    const own = modelFor(this.models, job)!;
    const offer = createMessage(
      'offer',
      pooled.id,
      0,
      {
        pricePerToken: formatAmount(this.#options.price),
        speedMilli: Math.round((this.#options.speed ?? 0) * 1000),
        class: own.model.info.numericClass,
        payout: toHex(hash160(this.key.publicKey)),
        keyHash: toHex(sha256(k)),
        until: tip + this.params.offerBlocks,
        ...(this.mirror.node === undefined ? {} : { node: this.mirror.node }),
      },
      this.key.privateKey,
    );
    const { announce } = pooled;
    this.#save({ v: 1, id: pooled.id, job, k: toHex(k), offer, announce });
    this.#capacity.noteOffer(pooled.id);
    this.#lacksCoins = false;
    await this.mirror.say(offer);
    this.emit({
      role: 'worker',
      step: 'offered',
      jobId: pooled.id,
      amount: parseAmount(offer.body.pricePerToken),
      party: job.client,
    });
  }

  /** Why this worker does not offer on a job; `later` when that may change. */
  async #whyNot({ spec: job, announce, withdrawals }: PooledJob, tip: number) {
    const own = modelFor(this.models, job);
    if (!own) return 'another model';
    const { info } = own.model;
    if (!job.classes.includes(info.numericClass)) return 'another numeric class';
    // without the tolerance that its verifiers measured, nobody could judge the answer
    if (job.calibration !== calibrationName(own)) {
      this.#tellCalibration(own, job);
      return 'another calibration';
    }
    if (job.inputTokens >= info.contextLength) return 'a prompt beyond the context';
    if (parseAmount(job.pricePerToken) < this.#options.price) return 'too cheap';
    const keys = [toHex(this.key.publicKey), job.client];
    const listed = listedVerifiers(job);
    if (listed.some((key) => keys.includes(key))) return 'a party among the verifiers';
    const fault = limitFault(job, this.#options);
    if (fault !== undefined) {
      this.#tellLimit(fault);
      return fault;
    }
    const stake = parseAmount(job.stake);
    if (!(await this.#capacity.hasRoom(stake, this.#open.values()))) {
      await this.#tellOfTooFewCoins(stake);
      return 'later';
    }
    if (listed.length === 0 && !(await this.#knowsRegistry(job, tip)))
      return 'a registry of its own';
    const depth = claimDepth(
      this.params,
      announce.body.confirmations,
      this.#options.minimumConfirmations,
    );
    if (tip + depth + claimMargin(this.params) + 1 > job.expires) return 'too little time';
    if (withdrawals.some(({ author }) => author === job.client)) return 'withdrawn';
    const share = await modelShare(this.chain, job.model, job.created);
    const isItsShare = share.feePpm === job.feePpm && share.feePerJob === feePerJob(job);
    if (!isItsShare || share.scriptHash !== job.feeScript) {
      return "not the model's own share";
    }
    if (!(await this.#ownsCoin(job.client, job.coin))) return 'a coin that is not its own';
    return this.#tooTight(own);
  }

  /** Says at the start that it can do nothing: a seller that waits for nothing looks just like one that waits for jobs. */
  async #tellOfNoCoins(): Promise<void> {
    this.#lacksCoins = (await this.#capacity.confirmed()) === 0n && !this.#hasJobs();
    if (!this.#lacksCoins) return;
    const detail = `no coins to stake lie at ${this.key.address}; no offers are made until some have come into a block there`;
    this.emit({ role: 'worker', step: 'problem', detail });
  }

  /** Says, until it can make an offer again, that jobs pass by because of its coins, where those are not just at work. */
  async #tellOfTooFewCoins(stake: bigint): Promise<void> {
    if (this.#lacksCoins || this.#hasJobs() || !(await this.#capacity.isBeyond(stake))) return;
    this.#lacksCoins = true;
    const there = formatAmount(await this.#capacity.confirmed());
    const detail = `a job asks for a stake of ${formatAmount(stake)} coins, and ${there} lie at ${this.key.address}; no offer is made on such jobs until there are more`;
    this.emit({ role: 'worker', step: 'problem', detail });
  }

  #hasJobs(): boolean {
    return this.open().some(({ accept }) => accept !== undefined);
  }

  /** Says once for each model that its tolerance would have honest answers of this machine found false. */
  async #tooTight(own: JobModel): Promise<string | undefined> {
    const detail = await toleranceTooTight(own);
    if (detail !== undefined && !this.#toldOf.has(own)) {
      this.#toldOf.add(own);
      this.emit({ role: 'worker', step: 'problem', detail });
    }
    return detail;
  }

  /** Says once for each of its limits that jobs pass by because of it, which looks just like no jobs at all. */
  #tellLimit(fault: string): void {
    if (this.#toldLimits.has(fault)) return;
    this.#toldLimits.add(fault);
    const detail = `a job asks for ${fault}; no offer is made on such jobs (--accept-verifiers and --max-stake set the limits)`;
    this.emit({ role: 'worker', step: 'problem', detail });
  }

  /** Says once for each model why jobs pass by: sellers and buyers may have fetched it from different places. */
  #tellCalibration(own: JobModel, job: JobSpec): void {
    if (this.#toldOf.has(own)) return;
    this.#toldOf.add(own);
    const name = (hash: string): string =>
      hash === NO_CALIBRATION ? 'no calibration' : `the calibration ${hash.slice(0, 12)}`;
    const mine = own.calibration ? name(calibrationName(own)) : 'none';
    const detail = `a job names ${name(job.calibration)} of ${own.model.info.file} of model ${own.id}, and here lies ${mine}; no offer is made on such jobs. The published one comes with: bitmodel model pull ${own.id}`;
    this.emit({ role: 'worker', step: 'problem', detail });
  }

  /**
   * Whether a job's verifiers are drawn from those the chain shows, and of late: an old registry could be one that the
   * client picked because its friends were alone in it.
   */
  async #knowsRegistry(job: JobSpec, tip: number): Promise<boolean> {
    if (Array.isArray(job.verifiers) || tip - job.created > REGISTRY_AGE) return false;
    return (await registryOf(this.chain, this.params, job, job.verifiers)) !== undefined;
  }

  async #ownsCoin(client: string, coin: string): Promise<boolean> {
    const found = await this.chain.output(parseOutpoint(coin));
    const wanted = toHex(p2pkhScript(hash160(fromHex(client))));
    return found !== undefined && toHex(found.output.lockingScript) === wanted;
  }
}
