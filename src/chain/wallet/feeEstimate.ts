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
 * What to pay per byte so that a transaction is in a block within about six: the node's estimate, within
 * {@link FEE_RATE} and {@link MAX_ESTIMATED_FEE_RATE}; {@link FEE_RATE} when it has none.
 * @returns base units per byte
 * @throws BitmodelError `NODE_UNREACHABLE` and the like
 */
export async function estimateFeeRate({ rpc }: ChainClient): Promise<bigint> {
  const answer = await rpc.callText('estimatesmartfee', [TARGET]);
  const text = memberText(answer, 'feerate');
  if (text === undefined) return FEE_RATE;
  const perThousand = amountOf(text);
  const rate = (perThousand + BYTES_PER_RATE - 1n) / BYTES_PER_RATE;
  if (rate < FEE_RATE) return FEE_RATE;
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
