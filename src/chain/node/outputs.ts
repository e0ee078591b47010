import { setImmediate } from 'node:timers/promises';
import { toHex } from '../../base/index.js';
import { hashToId, type Outpoint } from '../codec/transaction.js';
import { type Coin, isUnspendable } from '../consensus/coins.js';
import { isCoinbase } from '../consensus/transactionRules.js';
import type { MempoolEntry } from '../mempool/entry.js';
import { makesPin, pinOf } from '../pins/pin.js';
import { mayHoldPins } from '../pins/tracking.js';
import { scriptUtxos, spenderOf } from '../store/queries.js';
import type { Spender } from '../store/records.js';
import type { ChainNode } from './ChainNode.js';

type View = Pick<ChainNode, 'store' | 'mempool'>;

function waitingCoin(entry: MempoolEntry | undefined, index: number): Coin | undefined {
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

/** An output and where it is. */
export interface FoundCoin {
  readonly outpoint: Outpoint;
  readonly coin: Coin;
}

/**
 * Every unspent output with this locking script, the mempool's included, those spent there left out; to be gone through
 * before a block or a transaction comes.
 */
export function* walkUnspentOf(
  { store, mempool }: View,
  lockingScript: Uint8Array,
): Generator<FoundCoin> {
  for (const each of scriptUtxos(store, lockingScript)) {
    if (!mempool.spender(each.outpoint)) yield each;
  }
  const made = [...mempool.byScript(lockingScript)].flatMap((entry) =>
    entry.transaction.outputs.flatMap((output, index) => {
      if (Buffer.compare(output.lockingScript, lockingScript) !== 0) return [];
      return [{ outpoint: { hash: entry.hash, index }, coin: waitingCoin(entry, index)! }];
    }),
  );
  yield* made.filter(({ outpoint }) => !mempool.spender(outpoint));
}

/** How long it is looked for coins before others have their turn, in milliseconds. */
const TURN = 15;

/** After so many changes of the chain or the mempool in between, it is looked for coins in one go. */
const MOST_TRIES = 4;

/**
 * {@link walkUnspentOf} of several scripts, all at one moment, while others have their turn in between.
 * @throws the signal's reason
 */
export async function collectUnspentOf(
  view: View,
  lockingScripts: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<FoundCoin[]> {
  for (let tries = 1; tries < MOST_TRIES; tries++) {
    const found = await tryCollecting(view, lockingScripts, signal);
    if (found) return found;
  }
  return lockingScripts.flatMap((script) => [...walkUnspentOf(view, script)]);
}

/** Undefined when a block or a transaction came in between. */
async function tryCollecting(
  view: View,
  lockingScripts: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<FoundCoin[] | undefined> {
  const moment = (): string => `${hashToId(view.store.tip().hash)} ${view.mempool.sequence}`;
  const began = moment();
  const found: FoundCoin[] = [];
  let turn = performance.now();
  for (const script of lockingScripts) {
    for (const each of walkUnspentOf(view, script)) {
      found.push(each);
      if (performance.now() - turn < TURN) continue;
      await setImmediate();
      signal.throwIfAborted();
      if (moment() !== began) return undefined;
      turn = performance.now();
    }
  }
  return found;
}

/**
 * Of each script the coins worth most, at most so many; the others would be dust that anybody can leave anywhere. In the
 * order in which they were found.
 */
export function largestOfEach<T extends FoundCoin>(found: readonly T[], most: number): T[] {
  const ofScript = new Map<string, T[]>();
  for (const each of found) {
    const script = toHex(each.coin.output.lockingScript);
    const held = ofScript.get(script);
    if (held) held.push(each);
    else ofScript.set(script, [each]);
  }
  const kept = [...ofScript.values()].flatMap((coins) => {
    if (coins.length <= most) return coins;
    // stable, so that of equal ones those found first stay
    const byValue = [...coins].sort((a, b) =>
      a.coin.output.value === b.coin.output.value
        ? 0
        : a.coin.output.value > b.coin.output.value
          ? -1
          : 1,
    );
    return byValue.slice(0, most);
  });
  const chosen = new Set(kept);
  return found.filter((each) => chosen.has(each));
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
