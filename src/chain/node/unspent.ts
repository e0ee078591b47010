import { equalBytes } from '../../base/index.js';
import type { Outpoint } from '../codec/transaction.js';
import {
  type Coin,
  type CoinPlace,
  compareCoins,
  isUnspendable,
  outpointKey,
} from '../consensus/coins.js';
import { indexedCoins } from '../store/coinIndex.js';
import { scriptKey, utxoKey } from '../store/keys.js';
import { decodeCoin } from '../store/records.js';
import type { Tables } from '../store/tables.js';
import type { ChainNode } from './ChainNode.js';
import { mergeOrdered } from './merge.js';
import { waitingCoin } from './outputs.js';

/** An output and where it is. */
export interface FoundCoin {
  readonly outpoint: Outpoint;
  readonly coin: Coin;
}

/** An unspent output in a list, before the rest of it is read. */
export interface ListedCoin extends CoinPlace {
  readonly coinbase: boolean;
  /** Whether a token rides on it, or pins may lie in it. */
  readonly carries: boolean;
  /** What it is, where it waits in the mempool; else the store's table of unspent outputs says so. */
  readonly waiting?: Coin;
}

type CoinTables = Pick<Tables, 'addressUtxos' | 'utxos'>;

/** What the mempool does to the outputs of some scripts, at one moment. */
interface Waiting {
  /** Names of outputs that it spends. */
  readonly spent: ReadonlySet<string>;
  /** What it makes, in the order of {@link compareCoins}, what it spends again left out. */
  readonly made: readonly ListedCoin[];
}

/** The output that a transaction of the mempool makes, if it pays to the script. */
function* madeFor(
  { mempool }: Pick<ChainNode, 'mempool'>,
  lockingScript: Uint8Array,
): Generator<ListedCoin, void> {
  for (const entry of mempool.byScript(lockingScript)) {
    for (const [index, output] of entry.transaction.outputs.entries()) {
      if (!equalBytes(output.lockingScript, lockingScript)) continue;
      if (isUnspendable(lockingScript)) continue;
      const waiting = waitingCoin(entry, index)!;
      const outpoint = { hash: entry.hash, index };
      const carries = waiting.carriesPins === true || output.token !== undefined;
      yield { value: output.value, outpoint, coinbase: false, carries, waiting };
    }
  }
}

function waitingOf(
  view: Pick<ChainNode, 'mempool'>,
  lockingScripts: readonly Uint8Array[],
): Waiting {
  const spent = new Set<string>();
  for (const script of lockingScripts) {
    for (const { transaction } of view.mempool.byScript(script)) {
      for (const { outpoint } of transaction.inputs) spent.add(outpointKey(outpoint));
    }
  }
  const made = lockingScripts
    .flatMap((script) => [...madeFor(view, script)])
    .filter(({ outpoint }) => !spent.has(outpointKey(outpoint)))
    .sort(compareCoins);
  return { spent, made };
}

/**
 * Unspent outputs of scripts, none of them named twice, in the order of {@link compareCoins}: the mempool's among the
 * chain's, so that one that is mined meanwhile keeps its place; those that the mempool spends are left out.
 * @param tables as they are at the moment of which it tells
 * @param after only those behind this place
 */
export function listUnspent(
  view: Pick<ChainNode, 'mempool'>,
  tables: CoinTables,
  lockingScripts: readonly Uint8Array[],
  after?: CoinPlace,
): Iterable<ListedCoin> {
  const { spent, made } = waitingOf(view, lockingScripts);
  const mined = lockingScripts.map((script) => indexedCoins(tables, scriptKey(script), after));
  const waiting = made.filter((coin) => after === undefined || compareCoins(coin, after) > 0);
  return unspentIn(mergeOrdered<ListedCoin>([...mined, waiting.values()], compareCoins), spent);
}

function* unspentIn(
  coins: Iterable<ListedCoin>,
  spent: ReadonlySet<string>,
): Generator<ListedCoin, void> {
  for (const coin of coins) {
    if (spent.size === 0 || !spent.has(outpointKey(coin.outpoint))) yield coin;
  }
}

/** All of a listed output. @throws BitmodelError `STORE_DAMAGED` */
export function coinIn({ utxos }: CoinTables, { outpoint, waiting }: ListedCoin): Coin {
  return waiting ?? decodeCoin(utxos.getBinary(utxoKey(outpoint))!);
}

/** Every unspent output with this locking script, as it is now, those worth most first. */
export function unspentOf(
  view: Pick<ChainNode, 'store' | 'mempool'>,
  lockingScript: Uint8Array,
): FoundCoin[] {
  const { tables } = view.store;
  return view.store.read(() =>
    Array.from(listUnspent(view, tables, [lockingScript]), (listed) => ({
      outpoint: listed.outpoint,
      coin: coinIn(tables, listed),
    })),
  );
}
