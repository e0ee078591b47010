import { BitmodelError } from '../../base/index.js';
import { RPC_CODE, RpcError } from '../wire/RpcError.js';
import { badAnswer } from './badAnswer.js';
import type { CoinsOf } from './coinPages.js';
import { mergeStreams } from './mergeStreams.js';
import type { RpcClient } from './RpcClient.js';

/** A transaction of a history. */
export interface HistoryPlace {
  /** Printed id. */
  readonly txid: string;
  /** Block that holds it; 0 while it waits in the mempool. */
  readonly height: number;
}

/** Which end of a history is told first; what waits is the newest. */
export type HistoryOrder = 'oldest' | 'newest';

/** Transactions in one call. */
const PAGE = 5_000;
/** So often the mempool may change while that of it is read which a history begins or ends with. */
const MOST_RETURNS = 50;

const isPlace = (json: unknown): json is HistoryPlace => {
  const { txid, height } = (json ?? {}) as Partial<HistoryPlace>;
  const isId = typeof txid === 'string' && /^[0-9a-f]{64}$/.test(txid);
  return isId && Number.isSafeInteger(height) && height! >= 0;
};

/** What waits is younger than any block. */
const age = ({ height }: HistoryPlace): number => height || Number.MAX_SAFE_INTEGER;

function bad(what: string): BitmodelError {
  return badAnswer(`The node ${what}.`);
}

/** @throws BitmodelError `BAD_RPC_ANSWER` for a page that is none, that goes back, or that tells one twice */
function pageFrom(json: unknown, order: HistoryOrder, after?: HistoryPlace): HistoryPlace[] {
  if (!Array.isArray(json) || !json.every(isPlace)) throw bad('lists what is no transaction id');
  let last = after;
  for (const place of json) {
    const step = last ? age(place) - age(last) : 0;
    if (order === 'oldest' ? step < 0 : step > 0) throw bad('lists a history out of order');
    last = place;
  }
  const ids = new Set(json.map(({ txid }) => txid));
  if (ids.size < json.length || (after && ids.has(after.txid))) throw bad('lists one twice');
  return json;
}

const isGone = (thrown: unknown): boolean =>
  thrown instanceof RpcError && thrown.rpcCode === RPC_CODE.notFound;

/**
 * Transactions that pay to or spend from up to 1,000 addresses or scripts, each once, page by page: no more than a page is
 * held, and what waits. A block that comes meanwhile makes none be told twice or left out.
 * @param first transactions in the first call, for whoever needs few
 * @throws BitmodelError `CHAIN_MOVED` when a reorganisation comes meanwhile; `BAD_RPC_ANSWER`
 */
export async function* historyPages(
  rpc: RpcClient,
  of: CoinsOf,
  order: HistoryOrder,
  first = PAGE,
): AsyncGenerator<HistoryPlace, void> {
  const told = new Set<string>();
  let last: HistoryPlace | undefined;
  let lastMined: HistoryPlace | undefined;
  let returns = 0;
  for (let count = Math.min(first, PAGE); ; count = PAGE) {
    let page: HistoryPlace[];
    try {
      const json = await rpc.call('getaddresshistory', of, count, 0, order, last ?? null);
      page = pageFrom(json, order, last);
    } catch (thrown) {
      if (last === undefined || !isGone(thrown)) throw thrown;
      if (last.height > 0 || ++returns > MOST_RETURNS) throw moved(thrown);
      // what waited is in a block now, or gone: from the last of a block on all is told again but what was told
      last = lastMined;
      continue;
    }
    for (const place of page) {
      if (place.height > 0) lastMined = place;
      // those that waited when they were told may be in a block by now
      if (told.has(place.txid)) continue;
      if (place.height === 0) told.add(place.txid);
      yield place;
    }
    if (page.length < count) return;
    last = page.at(-1)!;
  }
}

function moved(cause: unknown): BitmodelError {
  return new BitmodelError('CHAIN_MOVED', 'The chain changed while a history was read.', {
    next: 'Try again',
    cause,
  });
}

/** {@link historyPages} of any number of addresses or scripts as one history. */
export async function* eachInHistory(
  rpc: RpcClient,
  batches: readonly CoinsOf[],
  order: HistoryOrder,
  first?: number,
): AsyncGenerator<HistoryPlace, void> {
  const histories = batches.map((of) => historyPages(rpc, of, order, first));
  const sign = order === 'oldest' ? 1 : -1;
  // several lists may hold one transaction, which then stands among those of one block
  const told = new Set<string>();
  let height: number | undefined;
  for await (const place of mergeStreams(histories, (a, b) => sign * (age(a) - age(b)))) {
    if (place.height !== height) told.clear();
    height = place.height;
    if (histories.length > 1 && told.has(place.txid)) continue;
    if (histories.length > 1) told.add(place.txid);
    yield place;
  }
}
