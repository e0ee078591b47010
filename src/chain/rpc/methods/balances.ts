import { formatAmount } from '../../../base/index.js';
import type { Outpoint } from '../../codec/transaction.js';
import type { Coin } from '../../consensus/coins.js';
import type { NetworkParameters } from '../../consensus/parameters.js';
import type { ChainNode } from '../../node/ChainNode.js';
import { findPins } from '../../node/outputs.js';
import { walkAtOnce } from '../../node/turns.js';
import { coinIn, type FoundCoin, type ListedCoin, listUnspent } from '../../node/unspent.js';
import type { Params } from '../Params.js';

/** A coin that is counted. */
interface CountedCoin {
  readonly value: bigint;
  /** 0 in the mempool. */
  readonly height: number;
  readonly coinbase: boolean;
  /** Whether something rides on it that goes wherever it goes. */
  readonly isReserved: boolean;
}

/** What `getaddressbalance` answers, as coin after coin is added. @param tip its height */
class BalanceSum {
  readonly #maturity: number;
  readonly #next: number;
  readonly #apart: boolean;
  readonly #sums = { confirmed: 0n, pending: 0n, immature: 0n, reserved: 0n };
  #coins = 0;

  constructor({ maturity }: NetworkParameters, tip: number, params: Params) {
    this.#maturity = maturity;
    this.#next = tip + 1;
    this.#apart = params.boolean(1, 'apart', false);
  }

  /** Whether what is reserved has to be known. */
  get tellsApart(): boolean {
    return this.#apart;
  }

  add({ value, height, coinbase, isReserved }: CountedCoin): void {
    this.#coins++;
    const isYoung = coinbase && this.#next - height < this.#maturity;
    const kind = height === 0 ? 'pending' : isYoung ? 'immature' : 'confirmed';
    this.#sums[this.#apart && isReserved ? 'reserved' : kind] += value;
  }

  view(): object {
    const { reserved, ...usual } = this.#sums;
    const sums = this.#apart ? { ...usual, reserved } : usual;
    const texts = Object.entries(sums).map(([name, sum]) => [name, formatAmount(sum)]);
    return { ...Object.fromEntries(texts), ...(this.#apart ? { coins: this.#coins } : {}) };
  }
}

/** What `getaddressbalance` answers: no more than sums are held in memory. */
export async function balance(
  node: ChainNode,
  scripts: readonly Uint8Array[],
  params: Params,
  signal: AbortSignal,
): Promise<object> {
  const sum = new BalanceSum(node.parameters, node.tip.height, params);
  await walkAtOnce<ListedCoin>(
    node,
    signal,
    (tables) => joined(scripts.map((script) => listUnspent(node, tables, [script]))),
    (listed, tables) => {
      const { value, coinbase, waiting } = listed;
      const needsCoin = coinbase || (sum.tellsApart && listed.carries);
      const coin = waiting ?? (needsCoin ? coinIn(tables, listed) : undefined);
      const isReserved =
        sum.tellsApart && coin !== undefined && isReservedIn(node, listed.outpoint, coin);
      // a height counts for what is young, and for what waits
      sum.add({ value, height: coin?.height ?? 1, coinbase, isReserved });
      return true;
    },
  );
  return sum.view();
}

/** What `getaddressbalance` answers out of all coins, for whoever has them in memory. @param tip its height */
export function balanceAmong(
  parameters: NetworkParameters,
  tip: number,
  found: readonly (FoundCoin & { readonly pins?: readonly string[] })[],
  params: Params,
): object {
  const sum = new BalanceSum(parameters, tip, params);
  for (const { coin, pins } of found) {
    const { output, height, coinbase } = coin;
    const isReserved = output.token !== undefined || pins !== undefined;
    sum.add({ value: output.value, height, coinbase, isReserved });
  }
  return sum.view();
}

function isReservedIn(node: ChainNode, outpoint: Outpoint, coin: Coin): boolean {
  if (coin.output.token) return true;
  return coin.carriesPins === true && findPins(node, outpoint).length > 0;
}

function* joined<T>(lists: readonly Iterable<T>[]): Generator<T, void> {
  for (const list of lists) yield* list;
}
