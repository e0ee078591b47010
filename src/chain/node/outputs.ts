import type { Outpoint } from '../codec/transaction.js';
import { type Coin, isUnspendable } from '../consensus/coins.js';
import type { MempoolEntry } from '../mempool/entry.js';
import { pinOf } from '../pins/pin.js';
import { scriptUtxos, spenderOf } from '../store/queries.js';
import type { Spender } from '../store/records.js';
import type { ChainNode } from './ChainNode.js';

type View = Pick<ChainNode, 'store' | 'mempool'>;

function waitingCoin(entry: MempoolEntry | undefined, index: number): Coin | undefined {
  const output = entry?.transaction.outputs[index];
  if (!entry || !output) return undefined;
  const coin = { output, height: 0, coinbase: false };
  const data = index === 0 ? pinOf(entry.transaction) : undefined;
  return data ? { ...coin, carriesPins: true } : coin;
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
  const coinbase = stored.transaction.inputs[0]!.outpoint.hash.every((byte) => byte === 0);
  return { output, height: stored.block.height, coinbase };
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

/** Every unspent output with this locking script, the mempool's included, those spent there left out. */
export function findUnspentOf(
  { store, mempool }: View,
  lockingScript: Uint8Array,
): { outpoint: Outpoint; coin: Coin }[] {
  const made = [...mempool.byScript(lockingScript)].flatMap((entry) =>
    entry.transaction.outputs.flatMap((output, index) => {
      if (Buffer.compare(output.lockingScript, lockingScript) !== 0) return [];
      return [{ outpoint: { hash: entry.hash, index }, coin: waitingCoin(entry, index)! }];
    }),
  );
  return [...scriptUtxos(store, lockingScript), ...made].filter(
    ({ outpoint }) => !mempool.spender(outpoint),
  );
}
