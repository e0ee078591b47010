import { mapConcurrently } from '../../base/index.js';
import type { ChainClient } from '../client/ChainClient.js';
import {
  hashToId,
  type Outpoint,
  type Transaction,
  type TransactionInput,
  transactionId,
} from '../codec/transaction.js';
import { decodeScript } from '../script/push.js';
import { hash160, p2pkhScript } from '../script/standard.js';
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

/** The locking script of the coin that an input spends, where that one pays to a key's hash; else another script. */
function spentScript({ unlockingScript }: TransactionInput): Uint8Array | undefined {
  const publicKey = decodeScript(unlockingScript).at(-1)?.data;
  return publicKey && p2pkhScript(hash160(publicKey));
}

/**
 * What transactions of a wallet changed, from the transactions themselves. A coin of the wallet's is spent by one of its
 * keys, which the input shows: no others' coins are asked for, however many a stranger's transaction spends.
 * @param shown those whose amounts are wanted
 * @throws BitmodelError `BAD_NODE_ANSWER` for another transaction than the one asked for
 */
export async function amountsOf(
  client: ChainClient,
  shown: readonly HistoryEntry[],
  owns: (lockingScript: Uint8Array) => boolean,
): Promise<HistoryAmount[]> {
  const known = new Map<string, Transaction>();
  const learn = async (wanted: Iterable<string>): Promise<void> => {
    const missing = [...new Set(wanted)].filter((txid) => !known.has(txid));
    const found = await mapConcurrently(missing, (txid) => transactionOf(client, txid));
    for (const [index, transaction] of found.entries()) known.set(missing[index]!, transaction);
  };
  const spentBy = (txid: string): Outpoint[] =>
    known.get(txid)!.inputs.flatMap((input) => {
      const script = spentScript(input);
      return script && owns(script) ? [input.outpoint] : [];
    });
  await learn(shown.map(({ txid }) => txid));
  await learn(shown.flatMap(({ txid }) => spentBy(txid).map(({ hash }) => hashToId(hash))));
  return shown.map((entry) => {
    const { outputs } = known.get(entry.txid)!;
    const spent = spentBy(entry.txid).flatMap(
      ({ hash, index }) => known.get(hashToId(hash))?.outputs[index] ?? [],
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
