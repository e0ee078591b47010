import { parseAmount } from '../../base/index.js';
import { contestBond, feePerJob, type JobSpec, listedVerifiers } from '../spec.js';

/** By whom a seller lets itself be judged beside drawn verifiers: by keys that it trusts, or by anybody's. */
export type AcceptedVerifiers = 'any' | readonly string[];

/** What a seller lets itself in for. */
export interface WorkerLimits {
  /** Base units for one output token. */
  readonly price: bigint;
  /**
   * Verifiers it lets itself be judged by: public keys in hex, or `any`; only drawn ones unless stated. Whoever lists
   * its own keys as verifiers takes the stake of every seller that lets it.
   */
  readonly acceptVerifiers?: AcceptedVerifiers;
  /** Most that it stakes on one job, base units; {@link STAKE_MULTIPLE} times what the job brings it unless stated. */
  readonly maxStake?: bigint;
}

/** The stake of a job covers the most that the buyer would pay, which may be a good deal more than this seller asks. */
const STAKE_MULTIPLE = 12n;
/** Base units that no limit of verifiers' fees lies below, so that small jobs have verifiers too. */
const LEAST_FEE_LIMIT = 250_000n;
/** Base units that no limit of stakes, and of a model's fee for the job beside them, lies below unless a seller states one. */
export const LEAST_STAKE_LIMIT = 1_000_000n;

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/**
 * Why a seller does not let itself be judged as a job has it, or does not risk so much for it; undefined where it does.
 * What a job brings counts at the seller's own price: the one a buyer names costs the buyer nothing.
 */
export function limitFault(job: JobSpec, limits: WorkerLimits): string | undefined {
  const listed = listedVerifiers(job);
  const { acceptVerifiers: accepted, price, maxStake } = limits;
  if (accepted === undefined && listed.length > 0) return 'verifiers that the buyer chose';
  const isNamed = (key: string): boolean => accepted!.includes(key);
  const named = Array.isArray(accepted);
  if (named && (listed.length === 0 || !listed.every(isNamed)))
    return 'verifiers that are not accepted';
  const reward = price * BigInt(job.maxTokens);
  if (contestBond(job) > larger(reward, LEAST_FEE_LIMIT)) return 'verifiers that cost too much';
  const most = maxStake ?? larger(reward * STAKE_MULTIPLE, LEAST_STAKE_LIMIT);
  // the stake answers for the model's fee, too, which brings the seller nothing, and which a wrong slash takes from the
  // seller for a buyer who may be the model's owner: no more of it than the job brings
  const fee = feePerJob(job);
  const beside = maxStake === undefined && fee <= larger(reward, LEAST_STAKE_LIMIT) ? fee : 0n;
  return parseAmount(job.stake) > most + beside ? 'too large a stake' : undefined;
}
