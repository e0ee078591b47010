import { formatAmount, parseAmount } from '../../base/index.js';
import { type ClientRecord, contestBond, feePerJob } from '../../job/index.js';

/** What a job has cost its buyer, base units. */
export interface JobCost {
  /** To the seller and to those the model stands on; nothing where it came back. */
  readonly price: bigint;
  /** Of a contest that the verifiers decided for the seller. */
  readonly verifierFees: bigint;
  /** Of the transactions that the buyer paid for. */
  readonly networkFees: bigint;
}

/** Ends after which the price is the seller's. */
const PAID: readonly string[] = ['settled', 'cleared', 'lapsed', 'released'];
/** Ends before which the buyer's contest was in a block. */
const CONTESTED: readonly string[] = ['slashed', 'cleared', 'lapsed'];

/** What a job has cost its buyer, read or not; undefined before it ends, and where nothing was ever locked for it. */
export function jobCost(record: ClientRecord): JobCost | undefined {
  const { job, outcome, escrow, contest, answer, claimedTokens, endFee } = record;
  if (!escrow?.sent || outcome === undefined || outcome === 'closed') return undefined;
  const isPaid = PAID.includes(outcome);
  const tokens = answer?.outputIds.length ?? claimedTokens;
  if (isPaid && tokens === undefined) return undefined;
  const contestFee = CONTESTED.includes(outcome) ? BigInt(contest?.fee ?? 0) : 0n;
  const { pricePerToken } = escrow.offer.body;
  return {
    price: isPaid ? parseAmount(pricePerToken) * BigInt(tokens!) + feePerJob(job) : 0n,
    verifierFees: outcome === 'cleared' ? contestBond(job) : 0n,
    networkFees: BigInt(escrow.fee) + contestFee + BigInt(endFee ?? 0),
  };
}

/** Base units that a cost comes to. */
export function totalCost({ price, verifierFees, networkFees }: JobCost): bigint {
  return price + verifierFees + networkFees;
}

/** What the jobs of a submission have cost together, base units. */
export function costOfAll(attempts: readonly ClientRecord[]): bigint {
  const costs = attempts.flatMap((record) => jobCost(record) ?? []);
  return costs.reduce((sum, cost) => sum + totalCost(cost), 0n);
}

/** A cost as JSON. */
export function costJson(cost: JobCost): Record<string, string> {
  return {
    price: formatAmount(cost.price),
    verifierFees: formatAmount(cost.verifierFees),
    networkFees: formatAmount(cost.networkFees),
    total: formatAmount(totalCost(cost)),
  };
}

/** A cost in one line for people. */
export function costText(cost: JobCost): string {
  const { price, verifierFees, networkFees } = cost;
  const total = formatAmount(totalCost(cost));
  if (price === 0n && verifierFees === 0n) return `${total} coins of network fees`;
  const judged = verifierFees > 0n ? `, verifiers ${formatAmount(verifierFees)}` : '';
  return `${total} coins: price ${formatAmount(price)}${judged}, network fees ${formatAmount(networkFees)}`;
}
