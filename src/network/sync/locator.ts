import type { ChainStore, HeaderRecord } from '../../chain/index.js';
import { MAX_HEADERS } from './protocols.js';

/** Hashes of a locator before it begins to leave some out. */
const DENSE = 10;

/** Hashes from a header down to the genesis block, ever sparser: by the first one known, another finds the fork. */
export function locatorOf(store: ChainStore, top: HeaderRecord): Uint8Array[] {
  const hashes: Uint8Array[] = [];
  let step = 1;
  for (let { height } = top; height > 0; height -= step) {
    hashes.push(store.ancestor(top, height).hash);
    if (hashes.length >= DENSE) step *= 2;
  }
  return [...hashes, store.hashAt(0)!];
}

/** The header of the active chain that the first hash of a locator on it stands for, or the genesis block's. */
export function forkOf(store: ChainStore, locator: readonly Uint8Array[]): HeaderRecord {
  for (const hash of locator) {
    const known = store.header(hash);
    if (known && store.isActive(known)) return known;
  }
  return store.headerAt(0)!;
}

/** Headers of the active chain from a height on. */
export function headersFrom(store: ChainStore, from: number, most: number): HeaderRecord[] {
  const headers: HeaderRecord[] = [];
  for (let height = from; headers.length < most; height++) {
    const entry = store.headerAt(height);
    if (!entry) break;
    headers.push(entry);
  }
  return headers;
}

/** Headers of the active chain above the first hash of a locator that lies on it. */
export function headersAbove(store: ChainStore, locator: readonly Uint8Array[]): HeaderRecord[] {
  return headersFrom(store, forkOf(store, locator).height + 1, MAX_HEADERS);
}
