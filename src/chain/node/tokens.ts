import type { Outpoint } from '../codec/transaction.js';
import { type Coin, hashKey, outpointKey } from '../consensus/coins.js';
import type { HistoryEntry } from '../store/queries.js';
import { type TokenCategory, tokenCategory, tokenUtxos } from '../store/tokenIndex.js';
import type { ChainNode } from './ChainNode.js';
import { type HistoryOf, walkHistory } from './histories.js';
import { findUnspent } from './outputs.js';

type View = Pick<ChainNode, 'store' | 'mempool'>;

/**
 * Unspent outputs that hold a token of the category: the chain's in the order of their outpoints, then the mempool's;
 * those that the mempool spends are left out.
 * @param after only those behind this outpoint
 */
export function* findTokens(
  view: View,
  category: Uint8Array,
  after?: Outpoint,
): Generator<{ outpoint: Outpoint; coin: Coin }> {
  const { store, mempool } = view;
  let waitsFor = after && mempool.get(after.hash) ? outpointKey(after) : undefined;
  if (waitsFor === undefined) {
    for (const found of tokenUtxos(store, category, after)) {
      if (!mempool.spender(found.outpoint)) yield found;
    }
  }
  for (const entry of mempool.byCategory(category)) {
    for (const [index, { token }] of entry.transaction.outputs.entries()) {
      if (!token || hashKey(token.category) !== hashKey(category)) continue;
      const outpoint = { hash: entry.hash, index };
      const coin = findUnspent(view, outpoint, true);
      if (coin && waitsFor === undefined) yield { outpoint, coin };
      if (outpointKey(outpoint) === waitsFor) waitsFor = undefined;
    }
  }
}

/** Of which transactions a category's history is. */
export function historyOfTokens({ mempool }: View, category: Uint8Array): HistoryOf {
  const waiting = Array.from(mempool.byCategory(category), ({ hash }) => hash);
  return { index: 'tokenHistory', groups: [category], waiting };
}

/** A category with all that happened to it. */
export interface CategoryState {
  /** Counts on the chain; undefined while it is only in the mempool. */
  readonly counts: TokenCategory | undefined;
  /** Oldest first; those of the mempool, at height 0, last. */
  readonly history: readonly HistoryEntry[];
}

/** What is known of a category; undefined when no transaction here ever named it. */
export function findCategory(view: View, category: Uint8Array): CategoryState | undefined {
  const { store } = view;
  const of = historyOfTokens(view, category);
  const history = [...walkHistory(view, store.tables, of, 'oldest')];
  return history.length > 0 ? { counts: tokenCategory(store, category), history } : undefined;
}
