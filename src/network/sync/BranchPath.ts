import { equalBytes } from '../../base/index.js';
import type { ChainStore, HeaderRecord } from '../../chain/index.js';

const HASH = 32;

/** The way from the active chain up to a header, as hashes: what is to be fetched, in order. */
export class BranchPath {
  /** Height of the first block above the active chain, as it was then. */
  readonly first: number;
  #top: HeaderRecord;
  #hashes: Uint8Array;

  private constructor(top: HeaderRecord, first: number, hashes: Uint8Array) {
    this.#top = top;
    this.first = first;
    this.#hashes = hashes;
  }

  /** The way to a header, whose ancestors are all in the store. */
  static to(store: ChainStore, top: HeaderRecord): BranchPath {
    let fork = top;
    while (!store.isActive(fork)) fork = store.parent(fork)!;
    const path = new BranchPath(top, fork.height + 1, new Uint8Array(0));
    path.#hashes = collect(store, top, fork.height);
    return path;
  }

  get top(): HeaderRecord {
    return this.#top;
  }

  /** Hash of the block at a height on the way; undefined outside of it. */
  at(height: number): Uint8Array | undefined {
    if (height < this.first || height > this.#top.height) return undefined;
    const at = (height - this.first) * HASH;
    return this.#hashes.subarray(at, at + HASH);
  }

  holds(entry: HeaderRecord): boolean {
    const hash = this.at(entry.height);
    return hash !== undefined && equalBytes(hash, entry.hash);
  }

  /** Goes on to a header above; false when that one is on another branch. */
  extendTo(store: ChainStore, top: HeaderRecord): boolean {
    let at: HeaderRecord | undefined = top;
    while (at && at.height > this.#top.height) at = store.parent(at);
    if (!at || !equalBytes(at.hash, this.#top.hash)) return false;
    const more = collect(store, top, this.#top.height);
    const hashes = new Uint8Array(this.#hashes.length + more.length);
    hashes.set(this.#hashes);
    hashes.set(more, this.#hashes.length);
    this.#hashes = hashes;
    this.#top = top;
    return true;
  }

  /** The highest block that this way and the branch of a header share; undefined when they part below it. */
  lastShared(store: ChainStore, entry: HeaderRecord): number | undefined {
    let at: HeaderRecord | undefined = entry;
    while (at && at.height >= this.first && !this.holds(at)) at = store.parent(at);
    return at && at.height >= this.first ? at.height : undefined;
  }
}

/** Hashes from above a height up to a header. */
function collect(store: ChainStore, top: HeaderRecord, above: number): Uint8Array {
  const hashes = new Uint8Array((top.height - above) * HASH);
  let at = top;
  for (let offset = hashes.length - HASH; offset >= 0; offset -= HASH) {
    hashes.set(at.hash, offset);
    at = store.parent(at)!;
  }
  return hashes;
}
