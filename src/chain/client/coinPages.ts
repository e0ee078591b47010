import { formatAmount } from '../../base/index.js';
import { formatOutpoint, hashToId } from '../codec/transaction.js';
import { type CoinPlace, compareCoins } from '../consensus/coins.js';
import { badAnswer } from './badAnswer.js';
import type { Utxo } from './ChainClient.js';
import { mergeStreams } from './mergeStreams.js';
import { coinsFromJson } from './outputJson.js';
import type { RpcClient } from './RpcClient.js';

/** Whose coins: those of addresses, or of locking scripts in hexadecimal digits. */
export type CoinsOf =
  | { readonly addresses: readonly string[] }
  | { readonly scripts: readonly string[] };

/** Which coins of a long list are asked for. */
export interface CoinPageOptions {
  /** Only those that a token rides on, or pins lie in. */
  readonly carrying?: boolean;
}

/** Coins of the first page, which is mostly enough, and of the longest. */
const FIRST_PAGE = 1_000;
const LONGEST_PAGE = 10_000;

/** A page that the node cut short for its length has 4,000,000 characters: one of less than half has all that is left. */
const SHORT = 2_000_000;
/** Characters of a coin beside its script and its pins, and of a pin; an upper bound of the one, and about the other. */
const COIN_CHARACTERS = 1_000;
const PIN_CHARACTERS = 80;

function placeOf({ output, outpoint }: Utxo): CoinPlace {
  return { value: output.value, outpoint };
}

function isWhole(page: readonly Utxo[], limit: number): boolean {
  if (page.length === limit) return false;
  const characters = page.map(
    ({ output, pins = [] }) =>
      COIN_CHARACTERS + 2 * output.lockingScript.length + PIN_CHARACTERS * pins.length,
  );
  return characters.reduce((sum, each) => sum + each, 0) < SHORT || page.length === 0;
}

/** Each behind the one before: a node can so tell a coin only once. @throws BitmodelError `BAD_RPC_ANSWER` */
function demandOrder(page: readonly Utxo[], after: CoinPlace | undefined): void {
  let last = after;
  for (const coin of page) {
    const place = placeOf(coin);
    if (last && compareCoins(last, place) >= 0) {
      const name = formatOutpoint(coin.outpoint);
      throw badAnswer(`The node lists ${name} at the wrong place, or twice.`);
    }
    last = place;
  }
}

/**
 * The coins of up to 1,000 addresses or scripts, page by page, from the one worth most down (`compareCoins`). No more than
 * a page is held, however many coins strangers left there.
 * @param of asked at each page: it may name fewer as it goes on
 * @throws BitmodelError `BAD_RPC_ANSWER`
 */
export async function* coinPages(
  rpc: RpcClient,
  of: () => CoinsOf,
  { carrying = false }: CoinPageOptions = {},
): AsyncGenerator<Utxo[], void> {
  let last: CoinPlace | undefined;
  for (let limit = FIRST_PAGE; ; limit = LONGEST_PAGE) {
    const after = last && {
      txid: hashToId(last.outpoint.hash),
      vout: last.outpoint.index,
      value: formatAmount(last.value),
    };
    const json = await rpc.call('getaddressutxos', of(), null, limit, after ?? null, carrying);
    const page = coinsFromJson(json);
    demandOrder(page, last);
    if (page.length > 0) yield page;
    if (isWhole(page, limit)) return;
    last = placeOf(page.at(-1)!);
  }
}

/** {@link coinPages} of any number of addresses or scripts as one list, coin by coin. */
export function eachCoin(
  rpc: RpcClient,
  batches: readonly CoinsOf[],
  options?: CoinPageOptions,
): AsyncGenerator<Utxo, void> {
  const lists = batches.map((of) => coinsIn(coinPages(rpc, () => of, options)));
  return mergeStreams(lists, (a, b) => compareCoins(placeOf(a), placeOf(b)));
}

async function* coinsIn(pages: AsyncGenerator<Utxo[], void>): AsyncGenerator<Utxo, void> {
  for await (const page of pages) yield* page;
}
