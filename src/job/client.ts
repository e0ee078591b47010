import { randomBytes } from 'node:crypto';
import {
  BitmodelError,
  EXIT,
  formatAmount,
  fromHex,
  parseAmount,
  sha256,
  toHex,
} from '../base/index.js';
import { formatOutpoint, hash160, p2pkhScript, parseOutpoint, type Utxo } from '../chain/index.js';
import { claimDepth, claimMargin } from './agreement.js';
import { ClientDriver } from './client-driver.js';
import type { ClientRecord } from './client-record.js';
import type { JobQuote, JobRequest } from './client-request.js';
import { calibrationName, modelMissing, modelShare } from './job-model.js';
import { createMessage } from './messages.js';
import { pause } from './sending.js';
import {
  contestBond,
  fullReward,
  type JobSpec,
  jobIdHex,
  jobVerifiers,
  leastStake,
  parseJob,
  promptHashOf,
  seedOf,
} from './spec.js';
import { registryAt, registryHeight } from './verifier-bonds.js';

const DEFAULT_VERIFIER_FEE = 10_000n;
const AUTO_VERIFIERS = 3;

/** Who judges a job, and what each asks. */
interface Judges {
  readonly of: JobSpec['verifiers'];
  readonly fee: bigint;
  /** c, hex, where they are drawn. */
  readonly drawSecret?: string;
}

function tooFewBonded(size: number): BitmodelError {
  return new BitmodelError(
    'NO_VERIFIERS',
    `Only ${size} verifiers are bonded; a draw of ${AUTO_VERIFIERS} takes ${2 * AUTO_VERIFIERS + 1}.`,
    {
      next: 'Name keys with --verifiers, or let it choose: --verifiers auto',
      exitCode: EXIT.notFound,
    },
  );
}

/**
 * A buyer of inference: makes jobs, follows them to the end, and can take them up again after its process died at any
 * step, because what is needed is on disk before anything is sent.
 */
export class JobClient extends ClientDriver {
  /**
   * Works out a job: its model's terms, its verifiers, its coin.
   * @throws BitmodelError `MODEL_NOT_OPEN`, `PROMPT_TOO_LONG`, `NO_VERIFIERS`, `NO_COIN`, `INSUFFICIENT_FUNDS`, `BAD_JOB`
   */
  async quote(request: JobRequest): Promise<JobQuote> {
    const own = this.models.find(({ id }) => id === request.model);
    if (!own) throw modelMissing(request.model);
    const { info } = own.model;
    if (request.promptIds.length >= info.contextLength) {
      throw new BitmodelError(
        'PROMPT_TOO_LONG',
        `The prompt has ${request.promptIds.length} tokens, and the model's context ends at ${info.contextLength}.`,
        { next: 'Shorten the prompt', exitCode: EXIT.usage },
      );
    }
    const tip = await this.chain.height();
    await this.mirror.refresh(tip);
    const verifiers = await this.#judges(request, own.id, tip);
    const share = await modelShare(this.chain, own.id, tip);
    const coin = formatOutpoint((await this.#coin()).outpoint);
    const nonce = request.nonce ?? new Uint8Array(randomBytes(32));
    const fee = request.verifierFee ?? verifiers.fee;
    const count = jobVerifiers({ verifiers: verifiers.of });
    const maxTokens = Math.min(request.maxTokens, info.contextLength - request.promptIds.length);
    const jobWith = (promptHash: Uint8Array) =>
      parseJob({
        v: 1,
        client: toHex(this.key.publicKey),
        model: own.id,
        file: info.file,
        classes: own.calibration
          ? [...new Set(own.calibration.pairs.map(({ seller }) => seller))].slice(0, 8)
          : [info.numericClass],
        calibration: calibrationName(own),
        promptHash: toHex(promptHash),
        inputTokens: request.promptIds.length,
        maxTokens,
        stop: [...(request.stop ?? [])],
        sampling: { ...request.sampling },
        seed: toHex(seedOf(nonce, fromHex(own.id), promptHash)),
        pricePerToken: formatAmount(request.pricePerToken),
        feePpm: share.feePpm,
        feeScript: share.scriptHash,
        stake: request.stake
          ? formatAmount(request.stake)
          : leastStake(request.pricePerToken, maxTokens, fee, count),
        verifiers: verifiers.of,
        threshold: request.threshold ?? Math.floor(count / 2) + 1,
        verifierFee: formatAmount(fee),
        coin,
        created: tip,
        expires: tip + this.#lifetime(request),
      });
    const { job, salt } = this.#unrivalled(request.promptIds, jobWith);
    const { confirmations } = request;
    const announce = createMessage(
      'announce',
      jobIdHex(job),
      0,
      { job, ...(confirmations === undefined ? {} : { confirmations }) },
      this.key.privateKey,
    );
    const record: ClientRecord = {
      v: 1,
      id: announce.jobId,
      phase: 'announced',
      job,
      salt: toHex(salt),
      nonce: toHex(nonce),
      promptIds: request.promptIds,
      announce,
      ...(verifiers.drawSecret && { drawSecret: verifiers.drawSecret }),
      ...(request.receiptFile === undefined ? {} : { receiptFile: request.receiptFile }),
    };
    await this.#affordable(job);
    const blocks = 1 + claimDepth(this.params, confirmations);
    return { record, reward: fullReward(job), bond: contestBond(job), blocks };
  }

  /** Puts the job on disk and announces it. Nothing is locked before an offer is taken; see {@link follow}. */
  async submit({ record }: JobQuote): Promise<ClientRecord> {
    this.records.save(record);
    this.wallet.lock(parseOutpoint(record.job.coin));
    await this.mirror.say(record.announce);
    this.emit({
      role: 'client',
      step: 'announced',
      jobId: record.id,
      amount: fullReward(record.job),
    });
    return record;
  }

  /**
   * Drives one job to its end: takes an offer, locks the money, opens and checks the answer, contests or settles, or is
   * refunded. May be called again for the same job after anything.
   * @throws BitmodelError `UNKNOWN_JOB`, `NODE_UNREACHABLE`, and whatever stops it; the job can then be resumed. AbortError
   */
  async follow(id: string, signal: AbortSignal): Promise<ClientRecord> {
    let record = this.records.load(id);
    this.holdCoins(record);
    while (record.phase !== 'ended') {
      signal.throwIfAborted();
      const tip = await this.chain.height();
      await this.mirror.refresh(tip);
      const next = await this.step(record, tip, signal);
      if (next === record) await pause(this.interval, signal);
      record = next;
    }
    return record;
  }

  /** All jobs of this buyer, ended ones included. */
  list(): ClientRecord[] {
    return this.records.all();
  }

  /** One job. @throws BitmodelError `UNKNOWN_JOB`, `AMBIGUOUS_JOB` */
  show(id: string): ClientRecord {
    return this.records.load(id);
  }

  /**
   * Gives up a job for which no money was locked yet.
   * @throws BitmodelError `JOB_ENDED`; `JOB_LOCKED` when there is an escrow: only the seller, or time, can free that
   */
  async cancel(id: string): Promise<ClientRecord> {
    const record = this.records.load(id);
    if (record.phase === 'ended') {
      throw new BitmodelError('JOB_ENDED', 'This job has ended; there is nothing to give up.', {
        next: `See how it went with: bitmodel job show ${record.id}`,
        exitCode: EXIT.notAllowed,
      });
    }
    if (record.phase !== 'announced') {
      throw new BitmodelError(
        'JOB_LOCKED',
        `The money of this job is locked; it comes back at block ${record.job.expires} unless the seller delivers.`,
        { next: `Follow it with: bitmodel job resume ${record.id}`, exitCode: EXIT.notAllowed },
      );
    }
    const tip = await this.chain.height();
    await this.mirror.refresh(tip);
    return this.withdrawJob(record, 'the buyer cancelled it');
  }

  /**
   * Marks a job to be contested whatever the buyer's own check says; {@link follow} then does it.
   * @throws BitmodelError `JOB_NOT_CLAIMED` when there is nothing to contest
   */
  accuse(id: string): ClientRecord {
    const record = this.records.load(id);
    const contestable = record.phase === 'escrowed' || record.outcome === 'settled';
    if (!record.escrow || !contestable) {
      throw new BitmodelError('JOB_NOT_CLAIMED', 'There is nothing to contest in this job.', {
        next: 'See how it stands: bitmodel job show',
        exitCode: EXIT.notAllowed,
      });
    }
    const { outcome: _, ...open } = record;
    const accused: ClientRecord = { ...open, phase: 'escrowed', accuse: true };
    this.records.save(accused);
    return accused;
  }

  protected override async look(_tip: number, signal: AbortSignal): Promise<void> {
    const open = this.records.all().filter(({ phase }) => phase !== 'ended');
    await Promise.all(
      open.map(({ id }) => this.guarded(id, async () => void (await this.follow(id, signal)))),
    );
  }

  /**
   * Salts the prompt. Of two jobs with one coin and one height the pool keeps that of the smaller id: a job that comes
   * after one that was given up must be that.
   */
  #unrivalled(promptIds: readonly number[], jobWith: (promptHash: Uint8Array) => JobSpec) {
    const earlier = this.records.all();
    for (;;) {
      const salt = new Uint8Array(randomBytes(32));
      const job = jobWith(promptHashOf(salt, promptIds));
      const id = jobIdHex(job);
      const isBeaten = earlier.some(
        (other) =>
          other.job.coin === job.coin && other.job.created === job.created && other.id < id,
      );
      if (!isBeaten) return { job, salt };
    }
  }

  #lifetime({ lifetime, confirmations }: JobRequest): number {
    const blocks = lifetime ?? (this.params.name === 'regtest' ? 60 : 120);
    const least = claimDepth(this.params, confirmations) + claimMargin(this.params) + 2;
    if (blocks >= least) return blocks;
    throw new BitmodelError(
      'LIFETIME_TOO_SHORT',
      `No seller can claim within ${blocks} blocks; it takes at least ${least}.`,
      { next: `Pass --timeout ${least} or more`, exitCode: EXIT.usage },
    );
  }

  /** Who will judge this job in a dispute, and for what: named, announced or drawn. */
  async #judges(request: JobRequest, model: string, tip: number): Promise<Judges> {
    const { verifiers } = request;
    if (typeof verifiers !== 'string') return { of: [...verifiers], fee: DEFAULT_VERIFIER_FEE };
    const height = registryHeight(tip, this.params);
    const registry = await registryAt(this.chain, this.params, height);
    const size = registry?.size ?? 0;
    const announced = this.mirror.verifiers().filter(({ body }) => body.models.includes(model));
    const bonded = announced.filter(({ author }) =>
      registry?.keys.some((key) => toHex(key) === author),
    );
    const isEnough = size > 2 * AUTO_VERIFIERS;
    if (verifiers === 'drawn' && !isEnough) throw tooFewBonded(size);
    // one who does not have the model can only abstain
    const isDrawn = verifiers === 'drawn' || (isEnough && 3 * bonded.length > 2 * size);
    if (!isDrawn || !registry) return this.#announced(model);
    const drawSecret = new Uint8Array(randomBytes(32));
    const fees = bonded.map(({ body }) => parseAmount(body.fee));
    const fee = fees.reduce((most, each) => (each > most ? each : most), DEFAULT_VERIFIER_FEE);
    const draw = { registry: toHex(registry.root), drawHash: toHex(sha256(drawSecret)) };
    return { of: { ...draw, size, count: AUTO_VERIFIERS }, fee, drawSecret: toHex(drawSecret) };
  }

  #announced(model: string): Judges {
    const own = toHex(this.key.publicKey);
    const chosen = this.mirror
      .verifiers()
      .filter(({ author, body }) => author !== own && body.models.includes(model))
      .sort((a, b) => Number(parseAmount(a.body.fee) - parseAmount(b.body.fee)))
      .slice(0, AUTO_VERIFIERS);
    if (chosen.length === 0) {
      throw new BitmodelError('NO_VERIFIERS', 'No verifier has announced itself for this model.', {
        next: 'Start one with: bitmodel verifier --model DIR, or name keys with --verifiers',
        exitCode: EXIT.notFound,
      });
    }
    // sorted by fee: the last one asks most
    return {
      of: chosen.map(({ author }) => author),
      fee: parseAmount(chosen.at(-1)!.body.fee),
    };
  }

  /** The coin that makes the job scarce: the largest confirmed one of the client's own key. */
  async #coin(): Promise<Utxo> {
    const own = toHex(p2pkhScript(hash160(this.key.publicKey)));
    // another process with this key may have a job in hand: its coin is on disk, and stays its own
    const open = this.records.all().filter(({ phase }) => phase !== 'ended');
    const taken = new Set(open.map(({ job }) => job.coin));
    const coins = (await this.wallet.utxos()).filter(
      ({ height, output, outpoint }) =>
        height > 0 && toHex(output.lockingScript) === own && !taken.has(formatOutpoint(outpoint)),
    );
    coins.sort((a, b) => Number(b.output.value - a.output.value));
    const [largest] = coins;
    if (largest) return largest;
    throw new BitmodelError('NO_COIN', 'A job needs a confirmed coin of its key to stand for it.', {
      next: 'See bitmodel wallet balance; on regtest, bitmodel wallet faucet gives test coins',
    });
  }

  async #affordable(job: JobSpec): Promise<void> {
    const needed = fullReward(job) + this.reserveFor(job);
    const there = (await this.wallet.utxos()).reduce((sum, { output }) => sum + output.value, 0n);
    if (there >= needed) return;
    throw new BitmodelError(
      'INSUFFICIENT_FUNDS',
      `This job locks ${formatAmount(fullReward(job))} and sets ${formatAmount(this.reserveFor(job))} aside for a contest; only ${formatAmount(there)} can be spent now.`,
      { next: 'See bitmodel wallet balance; on regtest, bitmodel wallet faucet gives test coins' },
    );
  }
}
