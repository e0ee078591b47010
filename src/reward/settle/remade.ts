import { equalBytes } from '../../base/index.js';
import type { ChainClient } from '../../chain/index.js';
import { KnownTransactions } from './audit.js';
import type { OwnerPayment } from './batch.js';
import type { PayoutMark } from './payoutMark.js';
import {
  type BatchPart,
  type BatchTransactions,
  headOf,
  isSame,
  isWhole,
  markOf,
  readBatch,
} from './readBatch.js';

/** Transactions of one owner that are looked through, the newest. */
const MOST_LISTED = 1_000;
/** Questions that one audit asks the node at most while it looks for payments: owners may have any number of others. */
const MOST_ASKED = 5_000;

/**
 * A batch with the payments that were made anew, each in a transaction of its own, in the place of such as could never be
 * in a block any more. Nothing on the chain leads from one to the other, but the owners are known: what pays the next of
 * them by the same mark, to the unit, is among the transactions of that owner. What pays anybody otherwise is not looked at,
 * or strangers could make a batch look wrong.
 * @param payments all that the batch should pay, in order
 * @returns what pays owners, and whether another transaction pays those of the one that was asked for
 */
export async function withRemade(
  client: ChainClient,
  batch: BatchTransactions,
  payments: readonly OwnerPayment[],
): Promise<{ paying: readonly BatchPart[]; isTwice: boolean }> {
  const { mark, paying } = batch;
  if (isWhole(mark) || payments.length !== mark.total) return { paying, isTwice: false };
  const search = new Search(client, batch, payments);
  const found = [...paying];
  for (let at = 0; at < mark.total; ) {
    const here = found.find(({ mark: { first, count } }) => first <= at && at < first + count);
    if (here) {
      at = here.mark.first + here.mark.count;
      continue;
    }
    const other = await search.paymentOf(at);
    // it may reach into those of another, which then are paid twice
    if (other) found.push(other);
    else at += 1;
  }
  const isTwice = mark.count > 0 && (await search.paymentOf(mark.first)) !== undefined;
  return { paying: found, isTwice };
}

/** Looks through owners' transactions for such as pay them by a batch's mark. */
class Search {
  readonly #client: ChainClient;
  readonly #known: KnownTransactions;
  readonly #batch: BatchTransactions;
  readonly #payments: readonly OwnerPayment[];
  #asked = 0;

  constructor(client: ChainClient, batch: BatchTransactions, payments: readonly OwnerPayment[]) {
    this.#client = client;
    this.#known = new KnownTransactions(client);
    this.#batch = batch;
    this.#payments = payments;
  }

  /** What else pays the owner at this place of the batch. */
  async paymentOf(at: number): Promise<BatchPart | undefined> {
    const { mark, paying } = this.#batch;
    const { lockingScript } = this.#payments[at]!;
    if (this.#asked++ >= MOST_ASKED) return undefined;
    const history = await this.#client.scriptHistory([lockingScript], MOST_LISTED, 'newest');
    for (const { txid, height } of history) {
      if (height > 0 && height < mark.height) continue;
      if (paying.some((part) => part.txid === txid)) continue;
      if (this.#asked++ >= MOST_ASKED) return undefined;
      const { transaction } = await this.#known.get(txid);
      const its = markOf(transaction);
      if (!its || !isSame(its, mark) || isWhole(its)) continue;
      if (at < its.first || at >= its.first + its.count) continue;
      const part = { txid, mark: its, transaction };
      if (this.#paysExactly(part) && (await this.#isOfThis(part))) return part;
    }
    return undefined;
  }

  #paysExactly({ mark, transaction }: BatchPart): boolean {
    const due = this.#payments.slice(mark.first, mark.first + mark.count);
    return due.every(({ amount, lockingScript }, i) => {
      const output = transaction.outputs[i + 1];
      return output?.value === amount && equalBytes(output.lockingScript, lockingScript);
    });
  }

  /**
   * Whether it may be of this batch, and not of another with the same mark: it stands alone, or in a tree in which what
   * was asked for is missing.
   */
  async #isOfThis({ transaction, mark }: BatchPart): Promise<boolean> {
    const head = await headOf(this.#known, transaction, mark);
    if (head === undefined) return true;
    if (this.#batch.mark.count === 0) return false;
    const tree = await readBatch(this.#client, head);
    const { first } = this.#batch.mark;
    const covers = ({ first: from, count }: PayoutMark): boolean =>
      from <= first && first < from + count;
    return tree !== undefined && !tree.paying.some((part) => covers(part.mark));
  }
}
