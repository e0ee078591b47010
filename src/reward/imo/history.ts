import { toHex } from '../../base/index.js';
import type { ChainClient } from '../../chain/index.js';

/** A transaction of a history. */
export interface Place {
  readonly txid: string;
  /** Block that holds it; 0 while it waits in the mempool. */
  readonly height: number;
}

/** Scripts asked about in one call: so many of the longest that a pin can name are no call too large. */
const SCRIPTS_AT_ONCE = 100;
/** Transactions asked for at once. */
const PAGE = 10_000;

/** What pays to or spends from scripts, page by page: however much of it strangers made, no answer is too long. */
async function* pages(
  client: ChainClient,
  scripts: readonly Uint8Array[],
  order: 'oldest' | 'newest',
): AsyncGenerator<readonly Place[], void> {
  const of = { scripts: scripts.map(toHex) };
  for (let skip = 0; ; skip += PAGE) {
    const page = await client.rpc.call<Place[]>('getaddresshistory', of, PAGE, skip, order);
    yield page;
    if (page.length < PAGE) return;
  }
}

/**
 * The transactions in blocks up to a height that pay to or spend from any of the scripts, oldest first, each once. What is
 * mined meanwhile comes behind what was there, so that no page moves.
 */
export async function minedHistory(
  client: ChainClient,
  scripts: readonly Uint8Array[],
  atHeight: number,
): Promise<Place[]> {
  const isMined = ({ height }: Place): boolean => height > 0 && height <= atHeight;
  const found = new Map<string, Place>();
  for (let at = 0; at < scripts.length; at += SCRIPTS_AT_ONCE) {
    const some = scripts.slice(at, at + SCRIPTS_AT_ONCE);
    for await (const page of pages(client, some, 'oldest')) {
      for (const place of page) if (isMined(place)) found.set(place.txid, place);
      if (!page.every(isMined)) break;
    }
  }
  return [...found.values()].sort((a, b) => a.height - b.height);
}

/** All transactions that pay to or spend from a script, oldest first, those of the mempool last, each once. */
export async function wholeHistory(client: ChainClient, script: Uint8Array): Promise<Place[]> {
  const waiting = new Map<string, Place>();
  for await (const page of pages(client, [script], 'newest')) {
    for (const place of page) if (place.height === 0) waiting.set(place.txid, place);
    if (page.some(({ height }) => height > 0)) break;
  }
  // in this order: what is mined in between is found here
  const mined = await minedHistory(client, [script], Number.POSITIVE_INFINITY);
  for (const { txid } of mined) waiting.delete(txid);
  return [...mined, ...waiting.values()];
}
