import type { Outpoint } from '../codec/transaction.js';
import { type Coin, hashKey, outpointKey } from '../consensus/coins.js';
import type { HistoryEntry } from '../store/queries.js';
import {
  type TokenCategory,
  tokenCategory,
  tokenHistory,
  tokenUtxos,
} from '../store/tokenIndex.js';
import type { ChainNode } from './ChainNode.js';
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

/** A category with all that happened to it. */
export interface CategoryState {
  /** Counts on the chain; undefined while it is only in the mempool. */
  readonly counts: TokenCategory | undefined;
  /** Oldest first; those of the mempool, at height 0, last. */
  readonly history: readonly HistoryEntry[];
}

/** What is known of a category; undefined when no transaction here ever named it. */
export function findCategory(
  { store, mempool }: View,
  category: Uint8Array,
): CategoryState | undefined {
  const counts = tokenCategory(store, category);
  const waiting = [...mempool.byCategory(category)].map(({ hash }) => ({ hash, height: 0 }));
  const history = [...tokenHistory(store, category), ...waiting];
  return history.length > 0 ? { counts, history } : undefined;
}
