import { equalBytes, mapConcurrently } from '../../base/index.js';
import {
  type ChainClient,
  formatOutpoint,
  type HistoryPlace,
  hashToId,
  idToHash,
  type Transaction,
} from '../../chain/index.js';
import { inChunks } from './inChunks.js';
import { mayTake } from './incomeContract.js';
import { provenTransaction } from './proven.js';

/** A transaction that may have taken income out of its contract. */
export interface Taker extends HistoryPlace {
  readonly transaction: Transaction;
}

/** All that happened to the coins of an income contract. */
export interface IncomeMoves {
  /** Base units of every coin that ever lay there, by its outpoint. */
  readonly coins: ReadonlyMap<string, bigint>;
  /** Base units that came in with transactions that can have taken nothing out. */
  readonly received: bigint;
  /** All others, each behind those that it spends from, and otherwise oldest first, those of the mempool last. */
  readonly takers: readonly Taker[];
}

/** Transactions read before what is of no use is let go. */
const AT_ONCE = 256;

/**
 * What happened to an income contract's coins. The contract lets only such a transaction take something out as says in its
 * first output, at least how saying for which snapshot begins: of all others no more is kept than what they paid in, whatever
 * strangers send there.
 * @throws BitmodelError `BAD_NODE_ANSWER`
 */
export async function readIncomeMoves(
  client: ChainClient,
  model: string,
  script: Uint8Array,
): Promise<IncomeMoves> {
  const coins = new Map<string, bigint>();
  const takers: Taker[] = [];
  let received = 0n;
  for await (const places of inChunks(client.eachInHistory({ scripts: [script] }), AT_ONCE)) {
    const read = await mapConcurrently(places, async (place) => {
      const transaction = await provenTransaction(client, place.txid);
      return { ...place, transaction };
    });
    for (const each of read) {
      const came = noteCoins(coins, script, each);
      if (mayTake(model, each.transaction.outputs[0]?.lockingScript)) takers.push(each);
      else received += came;
    }
  }
  return { coins, received, takers: parentsFirst(takers) };
}

/** Notes each coin that a transaction pays into the contract, and gives their sum. */
function noteCoins(
  coins: Map<string, bigint>,
  script: Uint8Array,
  { txid, transaction: { outputs } }: Taker,
): bigint {
  let came = 0n;
  for (const [index, { lockingScript, value }] of outputs.entries()) {
    if (!equalBytes(lockingScript, script)) continue;
    coins.set(formatOutpoint({ hash: idToHash(txid), index }), value);
    came += value;
  }
  return came;
}

/** Puts transactions that spend from each other in that order, which a mempool need not give. */
function parentsFirst(takers: readonly Taker[]): Taker[] {
  const waiting = new Map(takers.map((each) => [each.txid, each]));
  const ordered: Taker[] = [];
  for (const start of takers) {
    const stack = waiting.has(start.txid) ? [start] : [];
    for (let each = stack.at(-1); each; each = stack.at(-1)) {
      const parent = parentOf(each, waiting);
      if (parent) stack.push(parent);
      else {
        stack.pop();
        if (waiting.delete(each.txid)) ordered.push(each);
      }
    }
  }
  return ordered;
}

function parentOf({ transaction }: Taker, waiting: ReadonlyMap<string, Taker>): Taker | undefined {
  for (const { outpoint } of transaction.inputs) {
    const parent = waiting.get(hashToId(outpoint.hash));
    if (parent) return parent;
  }
  return undefined;
}
