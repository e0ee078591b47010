import { parseAmount, toHex } from '../../../base/index.js';
import type { AddressParameters } from '../../address/address.js';
import { idToHash } from '../../codec/transaction.js';
import { type CoinPlace, compareCoins } from '../../consensus/coins.js';
import type { ChainNode } from '../../node/ChainNode.js';
import { walkAtOnce } from '../../node/turns.js';
import { coinIn, type FoundCoin, type ListedCoin, listUnspent } from '../../node/unspent.js';
import { JsonList } from '../../wire/json.js';
import { RPC_CODE, RpcError } from '../../wire/RpcError.js';
import { BoundedList } from '../BoundedList.js';
import { coinJson, coinView } from '../coinViews.js';
import type { Params } from '../Params.js';

/** Most outputs of one page. */
const PAGE_LIMIT = 10_000;
const NO_LIMIT = 0xffff_ffff;

/** What an answer that is no page may hold: entries of a list, and bytes of their scripts. */
export interface ListBounds {
  readonly entries: number;
  readonly scriptBytes: number;
}

/** The usual bounds: such a list of plain coins is about 33 MB of text. */
export const LIST_BOUNDS: ListBounds = { entries: 100_000, scriptBytes: 32_000_000 };

/** Says that a list is too long for one answer. */
export function tooLong(what: string, limit: string): RpcError {
  return new RpcError(
    RPC_CODE.invalidParameter,
    `there are too many ${what} for one answer: ask for pages, with "${limit}" and "after"`,
  );
}

/** Which page of the coins is asked for. */
interface CoinPage {
  readonly limit: number;
  readonly after: CoinPlace | undefined;
  /** Only those that a token rides on, or pins lie in. */
  readonly carrying: boolean;
}

/** What arguments 1 to 4 of `getaddressutxos` ask for: a page, or of each script so many. */
function pageOf(params: Params): CoinPage | undefined {
  if (![2, 3, 4].some((index) => params.has(index))) return undefined;
  if (params.has(1)) {
    const message = '"largest" names a list of its own, which is not cut into pages';
    throw new RpcError(RPC_CODE.invalidParameter, message);
  }
  return {
    limit: params.integer(2, 'limit', 1, PAGE_LIMIT, 1_000),
    after: params.has(3) ? placeOf(params.raw(3)) : undefined,
    carrying: params.boolean(4, 'carrying', false),
  };
}

function placeOf(json: unknown): CoinPlace {
  const { txid, vout, value } = (json ?? {}) as Readonly<Record<string, unknown>>;
  const isOutpoint = typeof txid === 'string' && /^[0-9a-f]{64}$/i.test(txid);
  const isIndex = Number.isInteger(vout) && (vout as number) >= 0 && (vout as number) <= NO_LIMIT;
  if (isOutpoint && isIndex && typeof value === 'string') {
    try {
      return {
        value: parseAmount(value),
        outpoint: { hash: idToHash(txid), index: vout as number },
      };
    } catch {
      // what is no amount is no place either
    }
  }
  const message = 'after must be an output of this list: {"txid", "vout", "value"}';
  throw new RpcError(RPC_CODE.invalidParameter, message);
}

function largestOf(params: Params): number {
  return params.has(1) ? params.integer(1, 'largest', 1, NO_LIMIT) : Number.POSITIVE_INFINITY;
}

function* firstOf<T>(lists: readonly Iterable<T>[], most: number): Generator<T, void> {
  for (const list of lists) {
    let count = 0;
    for (const item of list) {
      yield item;
      if (++count >= most) break;
    }
  }
}

/** One page of the coins of scripts, which come in order. @param view makes of one what is answered */
function cutPage<T>({ limit }: CoinPage, view: (coin: T) => object) {
  const page = new BoundedList();
  return {
    items: page.items,
    /** Whether there is room for more. */
    add: (coin: T): boolean => !page.add(view(coin)) && page.items.length < limit,
  };
}

/** What `getaddressutxos` answers: a page, or all there is, script by script. */
export async function unspentList(
  node: ChainNode,
  scripts: readonly Uint8Array[],
  params: Params,
  signal: AbortSignal,
  bounds: ListBounds,
): Promise<unknown> {
  const page = pageOf(params);
  if (page) return unspentPage(node, scripts, page, signal);
  const most = largestOf(params);
  const found: FoundCoin[] = [];
  let bytes = 0;
  await walkAtOnce<ListedCoin>(
    node,
    signal,
    (tables) =>
      firstOf(
        scripts.map((script) => listUnspent(node, tables, [script])),
        most,
      ),
    (listed, tables) => {
      const coin = coinIn(tables, listed);
      bytes += coin.output.lockingScript.length;
      found.push({ outpoint: listed.outpoint, coin });
      const isTooLong = found.length > bounds.entries || bytes > bounds.scriptBytes;
      if (isTooLong) throw tooLong('outputs', 'limit');
      return true;
    },
  );
  return new JsonList(found, ({ outpoint, coin }) => coinView(node, outpoint, coin));
}

async function unspentPage(
  node: ChainNode,
  scripts: readonly Uint8Array[],
  page: CoinPage,
  signal: AbortSignal,
): Promise<object[]> {
  const { items, add } = cutPage<FoundCoin>(page, ({ outpoint, coin }) =>
    coinView(node, outpoint, coin),
  );
  await walkAtOnce(
    node,
    signal,
    (tables) => listUnspent(node, tables, scripts, page.after),
    (listed, tables) => {
      if (page.carrying && !listed.carries) return true;
      return add({ outpoint: listed.outpoint, coin: coinIn(tables, listed) });
    },
  );
  return items;
}

const placeOfCoin = ({ outpoint, coin }: FoundCoin): CoinPlace => ({
  outpoint,
  value: coin.output.value,
});

/** What `getaddressutxos` answers out of all coins of the scripts, for whoever has them in memory. */
export function unspentAmong<T extends FoundCoin & { readonly pins?: readonly string[] }>(
  parameters: AddressParameters,
  found: readonly T[],
  params: Params,
): JsonList<T> | object[] {
  const view = ({ outpoint, coin, pins }: T): object => coinJson(parameters, outpoint, coin, pins);
  const ordered = [...found].sort((a, b) => compareCoins(placeOfCoin(a), placeOfCoin(b)));
  const page = pageOf(params);
  if (!page) {
    const ofScript = new Map<string, T[]>();
    for (const each of ordered) {
      const script = toHex(each.coin.output.lockingScript);
      const coins = ofScript.get(script);
      if (coins) coins.push(each);
      else ofScript.set(script, [each]);
    }
    return new JsonList([...firstOf([...ofScript.values()], largestOf(params))], view);
  }
  const { after, carrying } = page;
  const { items, add } = cutPage(page, view);
  for (const each of ordered) {
    if (after && compareCoins(placeOfCoin(each), after) <= 0) continue;
    if (carrying && !each.coin.output.token && !each.pins) continue;
    if (!add(each)) break;
  }
  return items;
}
