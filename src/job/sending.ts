import { setMaxListeners } from 'node:events';
import { BitmodelError } from '../base/index.js';
import { type ChainClient, type Transaction, transactionId } from '../chain/index.js';

/**
 * Sends a transaction that may have been sent before: one that the node knows already is as good as sent.
 * @returns printed transaction id
 * @throws BitmodelError what the node says of a transaction that it neither takes nor knows
 */
export async function sendOnce(chain: ChainClient, transaction: Transaction): Promise<string> {
  const txid = transactionId(transaction);
  try {
    return await chain.send(transaction);
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError) || thrown.code === 'NODE_UNREACHABLE') throw thrown;
    if (await chain.transaction(txid)) return txid;
    throw thrown;
  }
}

/** Sleeps; ends early, without an error, when the signal aborts. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    // many jobs may wait on one signal
    if (signal) setMaxListeners(0, signal);
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener('abort', done);
  });
}
