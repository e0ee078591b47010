import { randomBytes } from 'node:crypto';
import { BitmodelError, EXIT, formatAmount, fromHex, toHex } from '../../base/index.js';
import {
  formatOutpoint,
  hash160,
  p2pkhScript,
  type SaidBalance,
  type Utxo,
} from '../../chain/index.js';
import { claimDepth, claimMargin } from '../agreement.js';
import { calibrationName, modelMissing, modelShare } from '../jobModel.js';
import { createMessage } from '../messages.js';
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
} from '../spec.js';
import { ClientDriver } from './ClientDriver.js';
import { chooseJudges } from './judges.js';
import type { ClientRecord } from './record.js';
import type { JobQuote, JobRequest } from './request.js';
import { firstPlan } from './retry.js';

/** A buyer that works out jobs from what is asked of it, and what they may cost. */
export abstract class QuotingClient extends ClientDriver {
  /** Coins that quotes stand on. */
  readonly #promised = new Set<string>();

  /**
   * Works out a job: its model's terms, its verifiers, its coin.
   * @throws BitmodelError `MODEL_NOT_OPEN`, `PROMPT_TOO_LONG`, `NO_VERIFIERS`, `NO_COIN`, `INSUFFICIENT_FUNDS`, `BAD_JOB`
   */
  async quote(request: JobRequest): Promise<JobQuote> {
    const quote = await this.quoteOne(request);
    const retry = firstPlan(request, quote);
    return retry ? { ...quote, record: { ...quote.record, retry } } : quote;
  }

  /** Works out one job, whatever is to be done when it fails. */
  protected async quoteOne(request: JobRequest): Promise<JobQuote> {
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
    const { chain, params, key, mirror } = this;
    const tip = await chain.height();
    await mirror.refresh(tip);
    const verifiers = await chooseJudges({ chain, params, key, mirror }, request, own.id, tip);
    const share = await modelShare(this.chain, own.id, tip);
    this.keepAside();
    const nonce = request.nonce ?? new Uint8Array(randomBytes(32));
    const fee = request.verifierFee ?? verifiers.fee;
    const count = jobVerifiers({ verifiers: verifiers.of });
    const coin = await this.#coinFor(request, share.feePerJob, fee * BigInt(count));
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
        ...(share.feePerJob === 0n ? {} : { feePerJob: formatAmount(share.feePerJob) }),
        feeScript: share.scriptHash,
        stake: request.stake
          ? formatAmount(request.stake)
          : leastStake(request.pricePerToken, maxTokens, fee, count, share.feePerJob),
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
      ...(request.boughtWith && { boughtWith: request.boughtWith }),
      ...(request.sellers && { sellers: request.sellers }),
      ...(request.allowSuspects && { allowSuspects: true }),
    };
    if (!request.coin) await this.#affordable(job);
    const blocks = 1 + claimDepth(this.params, confirmations);
    const money = { reward: fullReward(job), bond: contestBond(job) };
    return { record, ...money, verifiersAre: verifiers.chosen, blocks };
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

  async #coinFor(
    { coin, pricePerToken, maxTokens }: JobRequest,
    feePerJob: bigint,
    bond: bigint,
  ): Promise<string> {
    if (!coin) return formatOutpoint((await this.#coin()).outpoint);
    const reward = pricePerToken * BigInt(maxTokens) + feePerJob;
    return coin({ reward, reserve: this.reserveOver(bond) });
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
    // a coin that was put under an earlier quote comes last: that quote may still be submitted
    const isPromised = ({ outpoint }: Utxo): number =>
      this.#promised.has(formatOutpoint(outpoint)) ? 1 : 0;
    coins.sort((a, b) => isPromised(a) - isPromised(b) || Number(b.output.value - a.output.value));
    // of processes with this key that ask at the same time each gets another one
    const chosen = coins.find(({ outpoint }) => this.wallet.reserve(outpoint));
    if (chosen) {
      this.#promised.add(formatOutpoint(chosen.outpoint));
      return chosen;
    }
    throw noCoin(await this.chain.balance({ addresses: [this.key.address] }), open.length);
  }

  async #affordable(job: JobSpec): Promise<void> {
    const needed = fullReward(job) + this.reserveFor(job);
    const there = sumOf(await this.wallet.utxos());
    if (there >= needed) return;
    const { confirmed, pending, immature } = await this.wallet.balance();
    const all = confirmed + pending + immature;
    const kept =
      all > there
        ? ` (${formatAmount(all - there)} more can't: kept aside for other jobs, or not ripe yet)`
        : '';
    throw new BitmodelError(
      'INSUFFICIENT_FUNDS',
      `This job locks ${formatAmount(fullReward(job))} coins and sets ${formatAmount(this.reserveFor(job))} aside for a contest, and the fees come on top; only ${formatAmount(there)} can be spent now${kept}.`,
      {
        next: 'Ask for fewer tokens (--max-tokens) or pay less for each (--price), or put more coins on the key; on regtest, bitmodel wallet faucet gives test coins',
      },
    );
  }
}

const sumOf = (coins: readonly Utxo[]): bigint =>
  coins.reduce((sum, { output }) => sum + output.value, 0n);

/**
 * Why a key has no coin for a job, and what can be done.
 * @param own what its coins come to, whatever they are kept for
 * @param open jobs in hand
 */
function noCoin(own: SaidBalance, open: number): BitmodelError {
  const { coins } = own;
  if (coins === 0) {
    return new BitmodelError('NO_COIN', 'This key has no coins; a job needs one of its own.', {
      next: 'Have some sent to it (bitmodel wallet address); on regtest, bitmodel wallet faucet gives some',
    });
  }
  if (own.confirmed + own.immature + own.reserved === 0n) {
    return new BitmodelError(
      'NO_COIN',
      "None of this key's coins is in a block yet; a job needs one that is.",
      { next: 'Wait for the next block; see bitmodel wallet utxos' },
    );
  }
  const all = coins === 1 ? 'The only coin of this key is' : `All ${coins} coins of this key are`;
  const why = open > 0 ? 'for other jobs' : 'by another command, or too freshly mined';
  return new BitmodelError(
    'NO_COIN',
    `${all} kept aside ${why}, and each job needs a coin of its own.`,
    {
      next: 'Wait until a job ends (bitmodel job list), or have more coins sent to the key, each by itself; on regtest, bitmodel wallet faucet gives some',
    },
  );
}
