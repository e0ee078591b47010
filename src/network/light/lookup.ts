import { setImmediate } from 'node:timers/promises';
import {
  type ChainNode,
  hashToId,
  locationOfTransaction,
  type MempoolEntry,
  type Outpoint,
  type PlacedIndex,
  parentsFirst,
  placedFrom,
  spenderOf,
  withAncestors,
} from '../../chain/index.js';
import { MAX_WAITING, PAGE_BYTES, PAGE_TRANSACTIONS } from './protocols.js';
import { isBefore, type Place, type Question } from './question.js';

/** A transaction that answers a question, and the block that holds it. */
export interface Hit {
  /** Printed id. */
  readonly txid: string;
  readonly blockHash: Uint8Array;
  readonly height: number;
}

/** All that the chain holds in answer to a question, up to a place. */
export interface Hits {
  readonly hits: readonly Hit[];
  /** Where to look on from; absent when these are all. */
  readonly next?: Place;
}

const INDEX_OF: Readonly<Record<'history' | 'jobs' | 'pins', PlacedIndex>> = {
  history: 'history',
  jobs: 'jobs',
  pins: 'pinsByPath',
};

/** The outpoint that a key of 36 bytes names. */
export function outpointOfKey(key: Uint8Array): Outpoint {
  const index = new DataView(key.buffer, key.byteOffset).getUint32(32, true);
  return { hash: key.slice(0, 32), index };
}

/** Entries of an index that are read before others have their turn. */
const TURN = 2_000;

/** Transactions of an index's groups, each once, cut where there are too many for an answer. */
async function indexed(
  node: ChainNode,
  index: PlacedIndex,
  { from, keys }: Question,
): Promise<Hits> {
  let found = new Map<string, Place>();
  let next: Place | undefined;
  let read = 0;
  for (const key of keys) {
    const group = placedFrom(node.store, index, key, from, PAGE_TRANSACTIONS + 1);
    const last = group[PAGE_TRANSACTIONS];
    if (last && (!next || isBefore(last, next))) next = last;
    for (const { hash, ...place } of group) {
      if (!next || isBefore(place, next)) found.set(hashToId(hash), place);
    }
    read += group.length;
    if (found.size > 2 * PAGE_TRANSACTIONS) [found, next] = firstOf(found);
    if (read < TURN) continue;
    read = 0;
    await setImmediate();
  }
  const hits = [...found]
    .filter(([, place]) => !next || isBefore(place, next))
    .map(([txid, { height }]) => ({ txid, height, blockHash: node.store.hashAt(height)! }));
  return next ? { hits, next: { height: next.height, position: next.position } } : { hits };
}

/** As many as an answer holds of the first in the chain's order, and where the rest begins. */
function firstOf(found: ReadonlyMap<string, Place>): [Map<string, Place>, Place] {
  const inOrder = [...found].sort(([, a], [, b]) => (isBefore(a, b) ? -1 : 1));
  return [new Map(inOrder.slice(0, PAGE_TRANSACTIONS)), inOrder[PAGE_TRANSACTIONS]![1]];
}

function named(node: ChainNode, hashes: Iterable<Uint8Array>): Hits {
  const { store } = node;
  const hits = new Map<string, Hit>();
  for (const hash of hashes) {
    const location = locationOfTransaction(store, hash);
    const block = location && store.header(location.blockHash);
    const txid = hashToId(hash);
    if (block) hits.set(txid, { txid, blockHash: block.hash, height: block.height });
  }
  return { hits: [...hits.values()] };
}

function* aroundOutputs(node: ChainNode, keys: readonly Uint8Array[]): Generator<Uint8Array> {
  for (const key of keys) {
    const outpoint = outpointOfKey(key);
    yield outpoint.hash;
    const spender = spenderOf(node.store, outpoint);
    if (spender) yield spender.hash;
  }
}

/** What the chain holds in answer to a question; of one and the same tip only while that does not change. */
export async function lookUp(node: ChainNode, question: Question): Promise<Hits> {
  const { kind, keys } = question;
  if (kind === 'transactions') return named(node, keys);
  if (kind === 'outputs') return named(node, aroundOutputs(node, keys));
  return indexed(node, INDEX_OF[kind], question);
}

function* waitingFor({ mempool }: ChainNode, { kind, keys }: Question): Generator<MempoolEntry> {
  for (const key of keys) {
    if (kind === 'history') yield* mempool.byScriptHash(key);
    if (kind === 'jobs') yield* mempool.byJob(key);
    const made = kind === 'transactions' || kind === 'outputs';
    const entry = made ? mempool.get(key.subarray(0, 32)) : undefined;
    if (entry) yield entry;
    const spender = kind === 'outputs' ? mempool.spender(outpointOfKey(key)) : undefined;
    if (spender) yield spender.entry;
  }
}

/** Transactions of the mempool that answer a question, each behind those it depends on, within bounds. */
export function lookUpWaiting(node: ChainNode, question: Question): MempoolEntry[] {
  const found = new Set<MempoolEntry>();
  let bytes = 0;
  for (const entry of waitingFor(node, question)) {
    const fresh = [...withAncestors(entry)].filter((each) => !found.has(each));
    bytes += fresh.reduce((sum, { size }) => sum + size, 0);
    if (bytes > PAGE_BYTES || found.size + fresh.length > MAX_WAITING) break;
    for (const each of fresh) found.add(each);
  }
  return parentsFirst(found);
}
