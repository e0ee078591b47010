import { fromHex } from '../../base/index.js';
import {
  type ChainClient,
  decodeTransaction,
  hashToId,
  type NetworkParameters,
  transactionId,
  type Utxo,
} from '../../chain/index.js';
import { termsOf } from '../agreement.js';
import type { ClientRecord } from '../client/record.js';
import { traceJob } from '../trace.js';

/** What a job's coins came with: its record, and the payment that put the first of them on its key, hex. */
export interface CoinSource {
  readonly record: ClientRecord;
  readonly funding: string;
}

/**
 * Tells a job's own coins from those that anybody else has sent to its key: they are outputs of the payment that began it,
 * or of the transactions of its contracts.
 */
export async function ownCoins(
  chain: ChainClient,
  params: NetworkParameters,
  { record: { job, escrow }, funding }: CoinSource,
): Promise<(coin: Utxo) => boolean> {
  const ids = new Set([transactionId(decodeTransaction(fromHex(funding)))]);
  if (escrow) {
    const trace = await traceJob(chain, termsOf(job, escrow.offer, params), escrow.txid);
    for (const step of [trace.escrow, trace.claim, trace.contest, trace.end]) {
      if (step) ids.add(step.txid);
    }
  }
  return ({ outpoint }) => ids.has(hashToId(outpoint.hash));
}
