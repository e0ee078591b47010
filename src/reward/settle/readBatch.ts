import { equalBytes, mapConcurrently } from '../../base/index.js';
import { type ChainClient, hashToId, type Transaction } from '../../chain/index.js';
import { KnownTransactions, whereaboutsOf } from './audit.js';
import { decodePayoutMark, type PayoutMark } from './payoutMark.js';

/** A batch that is audited: the transaction that funds others, or one alone, with those that pay. */
export interface BatchTransactions {
  /** The one that funds the others, where the one that was asked for is one of those. */
  readonly txid: string;
  /** Block that holds it; 0 in the mempool. */
  readonly height: number;
  readonly mark: PayoutMark;
  /** Those that pay owners: itself, or where it funds others those. */
  readonly paying: readonly BatchPart[];
}

/** One of a batch's transactions that pays owners. */
export interface BatchPart {
  readonly txid: string;
  readonly mark: PayoutMark;
  readonly transaction: Transaction;
}

/** Whether one transaction pays all of a batch's owners. */
export const isWhole = ({ first, count, total }: PayoutMark): boolean =>
  first === 0 && count === total;

/** Whether two marks are of one batch. */
export const isSame = (a: PayoutMark, b: PayoutMark): boolean =>
  equalBytes(a.graph, b.graph) &&
  equalBytes(a.demand, b.demand) &&
  equalBytes(a.carried, b.carried) &&
  a.minimum === b.minimum &&
  a.height === b.height &&
  a.total === b.total;

/** What a transaction says of the batch that it is of. */
export function markOf({ outputs }: Transaction): PayoutMark | undefined {
  return outputs[0] && decodePayoutMark(outputs[0].lockingScript);
}

/**
 * Reads a batch's transaction: where it funds others with those, and where it pays some of the owners with the one that
 * funds it and all others, so that whoever was left out is seen.
 * @returns undefined for a transaction without the mark of a batch
 * @throws BitmodelError `UNKNOWN_TRANSACTION` (exit 3), and what the node says
 */
export async function readBatch(
  client: ChainClient,
  txid: string,
): Promise<BatchTransactions | undefined> {
  const known = new KnownTransactions(client);
  const { transaction, height } = await known.get(txid);
  const mark = markOf(transaction);
  if (!mark) return undefined;
  if (mark.count > 0) {
    const head = isWhole(mark) ? undefined : await headOf(known, transaction, mark);
    if (head !== undefined) return readBatch(client, head);
    return { txid, height, mark, paying: [{ txid, mark, transaction }] };
  }
  const indexes = transaction.outputs.map((_, i) => i).slice(1);
  const found = await mapConcurrently(indexes, async (index) => {
    const where = await whereaboutsOf(client, txid, index);
    if (where.state !== 'moved') return [];
    const spender = await known.get(where.txid);
    const itsMark = markOf(spender.transaction);
    if (!itsMark || itsMark.count === 0 || !isSame(mark, itsMark)) return [];
    return [{ txid: where.txid, mark: itsMark, transaction: spender.transaction }];
  });
  return { txid, height, mark, paying: found.flat() };
}

/** Id of the transaction that funds one of the same batch; undefined where something else does. */
export async function headOf(
  known: KnownTransactions,
  { inputs }: Transaction,
  mark: PayoutMark,
): Promise<string | undefined> {
  const hash = inputs[0]?.outpoint.hash;
  if (!hash || hash.every((byte) => byte === 0)) return undefined;
  const txid = hashToId(hash);
  const itsMark = markOf((await known.get(txid)).transaction);
  return itsMark?.count === 0 && isSame(mark, itsMark) ? txid : undefined;
}
