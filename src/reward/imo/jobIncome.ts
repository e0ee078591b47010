import { fromHex, mapConcurrently, toHex } from '../../base/index.js';
import {
  type ChainClient,
  type HistoryPlace,
  hashToId,
  isCoinbase,
  previousOutputs,
  type Transaction,
} from '../../chain/index.js';
import { isClaim, MODEL_SHARE } from '../declared/jobClaim.js';
import { minedHistory } from './history.js';
import { provenTransaction } from './proven.js';

/** What jobs paid for a model as of a height. */
export interface JobIncome {
  /** Base units that jobs of others paid. */
  readonly income: bigint;
  /** Payments of jobs that count as income. */
  readonly payments: number;
  /** Base units that jobs paid which its owner bought: no income here. */
  readonly ownPayments: bigint;
  /** Whether older transactions were not looked at, as the latest show enough: then all three are at least this much. */
  readonly isPartial: boolean;
}

/** Whose money is looked for, as locking scripts in hex. */
export interface IncomeScripts {
  /** Where it comes to. */
  readonly paid: ReadonlySet<string>;
  /** The owner's: what is bought with coins from there is no income. */
  readonly own: ReadonlySet<string>;
}

/** Transactions looked at in any case. */
const LOOKED_AT = 10_000;
/** Transactions read before it is asked whether that was enough. */
const CHUNK = 256;

interface Share {
  readonly amount: bigint;
  readonly isOwn: boolean;
}

/** Locking scripts of the coins that a job was funded with, hex. */
async function buyers(client: ChainClient, { inputs }: Transaction): Promise<string[]> {
  const escrow = await provenTransaction(client, hashToId(inputs[0]!.outpoint.hash));
  if (isCoinbase(escrow)) return [];
  return (await previousOutputs(client, escrow)).map(({ lockingScript }) => toHex(lockingScript));
}

async function shareIn(
  client: ChainClient,
  { paid, own }: IncomeScripts,
  { txid }: HistoryPlace,
): Promise<Share | undefined> {
  const transaction = await provenTransaction(client, txid);
  const share = transaction.outputs[MODEL_SHARE];
  if (!share || !paid.has(toHex(share.lockingScript)) || !isClaim(transaction)) return undefined;
  const isOwn = (await buyers(client, transaction)).some((script) => own.has(script));
  return { amount: share.value, isOwn };
}

/**
 * What jobs paid for a model as of a height, apart from those that were bought with coins of its owner. The latest
 * transactions are read first, `lookedAt` of them in any case and then on until they show `enough`, to the first if need
 * be: whether there is enough so follows from all payments, however many transactions strangers send there, and before
 * which. They cost their senders a fee each, and a reader a look at each that came after the payments it needs.
 * @param enough base units of income at which reading on decides nothing any more
 * @throws BitmodelError `BAD_NODE_ANSWER`, and what the node says
 */
export async function jobIncome(
  client: ChainClient,
  scripts: IncomeScripts,
  atHeight: number,
  enough: bigint,
  lookedAt = LOOKED_AT,
): Promise<JobIncome> {
  const places = await minedHistory(
    client,
    [...scripts.paid].map((hex) => fromHex(hex)),
    atHeight,
  );
  let [income, ownPayments, payments, left] = [0n, 0n, 0, places.length];
  while (left > 0 && (places.length - left < lookedAt || income < enough)) {
    const from = Math.max(0, left - CHUNK);
    const shares = await mapConcurrently(places.slice(from, left), (place) =>
      shareIn(client, scripts, place),
    );
    left = from;
    for (const share of shares) {
      if (share?.isOwn) ownPayments += share.amount;
      else if (share) {
        income += share.amount;
        payments++;
      }
    }
  }
  return { income, payments, ownPayments, isPartial: left > 0 };
}
