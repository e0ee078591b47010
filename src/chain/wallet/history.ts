import type { ChainClient } from '../client/ChainClient.js';
import { hashToId, type Transaction, transactionId } from '../codec/transaction.js';
import { badNodeAnswer } from './check.js';

/** A transaction of a wallet's addresses. */
export interface HistoryEntry {
  /** Printed id. */
  readonly txid: string;
  /** 0 in the mempool. */
  readonly height: number;
}

/** One with what it did to the wallet. */
export interface HistoryAmount extends HistoryEntry {
  /** Base units that came, less those that went, the fee among them. */
  readonly change: bigint;
}

/** Transactions that are asked for at once. */
const BATCH = 16;

/**
 * What transactions of a wallet changed, from the transactions themselves. A coin of the wallet's that one spends was
 * made by another of its history, so none but these are asked for.
 * @param history all of the wallet's
 * @param shown those of them whose amounts are wanted
 * @throws BitmodelError `BAD_NODE_ANSWER` for another transaction than the one asked for
 */
export async function amountsOf(
  client: ChainClient,
  history: readonly HistoryEntry[],
  shown: readonly HistoryEntry[],
  owns: (lockingScript: Uint8Array) => boolean,
): Promise<HistoryAmount[]> {
  const ids = new Set(history.map(({ txid }) => txid));
  const known = new Map<string, Transaction>();
  const learn = async (wanted: Iterable<string>): Promise<void> => {
    const missing = [...new Set(wanted)].filter((txid) => ids.has(txid) && !known.has(txid));
    for (let from = 0; from < missing.length; from += BATCH) {
      const batch = missing.slice(from, from + BATCH);
      const found = await Promise.all(batch.map((txid) => transactionOf(client, txid)));
      for (const [index, transaction] of found.entries()) known.set(batch[index]!, transaction);
    }
  };
  await learn(shown.map(({ txid }) => txid));
  const previous = shown.flatMap(({ txid }) =>
    known.get(txid)!.inputs.map(({ outpoint }) => hashToId(outpoint.hash)),
  );
  await learn(previous);
  return shown.map((entry) => {
    const { inputs, outputs } = known.get(entry.txid)!;
    const spent = inputs.flatMap(
      ({ outpoint: { hash, index } }) => known.get(hashToId(hash))?.outputs[index] ?? [],
    );
    const own = (list: typeof outputs): bigint =>
      list.reduce((sum, { value, lockingScript }) => sum + (owns(lockingScript) ? value : 0n), 0n);
    return { ...entry, change: own(outputs) - own(spent) };
  });
}

async function transactionOf(client: ChainClient, txid: string): Promise<Transaction> {
  const found = await client.transaction(txid);
  if (!found) throw badNodeAnswer(`The node lists ${txid} in a history and does not have it.`);
  if (transactionId(found.transaction) !== txid) {
    throw badNodeAnswer(`The node gives another transaction for ${txid}.`);
  }
  return found.transaction;
}
