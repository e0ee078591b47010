import { BitmodelError } from '../../base/index.js';
import { hashToId } from '../codec/transaction.js';
import { hashKey } from '../consensus/coins.js';
import { afterGroup, heightOfKey, orderedKey } from '../store/keys.js';
import type { HistoryEntry } from '../store/queries.js';
import { decodeLocation } from '../store/records.js';
import type { Table, Tables } from '../store/tables.js';
import type { ChainNode } from './ChainNode.js';
import { mergeOrdered } from './merge.js';

/** Which end of a history is told first. */
export type HistoryOrder = 'oldest' | 'newest';

/** Of what a history is told. */
export interface HistoryOf {
  /** Index of the chain whose values are transaction hashes, in the chain's order. */
  readonly index: 'history' | 'tokenHistory' | 'jobs';
  /** Whose entries of it, 32 bytes each, none twice. */
  readonly groups: readonly Uint8Array[];
  /** Hashes of the mempool's that belong to it, in the order in which they came. */
  readonly waiting: readonly Uint8Array[];
}

interface Placed extends HistoryEntry {
  readonly position: number;
}

/** Entries read at a time: few at first, as most groups have few. */
const FIRST_CHUNK = 16;
const LARGEST_CHUNK = 1_024;

const END = { height: 0xffff_ffff, position: 0xffff_ffff };

/** Entries of one group, behind or, from the newest on, before a place. */
function* placedIn(
  table: Table,
  group: Uint8Array,
  order: HistoryOrder,
  from: { readonly height: number; readonly position: number } | undefined,
): Generator<Placed, void> {
  const reverse = order === 'newest';
  let start = from
    ? orderedKey(group, from.height, from.position)
    : reverse
      ? orderedKey(group, END.height, END.position)
      : group;
  // backwards the end itself is left out, and no key is as short as a group
  const end = reverse ? group : afterGroup(group);
  for (let limit = FIRST_CHUNK; ; limit = Math.min(limit * 4, LARGEST_CHUNK)) {
    const range = table.getRange({ start, exclusiveStart: true, end, reverse, limit });
    const chunk = [...range].map(({ key, value }) => ({
      key: Uint8Array.from(key),
      hash: Uint8Array.from(value),
    }));
    for (const { key, hash } of chunk) {
      yield { hash, height: heightOfKey(key), position: heightOfKey(key, group.length + 4) };
    }
    if (chunk.length < limit) return;
    start = chunk.at(-1)!.key;
  }
}

function* mined(
  tables: Tables,
  { index, groups }: HistoryOf,
  order: HistoryOrder,
  from?: { readonly height: number; readonly position: number },
): Generator<HistoryEntry, void> {
  const sign = order === 'oldest' ? 1 : -1;
  const compare = (a: Placed, b: Placed): number =>
    sign * (a.height - b.height || a.position - b.position);
  const lists = groups.map((group) => placedIn(tables[index], group, order, from));
  let last: Placed | undefined;
  for (const each of mergeOrdered(lists, compare)) {
    // one transaction belongs to several groups
    if (!last || compare(last, each) !== 0) yield each;
    last = each;
  }
}

/** Where a transaction of a block stands among those of the groups; undefined when it is none of them. */
function placeOf(
  { store }: Pick<ChainNode, 'store'>,
  tables: Tables,
  { index, groups }: HistoryOf,
  { hash, height }: HistoryEntry,
): { height: number; position: number } | undefined {
  const location = tables.transactions.getBinary(hash);
  if (!location || store.header(decodeLocation(location).blockHash)?.height !== height) {
    return undefined;
  }
  const key = hashKey(hash);
  for (const group of groups) {
    const start = orderedKey(group, height, 0);
    const range = tables[index].getRange({ start, end: orderedKey(group, height + 1, 0) });
    for (const { key: found, value } of range) {
      if (hashKey(value) === key) return { height, position: heightOfKey(found, group.length + 4) };
    }
  }
  return undefined;
}

/**
 * Transactions of a history in the chain's order, those that wait (height 0) newest of all, each once.
 * @param after only those behind this entry
 * @throws BitmodelError `UNKNOWN_TRANSACTION` when that one is none of them, or stands elsewhere now
 */
export function* walkHistory(
  view: Pick<ChainNode, 'store'>,
  tables: Tables,
  of: HistoryOf,
  order: HistoryOrder,
  after?: HistoryEntry,
): Generator<HistoryEntry, void> {
  const waiting = [...new Map(of.waiting.map((hash) => [hashKey(hash), hash])).values()];
  if (order === 'newest') waiting.reverse();
  const from = after && placeIn(view, tables, of, after, waiting);
  const still = waiting.slice(from?.waiting).map((hash) => ({ hash, height: 0 }));
  if (order === 'newest') yield* from?.mined ? [] : still;
  if (order === 'newest' || from?.waiting === undefined) {
    yield* mined(tables, of, order, from?.mined);
  }
  if (order === 'oldest') yield* still;
}

/** Where to go on behind an entry: how many of those that wait have been told, or which of the chain was the last. */
function placeIn(
  view: Pick<ChainNode, 'store'>,
  tables: Tables,
  of: HistoryOf,
  after: HistoryEntry,
  waiting: readonly Uint8Array[],
): { readonly waiting?: number; readonly mined?: { height: number; position: number } } {
  const key = hashKey(after.hash);
  const at = after.height === 0 ? waiting.findIndex((hash) => hashKey(hash) === key) : -1;
  if (at >= 0) return { waiting: at + 1 };
  const place = after.height === 0 ? undefined : placeOf(view, tables, of, after);
  if (place) return { mined: place };
  const message = `${hashToId(after.hash)} is not in this history, or stands elsewhere now.`;
  throw new BitmodelError('UNKNOWN_TRANSACTION', message, { next: 'Begin again' });
}
