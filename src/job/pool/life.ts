import { BitmodelError, equalBytes, fromHex } from '../../base/index.js';
import {
  hash160,
  idToHash,
  type NetworkParameters,
  type Outpoint,
  p2pkhHash,
  parseOutpoint,
  type Transaction,
  type TransactionInput,
} from '../../chain/index.js';
import { acceptedTerms } from '../agreement.js';
import { parseContested } from '../contracts/contested.js';
import { parseStake } from '../contracts/stake.js';
import type { Message } from '../messages.js';
import type { JobSpec } from '../spec.js';
import type { JobTerms } from '../terms.js';
import { isEscrow } from '../trace.js';
import type { PoolChain } from './chain.js';

/**
 * How a job stands on the chain: its coin unspent (`open`); spent by what carries its id but is the escrow of no
 * acceptance known here (`unproven`); in its contracts; or never to be (`dead`).
 */
export type Life = 'open' | 'unproven' | Contracts | 'dead';

/** A job in its contracts. */
export interface Contracts {
  /** The acceptance whose escrow the coin went into. */
  readonly accept: Message<'accept'>;
  /** Height at which the last of them was spent, 0 in the mempool; absent while one lives. */
  readonly endedAt?: number;
}

/** Follows a job's coin through escrow, stake and contest, as far as these are the contracts of an acceptance. */
export async function lifeOf(
  chain: PoolChain,
  jobId: string,
  job: JobSpec,
  accepts: readonly Message<'accept'>[],
): Promise<Life> {
  const coin = parseOutpoint(job.coin);
  const unspent = await chain.output(coin);
  if (unspent) {
    const owner = p2pkhHash(unspent.output.lockingScript);
    return owner && equalBytes(owner, hash160(fromHex(job.client))) ? 'open' : 'dead';
  }
  const spender = await chain.spender(coin);
  const known = spender && (await chain.transaction(spender.txid));
  if (!known || !mayBeEscrow(known.transaction, jobId, coin)) return 'dead';
  const accept = accepts.find(
    (candidate) =>
      candidate.body.escrow === spender.txid &&
      pays(acceptedTerms(job, candidate, chain.parameters), known.transaction),
  );
  if (!accept) return 'unproven';
  const terms = acceptedTerms(job, accept, chain.parameters);
  const endedAt = await endHeight(chain, terms, spender.txid);
  return endedAt === undefined ? { accept } : { accept, endedAt };
}

/** The height from which a job is over, whatever the chain shows: by then each of its contracts can be spent. */
export function endOf(job: JobSpec, { disputeWindow, verdictWindow }: NetworkParameters): number {
  return job.expires + disputeWindow + verdictWindow;
}

function mayBeEscrow({ inputs, jobId }: Transaction, id: string, coin: Outpoint): boolean {
  const spends = ({ outpoint }: TransactionInput): boolean =>
    outpoint.index === coin.index && equalBytes(outpoint.hash, coin.hash);
  return equalBytes(jobId, fromHex(id)) && inputs.some(spends);
}

function pays(terms: JobTerms, transaction: Transaction): boolean {
  try {
    return isEscrow(terms, transaction);
  } catch (thrown) {
    // an acceptance may be of terms from which no contract can be made
    if (thrown instanceof BitmodelError && thrown.code === 'BAD_TERMS') return false;
    throw thrown;
  }
}

async function endHeight(
  chain: PoolChain,
  terms: JobTerms,
  escrowId: string,
): Promise<number | undefined> {
  let txid = escrowId;
  for (const parse of [parseStake, parseContested, () => undefined]) {
    const spender = await chain.spender({ hash: idToHash(txid), index: 0 });
    if (!spender) return undefined;
    const known = await chain.transaction(spender.txid);
    const first = known?.transaction.outputs[0];
    if (!first || !parse(terms, first)) return spender.height;
    txid = spender.txid;
  }
  return undefined;
}
