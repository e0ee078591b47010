import { setImmediate } from 'node:timers/promises';
import { BitmodelError, fromHex, toHex } from '../../base/index.js';
import { blockHash, type ChainNode, type Transaction } from '../../chain/index.js';
import { type ScanMark, SuspectStore } from './SuspectStore.js';
import { type Suspicion, suspicionBy } from './suspicion.js';

/** What the index reads of a node. */
export type SuspectSource = Pick<ChainNode, 'parameters' | 'store' | 'folder'>;

/** Blocks that are read in one go, while nothing else happens: a node that follows the chain is never further behind. */
const AT_ONCE = 64;

/** What an index knows, and as of when. */
export interface SuspectList {
  /** The first suspicion first. */
  readonly suspects: readonly Suspicion[];
  /** Height up to which the chain was read. */
  readonly height: number;
  /** Height from which on it was. */
  readonly from: number;
}

/**
 * Who was slashed on the chain, as far as this node has read it: after every block it reads what is new, and takes back
 * what a reorganisation has undone. Two nodes with the same blocks have the same list, whatever order they came in.
 */
export class SuspectIndex {
  readonly #source: SuspectSource;
  readonly #store: SuspectStore;
  /** How far the chain was read; on disk it may be some blocks less, which are then read again. */
  #mark: ScanMark | undefined;
  #isClosed = false;
  /** What is being read; ends before the file is closed. */
  #reading: Promise<void> = Promise.resolve();

  private constructor(source: SuspectSource, store: SuspectStore) {
    this.#source = source;
    this.#store = store;
    this.#mark = store.mark;
  }

  /**
   * Opens the index in the node's folder; {@link advance} then reads what it lacks.
   * @param anew whether to read the whole chain again (`--reindex`)
   */
  static open(source: SuspectSource, anew = false): SuspectIndex {
    const genesis = toHex(blockHash(source.parameters.genesis.header));
    return new SuspectIndex(source, SuspectStore.open(source.folder, genesis, anew));
  }

  /**
   * Comes to the chain as it is now. Call it after every block, one call after the other. A few blocks are read before
   * it returns, so that nobody who asks after a block is told what was before it; many are read beside other work.
   */
  advance(): Promise<void> {
    this.#reading = this.#read();
    return this.#reading;
  }

  async #read(): Promise<void> {
    this.#undo();
    for (let read = 0; !this.#isClosed && this.#readNext(); ) {
      read += 1;
      if (read % AT_ONCE !== 0) continue;
      await setImmediate();
      this.#undo();
    }
  }

  /** What is held against identities. @param metaIds hex */
  of(metaIds: readonly string[]): SuspectList {
    return { suspects: metaIds.flatMap((metaId) => this.#store.of(metaId)), ...this.#range() };
  }

  /** All of it, in the order of blocks, a page at a time. @param cursor `next` of the page before */
  page(cursor: string | undefined, limit: number): SuspectList & { readonly next?: string } {
    const { found, next } = this.#store.page(cursor, limit);
    return { suspects: found, ...this.#range(), ...(next === undefined ? {} : { next }) };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#reading.catch(() => undefined);
    if (this.#mark) this.#store.add([], this.#mark);
    await this.#store.close();
  }

  #range(): { height: number; from: number } {
    const { height, from } = this.#mark ?? { height: 0, from: 0 };
    return { height, from };
  }

  /** Takes back blocks that are no longer on the chain. */
  #undo(): void {
    const mark = this.#mark;
    if (!mark) return;
    const { store } = this.#source;
    let entry = store.header(fromHex(mark.hash, 32));
    while (entry && !store.isActive(entry)) entry = store.parent(entry);
    const height = entry?.height ?? 0;
    if (height === mark.height) return;
    const hash = toHex(store.hashAt(height)!);
    this.#mark = { height, hash, from: Math.min(mark.from, height) };
    this.#store.undo(this.#mark);
  }

  /** Reads the block on top of what was read. @returns whether there was one */
  #readNext(): boolean {
    const { store, parameters } = this.#source;
    const mark = this.#mark;
    const height = mark ? mark.height + 1 : 0;
    const hash = store.hashAt(height);
    if (!hash) return false;
    const block = store.block(hash);
    let from = mark?.from ?? 0;
    const found: Suspicion[] = [];
    try {
      for (const transaction of block?.transactions ?? []) {
        const suspicion = suspicionBy(
          transaction,
          height,
          (id) => this.#transaction(id),
          parameters,
        );
        if (suspicion) found.push(suspicion);
      }
    } catch (thrown) {
      // what a slash stands on was dropped: whom it is about can't be known here
      if (!(thrown instanceof BitmodelError) || thrown.code !== 'BLOCK_PRUNED') throw thrown;
      from = height + 1;
    }
    if (!block) from = height + 1;
    this.#mark = { height, hash: toHex(hash), from };
    if (found.length > 0 || height % AT_ONCE === 0) this.#store.add(found, this.#mark);
    return true;
  }

  #transaction(hash: Uint8Array): Transaction | undefined {
    return this.#source.store.transactionByHash(hash)?.transaction;
  }
}
