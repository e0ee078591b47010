import { BitmodelError, parseAmount } from '../../base/index.js';
import type { ChainClient } from '../client/ChainClient.js';
import { memberText } from '../wire/json.js';
import { FEE_RATE } from './size.js';

/** No estimate of a node above this many base units per byte is followed: it may be mistaken, or lie. */
export const MAX_ESTIMATED_FEE_RATE = 50n;

/** Blocks within which a payment should be in the chain. */
const TARGET = 6;
const BYTES_PER_RATE = 1000n;

/**
 * What to pay per byte so that a transaction is in a block within about six: the node's estimate, or what its mempool
 * asks for at least now, whichever is more, within {@link FEE_RATE} and {@link MAX_ESTIMATED_FEE_RATE}.
 * @returns base units per byte
 * @throws BitmodelError `NODE_UNREACHABLE` and the like
 */
export async function estimateFeeRate({ rpc }: ChainClient): Promise<bigint> {
  const [estimate, mempool] = await Promise.all([
    rpc.callText('estimatesmartfee', [TARGET]),
    rpc.callText('getmempoolinfo', []),
  ]);
  const rates = [memberText(estimate, 'feerate'), memberText(mempool, 'mempoolminfee')]
    .filter((text) => text !== undefined)
    .map((text) => (amountOf(text) + BYTES_PER_RATE - 1n) / BYTES_PER_RATE);
  const rate = rates.reduce((most, each) => (each > most ? each : most), FEE_RATE);
  return rate > MAX_ESTIMATED_FEE_RATE ? MAX_ESTIMATED_FEE_RATE : rate;
}

function amountOf(text: string): bigint {
  try {
    return parseAmount(text.replaceAll('"', ''));
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError)) throw thrown;
    // an estimate that is no amount is none
    return 0n;
  }
}
