import type { Outpoint } from '../codec/transaction.js';
import { type Coin, isUnspendable } from '../consensus/coins.js';
import { isCoinbase } from '../consensus/transactionRules.js';
import type { MempoolEntry } from '../mempool/entry.js';
import { makesPin, pinOf } from '../pins/pin.js';
import { mayHoldPins } from '../pins/tracking.js';
import { spenderOf } from '../store/queries.js';
import type { Spender } from '../store/records.js';
import type { ChainNode } from './ChainNode.js';

type View = Pick<ChainNode, 'store' | 'mempool'>;

/** An output of a transaction that waits in the mempool. */
export function waitingCoin(entry: MempoolEntry | undefined, index: number): Coin | undefined {
  const output = entry?.transaction.outputs[index];
  if (!entry || !output) return undefined;
  const coin = { output, height: 0, coinbase: false };
  const carriesPins = mayHoldPins(entry.transaction, entry.spent).has(index);
  return carriesPins ? { ...coin, carriesPins } : coin;
}

/** An output of the chain or of the mempool (height 0), whether it is spent or not. */
export function findOutput({ store, mempool }: View, outpoint: Outpoint): Coin | undefined {
  const unspent = store.coin(outpoint);
  if (unspent) return unspent;
  const waiting = waitingCoin(mempool.get(outpoint.hash), outpoint.index);
  if (waiting) return waiting;
  const stored = store.transactionByHash(outpoint.hash);
  const output = stored?.transaction.outputs[outpoint.index];
  if (!stored || !output) return undefined;
  return { output, height: stored.block.height, coinbase: isCoinbase(stored.transaction) };
}

/** What spent an output, on the chain or in the mempool (height 0). */
export function findSpender({ store, mempool }: View, outpoint: Outpoint): Spender | undefined {
  const waiting = mempool.spender(outpoint);
  if (!waiting) return spenderOf(store, outpoint);
  return { hash: waiting.entry.hash, inputIndex: waiting.inputIndex, height: 0 };
}

/** An output that nothing has spent; with the mempool: those made there count, those spent there don't. */
export function findUnspent(
  view: View,
  outpoint: Outpoint,
  withMempool: boolean,
): Coin | undefined {
  const { store, mempool } = view;
  const coin = store.coin(outpoint);
  if (!withMempool) return coin;
  if (mempool.spender(outpoint)) return undefined;
  if (coin) return coin;
  const waiting = waitingCoin(mempool.get(outpoint.hash), outpoint.index);
  return waiting && !isUnspendable(waiting.output.lockingScript) ? waiting : undefined;
}

/**
 * Ids of the pins that lie in an output, or that may lie there once it is in a block: whoever spends it changes who holds
 * them.
 */
export function findPins({ store, mempool }: View, outpoint: Outpoint): Outpoint[] {
  const onChain = store.pins.at(outpoint);
  const entry = mempool.get(outpoint.hash);
  if (!entry || onChain.length > 0) return onChain;
  if (!mayHoldPins(entry.transaction, entry.spent).has(outpoint.index)) return [];
  const made = outpoint.index === 0 ? pinOf(entry.transaction) : undefined;
  const own = made && makesPin(made.operation) ? [outpoint] : [];
  const passed = entry.transaction.inputs.flatMap((input, index) =>
    entry.spent[index]!.carriesPins ? findPins({ store, mempool }, input.outpoint) : [],
  );
  return [...own, ...passed];
}
