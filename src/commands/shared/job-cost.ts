import { formatAmount, parseAmount } from '../../base/index.js';
import { type ClientRecord, contestBond } from '../../job/index.js';

/** What a buyer has paid for an answer, base units. */
export interface JobCost {
  /** To the seller and to those the model stands on. */
  readonly price: bigint;
  /** Of a contest that the verifiers decided for the seller. */
  readonly verifierFees: bigint;
  /** Of the transactions that the buyer sent. */
  readonly networkFees: bigint;
}

/** Ends after which the price is the seller's. */
const PAID: readonly string[] = ['settled', 'cleared', 'released'];

/** What a job has cost its buyer; undefined where it was not paid for, or its answer was never opened. */
export function jobCost({
  job,
  outcome,
  escrow,
  contest,
  answer,
}: ClientRecord): JobCost | undefined {
  if (!escrow || !answer || outcome === undefined || !PAID.includes(outcome)) return undefined;
  return {
    price: parseAmount(escrow.offer.body.pricePerToken) * BigInt(answer.outputIds.length),
    verifierFees: outcome === 'cleared' ? contestBond(job) : 0n,
    networkFees: BigInt(escrow.fee) + BigInt(contest?.fee ?? 0),
  };
}

/** A cost as JSON. */
export function costJson({ price, verifierFees, networkFees }: JobCost): Record<string, string> {
  return {
    price: formatAmount(price),
    verifierFees: formatAmount(verifierFees),
    networkFees: formatAmount(networkFees),
    total: formatAmount(price + verifierFees + networkFees),
  };
}

/** A cost in one line for people. */
export function costText({ price, verifierFees, networkFees }: JobCost): string {
  const total = formatAmount(price + verifierFees + networkFees);
  const judged = verifierFees > 0n ? `, verifiers ${formatAmount(verifierFees)}` : '';
  return `${total} coins: price ${formatAmount(price)}${judged}, network fees ${formatAmount(networkFees)}`;
}
