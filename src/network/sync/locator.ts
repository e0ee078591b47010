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

/** Headers of the active chain above the first hash of a locator that lies on it. */
export function headersAbove(store: ChainStore, locator: readonly Uint8Array[]): HeaderRecord[] {
  let below = store.headerAt(0)!;
  for (const hash of locator) {
    const known = store.header(hash);
    if (!known || !store.isActive(known)) continue;
    below = known;
    break;
  }
  const headers: HeaderRecord[] = [];
  for (let height = below.height + 1; headers.length < MAX_HEADERS; height++) {
    const entry = store.headerAt(height);
    if (!entry) break;
    headers.push(entry);
  }
  return headers;
}
