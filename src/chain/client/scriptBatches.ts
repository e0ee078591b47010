import { toHex } from '../../base/index.js';
import type { RpcClient } from './RpcClient.js';

/** A transaction of a history. */
export interface HistoryPlace {
  readonly txid: string;
  /** Block that holds it; 0 while it waits in the mempool. */
  readonly height: number;
}

/** Scripts in one call, half of what the node takes, and hexadecimal digits of them, well below the longest call. */
const MOST_SCRIPTS = 500;
const MOST_DIGITS = 8_000_000;

/** Characters of an answer that lists coins, well below the longest that is taken, and of one coin beside its script. */
const MOST_ANSWERED = 48_000_000;
const COIN_CHARACTERS = 1_000;

/**
 * Scripts as hexadecimal digits, each once, in as many lists as the node must be asked for.
 * @param coins of each script that may be told in the answer, where there is a limit
 */
export function scriptBatches(scripts: readonly Uint8Array[], coins = 0): string[][] {
  const batches: string[][] = [];
  let batch: string[] = [];
  let [digits, answered] = [0, 0];
  for (const hex of new Set(scripts.map(toHex))) {
    const answer = coins * (hex.length + COIN_CHARACTERS);
    const isLong = digits + hex.length > MOST_DIGITS || answered + answer > MOST_ANSWERED;
    if (batch.length === MOST_SCRIPTS || (batch.length > 0 && isLong)) {
      batches.push(batch);
      [batch, digits, answered] = [[], 0, 0];
    }
    batch.push(hex);
    digits += hex.length;
    answered += answer;
  }
  return batch.length > 0 ? [...batches, batch] : batches;
}

/** Histories as one, in the order that the node gives one in: what waits is the newest. Each transaction once. */
function mergedHistory(
  histories: readonly (readonly HistoryPlace[])[],
  order: 'oldest' | 'newest',
): HistoryPlace[] {
  const age = ({ height }: HistoryPlace): number =>
    height === 0 ? Number.MAX_SAFE_INTEGER : height;
  const once = new Map(histories.flat().map((place) => [place.txid, place]));
  return [...once.values()].sort((a, b) =>
    order === 'oldest' ? age(a) - age(b) : age(b) - age(a),
  );
}

/** What `getaddresshistory` says of any number of scripts. @param count most transactions that are given */
export async function historyOf(
  rpc: RpcClient,
  scripts: readonly Uint8Array[],
  count: number,
  order: 'oldest' | 'newest',
): Promise<HistoryPlace[]> {
  const found: HistoryPlace[][] = [];
  for (const batch of scriptBatches(scripts)) {
    const history = await rpc.call<HistoryPlace[]>(
      'getaddresshistory',
      { scripts: batch },
      count,
      0,
      order,
    );
    found.push(history);
  }
  // the node's own order within a block stays where it gave one list
  return found.length === 1 ? found[0]! : mergedHistory(found, order).slice(0, count);
}
