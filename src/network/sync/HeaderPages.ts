import { setImmediate, setTimeout } from 'node:timers/promises';
import { equalBytes } from '../../base/index.js';
import { type ChainStore, type HeaderRecord, hashKey } from '../../chain/index.js';
import type { PeerId } from '../host/Host.js';
import { FairQueue } from '../limits/FairQueue.js';
import { RateLimit } from '../limits/RateLimit.js';
import { forkOf, headersFrom } from './locator.js';
import { encodeHeaders } from './messages.js';
import { MAX_HEADERS } from './protocols.js';

/** Questions of one peer: a chain of a million headers takes 500. Whoever asks faster waits. */
const QUEUE = {
  tasks: 1_024,
  tasksPerPeer: 8,
  bytes: 4 * 1024 * 1024,
  perSecond: 20,
  burst: 100,
  bytesPerSecond: 64 * 1024,
  bytesBurst: 256 * 1024,
};
/** Headers read for all peers together, beyond which they wait; what is remembered costs nothing. */
const ALL = { perSecond: 40_000, burst: 400_000 };
/** Headers read before other things get their turn: some two milliseconds. */
const SLICE = 100;
/** Answers remembered, of 160 kB each: peers that sync at the same time ask for the same. */
const MOST_PAGES = 32;

/** Answers of `headers/1`, for the peers in turn, with one bound over all of them. */
export class HeaderPages {
  readonly #store: ChainStore;
  readonly #queue = new FairQueue(QUEUE);
  readonly #all: RateLimit;
  readonly #pages = new Map<string, Uint8Array>();
  readonly #closing = new AbortController();

  /** @param all headers read for all peers together */
  constructor(store: ChainStore, all: { perSecond: number; burst: number } = ALL) {
    this.#store = store;
    this.#all = new RateLimit(all);
  }

  /** The encoded answer to a locator, undefined when closed before its turn; no promise when too many questions wait. */
  answer(
    peer: PeerId,
    locator: readonly Uint8Array[],
  ): Promise<Uint8Array | undefined> | undefined {
    return this.#queue.run(peer, locator.length * 32, () => this.#page(locator));
  }

  close(): void {
    this.#closing.abort();
    this.#queue.close();
  }

  async #page(locator: readonly Uint8Array[]): Promise<Uint8Array> {
    for (;;) {
      const fork = forkOf(this.#store, locator);
      const tip = this.#store.tip();
      const key = hashKey(fork.hash) + hashKey(tip.hash);
      const known = this.#pages.get(key);
      if (known) return known;
      const length = Math.min(MAX_HEADERS, tip.height - fork.height);
      await this.#pace(length + 1);
      const headers = await this.#read(fork, length);
      // the chain has changed meanwhile
      if (!headers) continue;
      const page = encodeHeaders(headers.map(({ header }) => header));
      if (length > SLICE) this.#remember(key, page);
      return page;
    }
  }

  async #pace(amount: number): Promise<void> {
    const { signal } = this.#closing;
    while (!this.#all.take('all', amount)) {
      const wait = Math.max(1, this.#all.wait('all', amount));
      await setTimeout(wait, undefined, { signal, ref: false });
    }
  }

  /** Headers above one, a few at a time; undefined when they are no longer of one chain. */
  async #read(fork: HeaderRecord, length: number): Promise<HeaderRecord[] | undefined> {
    const headers: HeaderRecord[] = [];
    for (let last = fork; headers.length < length; last = headers.at(-1)!) {
      if (headers.length > 0) await setImmediate();
      const most = Math.min(SLICE, length - headers.length);
      const more = headersFrom(this.#store, last.height + 1, most);
      const [first] = more;
      if (!first || !equalBytes(first.header.previousHash, last.hash)) return undefined;
      headers.push(...more);
    }
    return headers;
  }

  #remember(key: string, page: Uint8Array): void {
    this.#pages.set(key, page);
    const oldest = this.#pages.keys().next().value;
    if (this.#pages.size > MOST_PAGES && oldest !== undefined) this.#pages.delete(oldest);
  }
}
