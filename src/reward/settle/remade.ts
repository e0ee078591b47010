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

/** How much of what owners were sent an audit looks through: they may have been sent any number of transactions. */
export interface RemadeBounds {
  /** Transactions of one owner, the newest. */
  readonly listed: number;
  /** Questions to the node in all. */
  readonly asked: number;
}

const BOUNDS: RemadeBounds = { listed: 1_000, asked: 5_000 };

/**
 * A batch with the payments that were made anew, each in a transaction of its own, in the place of such as could never be
 * in a block any more. Nothing on the chain leads from one to the other, but the owners are known: what pays the next of
 * them by the same mark, to the unit, is among the transactions of that owner. What pays anybody otherwise is not looked at,
 * or strangers could make a batch look wrong.
 * @param payments all that the batch should pay, in order
 * @returns what pays owners, whether another transaction pays those of the one that was asked for, and whether the search
 *   ended before all was looked through
 */
export async function withRemade(
  client: ChainClient,
  batch: BatchTransactions,
  payments: readonly OwnerPayment[],
  bounds = BOUNDS,
): Promise<{ paying: readonly BatchPart[]; isTwice: boolean; isCut: boolean }> {
  const { mark, paying } = batch;
  if (isWhole(mark) || payments.length !== mark.total)
    return { paying, isTwice: false, isCut: false };
  const search = new Search(client, batch, payments, bounds);
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
  return { paying: found, isTwice, isCut: search.isCut };
}

/** Looks through owners' transactions for such as pay them by a batch's mark. */
class Search {
  readonly #client: ChainClient;
  readonly #known: KnownTransactions;
  readonly #batch: BatchTransactions;
  readonly #payments: readonly OwnerPayment[];
  readonly #bounds: RemadeBounds;
  #asked = 0;
  #isCut = false;

  constructor(
    client: ChainClient,
    batch: BatchTransactions,
    payments: readonly OwnerPayment[],
    bounds: RemadeBounds,
  ) {
    this.#bounds = bounds;
    this.#client = client;
    this.#known = new KnownTransactions(client);
    this.#batch = batch;
    this.#payments = payments;
  }

  /** Whether a bound ended it before all that owners were sent was looked through. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Counts a question; false when there were too many. */
  #mayAsk(): boolean {
    this.#isCut ||= this.#asked >= this.#bounds.asked;
    this.#asked += 1;
    return !this.#isCut;
  }

  /** What else pays the owner at this place of the batch. */
  async paymentOf(at: number): Promise<BatchPart | undefined> {
    const { mark, paying } = this.#batch;
    const { lockingScript } = this.#payments[at]!;
    if (!this.#mayAsk()) return undefined;
    const history = await this.#client.scriptHistory(
      [lockingScript],
      this.#bounds.listed,
      'newest',
    );
    for (const { txid, height } of history) {
      if (height > 0 && height < mark.height) continue;
      if (paying.some((part) => part.txid === txid)) continue;
      if (!this.#mayAsk()) return undefined;
      const { transaction } = await this.#known.get(txid);
      const its = markOf(transaction);
      if (!its || !isSame(its, mark) || isWhole(its)) continue;
      if (at < its.first || at >= its.first + its.count) continue;
      const part = { txid, mark: its, transaction };
      if (this.#paysExactly(part) && (await this.#isOfThis(part))) return part;
    }
    this.#isCut ||= history.length >= this.#bounds.listed;
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
