import { BitmodelError, fromHex, parseAmount } from '../../base/index.js';
import type { Attack } from '../../rastic/index.js';
import { registryAt, registryHeight } from '../bonds/bonds.js';
import { keysOf } from '../bonds/seats.js';
import { juriesOf, minedContest } from '../cases/onChain.js';
import type { JobClient } from '../client/JobClient.js';
import type { ClientRecord } from '../client/record.js';
import type { JobQuote, JobRequest } from '../client/request.js';
import type { Message } from '../messages.js';
import type { ParticipantOptions } from '../Participant.js';
import { contestBond, feePerJob, fullReward, type JobSpec } from '../spec.js';
import { JobWorker, type WorkerOptions } from '../worker/JobWorker.js';
import { keyThatDraws } from './keyThatDraws.js';

/** Whether the answer of a planted job is false, and the verdict that is right. */
export type Planted =
  | { readonly answer: 'false'; readonly attack: Attack }
  | { readonly answer: 'true' };

/** A job that is ready to be planted. */
export interface PlantedQuote extends JobQuote {
  readonly k: Uint8Array;
  readonly cost: PlantedCost;
}

/** The most that a planted job takes from whoever plants it, base units; network fees come on top. */
export interface PlantedCost {
  /** To the verifiers that sign. */
  readonly fees: bigint;
  /** Of the stake, where the answer is false: the rest of it, and the price, come back. */
  readonly burnt: bigint;
  /** What the model gets. */
  readonly share: bigint;
}

/** What one drawn verifier did. */
export interface VerifierConduct {
  /** Public key, hex. */
  readonly verifier: string;
  readonly conduct: 'right' | 'wrong' | 'abstained' | 'silent';
  /** Its verdict, with the reason it gave. */
  readonly said: Message<'verdict'>['body'] | undefined;
}

function costOf(job: JobSpec, planted: Planted): PlantedCost {
  const fees = BigInt(job.threshold) * parseAmount(job.verifierFee);
  const stake = parseAmount(job.stake);
  const price = parseAmount(job.pricePerToken);
  const fee = feePerJob(job);
  const share = (price * BigInt(job.maxTokens) * BigInt(job.feePpm)) / 1_000_000n + fee;
  // one token at least is claimed; its price and the model's fee for the job come back
  return { fees, share, burnt: planted.answer === 'false' ? stake - price - fee - fees : 0n };
}

/**
 * Works out a job whose buyer and seller are one, to see how the verifiers that are drawn for it judge.
 * @param seller public key, hex, of the seller
 * @param of verifiers, hex, that must be among those drawn
 * @throws BitmodelError as `JobClient.quote`; `NOT_DRAWABLE`
 */
export async function quotePlanted(
  { chain, params }: Pick<ParticipantOptions, 'chain' | 'params'>,
  client: JobClient,
  request: Omit<JobRequest, 'verifiers' | 'sellers'>,
  planted: Planted,
  seller: string,
  of: readonly string[] = [],
): Promise<PlantedQuote> {
  const quote = await client.quote({
    ...request,
    verifiers: 'drawn',
    sellers: [seller],
    // who planted a false answer before was slashed for it
    allowSuspects: true,
  });
  const { job, drawSecret } = quote.record;
  const registry = await registryAt(chain, params, registryHeight(job.created, params));
  const { verifiers } = job;
  if (Array.isArray(verifiers) || !registry) throw new TypeError('a drawn job lists verifiers');
  const k = keyThatDraws(registry, verifiers.count, fromHex(drawSecret!, 32), of);
  const record = { ...quote.record, planted: true as const };
  return { ...quote, record, k, cost: costOf(job, planted) };
}

/**
 * Sells the job to its own buyer, who contests the answer, and follows it to its end.
 * @returns the job as it ended
 * @throws BitmodelError as `JobClient.submit` and `follow`; `NOT_FALSE` where the attack left nothing to find; AbortError
 */
export async function runPlanted(
  client: JobClient,
  { record: quoted, k, ...quote }: PlantedQuote,
  planted: Planted,
  seller: Omit<WorkerOptions, 'planted' | 'dishonesty' | 'price'>,
  signal: AbortSignal,
): Promise<ClientRecord> {
  const { id, job } = quoted;
  const worker = new JobWorker({
    ...seller,
    price: parseAmount(job.pricePerToken),
    maxStake: parseAmount(job.stake),
    planted: { jobId: id, k },
    ...(planted.answer === 'false' ? { dishonesty: planted.attack } : {}),
  });
  const shift = new AbortController();
  const working = worker.run(AbortSignal.any([signal, shift.signal]));
  try {
    await client.submit({ ...quote, record: quoted });
    let ended = await client.follow(id, signal);
    if (ended.outcome === 'settled') {
      if (planted.answer === 'false') throw notFalse(planted.attack);
      client.accuse(id);
      ended = await client.follow(id, signal);
    }
    return ended;
  } finally {
    shift.abort();
    await working;
  }
}

function notFalse({ name }: Attack): BitmodelError {
  return new BitmodelError('NOT_FALSE', `The answer that ${name} made is not false.`, {
    next: 'Plant another one: --attack tamper; see bitmodel rastic attacks for what each does',
  });
}

/** How each verifier that was drawn for a planted job behaved; nobody where it was not contested. */
export async function conductOf(
  { chain, params }: Pick<ParticipantOptions, 'chain' | 'params'>,
  record: ClientRecord,
  planted: Planted,
): Promise<VerifierConduct[]> {
  const { job, escrow, verdicts = [] } = record;
  if (!escrow) return [];
  const contest = await minedContest(chain, params, job, escrow.offer, escrow.txid);
  const juries = contest && (await juriesOf(chain, params, job, contest));
  const right = planted.answer === 'false' ? 'invalid' : 'valid';
  return keysOf(juries?.first ?? []).map((verifier) => {
    const all = verdicts.filter(({ author }) => author === verifier).map(({ body }) => body);
    // who abstained first and judged later has judged
    const said = all.find(({ verdict }) => verdict !== 'abstain') ?? all[0];
    if (!said) return { verifier, conduct: 'silent', said };
    if (said.verdict === 'abstain') return { verifier, conduct: 'abstained', said };
    return { verifier, conduct: said.verdict === right ? 'right' : 'wrong', said };
  });
}

/** Base units that buyer and seller lock while a planted job runs; all but its cost comes back. */
export function lockedBy({ job }: Pick<ClientRecord, 'job'>): bigint {
  return fullReward(job) + parseAmount(job.stake) + contestBond(job);
}
