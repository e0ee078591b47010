import { toHex } from '../../base/index.js';
import {
  type ChainClient,
  hash160,
  hashToId,
  type KeyPair,
  type NetworkParameters,
  p2pkhScript,
} from '../../chain/index.js';
import { claimDepth, termsOf } from '../agreement.js';
import { type JobTrace, traceJob } from '../trace.js';
import type { ClientRecord } from './record.js';

/** Blocks before the end of the dispute window at which an answer is no longer waited for: a contest needs one, too. */
export const CONTEST_LAST_CALL = 2;

/**
 * What the buyer paid for the transaction that spent a job's contracts, base units: all of its fee where the money comes
 * back, or where it added coins of its own; else nothing, since whoever ends a contest pays for it.
 */
export async function endFee(
  chain: ChainClient,
  key: KeyPair,
  { stage, end }: JobTrace,
): Promise<bigint> {
  if (!end) return 0n;
  const own = toHex(p2pkhScript(hash160(key.publicKey)));
  let isOwn = stage === 'refunded' || stage === 'cancelled';
  let fee = -end.transaction.outputs.reduce((sum, { value }) => sum + value, 0n);
  for (const { outpoint } of end.transaction.inputs) {
    const { transaction } = (await chain.transaction(hashToId(outpoint.hash))) ?? {};
    const spent = transaction?.outputs[outpoint.index];
    if (!spent) return 0n;
    fee += spent.value;
    isOwn ||= toHex(spent.lockingScript) === own;
  }
  return isOwn ? fee : 0n;
}

/**
 * Whether an answer can still be judged: the contract that holds its seller's stake is not spent. Before it is claimed
 * there is nothing to judge yet, but there will be.
 */
export async function isContestable(
  chain: ChainClient,
  { job, escrow, outcome }: ClientRecord,
  params: NetworkParameters,
): Promise<boolean> {
  if (!escrow || (outcome !== undefined && outcome !== 'settled')) return false;
  const { stage } = await traceJob(chain, termsOf(job, escrow.offer, params), escrow.txid);
  return ['unknown', 'escrowed', 'claimed', 'contested'].includes(stage);
}

/** Until when a buyer can be away without harm. */
export interface ReturnBy {
  /** The last block by which it must be back. */
  readonly height: number;
  /** The chain's height now. */
  readonly tip: number;
}

/**
 * Until when a job's buyer can be away: a seller whose answer is not contested in time keeps the price, whatever it
 * delivered, and the verdicts of a contest are asked for by its buyer.
 * @returns undefined where nothing is locked, or nothing is left to do
 */
export async function returnBy(
  chain: ChainClient,
  { job, escrow, phase, announce }: ClientRecord,
  params: NetworkParameters,
): Promise<ReturnBy | undefined> {
  if (phase === 'ended' || !escrow?.sent) return undefined;
  const tip = await chain.height();
  const terms = termsOf(job, escrow.offer, params);
  const trace = await traceJob(chain, terms, escrow.txid);
  const minedAt = (height: number): number => (height === 0 ? tip + 1 : height);
  switch (trace.stage) {
    case 'unknown':
    case 'escrowed': {
      const depth = claimDepth(params, announce.body.confirmations);
      const claim = Math.max(tip, minedAt(trace.escrow?.height ?? 0) + depth - 1) + 1;
      return { height: claim + terms.disputeWindow - CONTEST_LAST_CALL, tip };
    }
    case 'claimed': {
      const claim = minedAt(trace.claim!.height);
      return { height: claim + terms.disputeWindow - CONTEST_LAST_CALL, tip };
    }
    case 'contested':
      return { height: minedAt(trace.contest!.height) + terms.verdictWindow, tip };
    default:
      return undefined;
  }
}
