import type { Host, PeerConnection, PeerId } from '../host/Host.js';
import { addressGroup, readMultiaddr, scopeOf } from './addresses.js';
import { around } from './around.js';
import type { BanList } from './BanList.js';
import { groupOf } from './BookTables.js';
import type { BookEntry } from './bookEntry.js';
import { FixedAddresses } from './FixedAddresses.js';
import type { PeerBook } from './PeerBook.js';
import { inScope } from './PeerExchange.js';

/** What a dialler needs. */
export interface DiallerOptions {
  readonly host: Host;
  readonly book: PeerBook;
  readonly bans: BanList;
  /** Multiaddrs that are dialled for ever. */
  readonly fixed: readonly string[];
  /** What those are to people, such as `seed`. */
  readonly fixedName: string;
  /** Peers that this node connects to by itself; 0 for none but the fixed ones. */
  readonly outbound: number;
  /**
   * Milliseconds between two dials of peers only heard of, to see whether they are there, when there are peers enough;
   * two minutes unless stated.
   */
  readonly feelerWait?: number;
  /** Told once of an address dialled for ever at which nobody answers, or somebody of another network. */
  readonly onWarning?: (message: string) => void;
}

const TICK = 500;
const DIAL_TIMEOUT = 5_000;
/** Dials under way at once. */
const MAX_DIALS = 4;
const FEELER_WAIT = 120_000;
/** Addresses of a peer that are tried, one after another. */
const MOST_ADDRESSES = 4;
/** Peers to go back to first after a restart, as in Bitcoin Core. */
const ANCHORS = 2;

/**
 * Keeps a node connected: to the addresses it was told of, for ever, and to peers of its own choice, of different
 * address groups, as many as it aims for. Whom it chooses, nobody who connects to it decides.
 */
export class Dialler {
  readonly #options: DiallerOptions;
  readonly #fixed: FixedAddresses;
  readonly #dialling = new Set<PeerId>();
  /** Addresses that are dialled once, by the user's word. */
  readonly #once = new Set<string>();
  /** Connections made only to see whether a peer is there. */
  readonly #feelers = new Set<PeerId>();
  readonly #ending = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #anchors: PeerId[];
  readonly #feelerWait: number;
  #nextFeeler: number;
  isActive = true;

  constructor(options: DiallerOptions) {
    this.#options = options;
    this.#feelerWait = options.feelerWait ?? FEELER_WAIT;
    this.#nextFeeler = performance.now() + around(this.#feelerWait);
    this.#anchors = options.outbound > 0 ? [...options.book.anchors] : [];
    this.#fixed = new FixedAddresses({
      host: options.host,
      dial: (address) => this.#dial(address),
      onWarning: (message) => {
        if (!this.#ending.signal.aborted) options.onWarning?.(message);
      },
    });
    for (const address of options.fixed) this.add(address, options.fixedName);
    this.#timer = setInterval(() => this.#tick(), TICK);
    setImmediate(() => this.#tick());
  }

  /** Addresses that are dialled for ever, and the peers found there. */
  fixed(): { readonly address: string; readonly peer: PeerId | undefined }[] {
    return this.#fixed.list();
  }

  /** Dials an address for ever. Returns false when it is one of those already. @param name what it is to people */
  add(address: string, name = 'added node'): boolean {
    return this.#fixed.add(address, name);
  }

  /** Whether there was such an address to forget; the connection stays. */
  remove(address: string): boolean {
    return this.#fixed.remove(address);
  }

  /** Dials an address once. @throws BitmodelError as `Host.dial` */
  async once(address: string): Promise<PeerConnection> {
    this.#once.add(address);
    try {
      return await this.#dial(address);
    } finally {
      this.#once.delete(address);
    }
  }

  /** Addresses that the user named: those dialled for ever, and those dialled once just now. */
  named(): string[] {
    return [...this.fixed().map(({ address }) => address), ...this.#once];
  }

  /** Peers that this node chose and that are connected, those connected longest first. */
  chosen(): PeerConnection[] {
    const all = this.#options.host
      .connections()
      .filter(({ direction, isRelayed }) => direction === 'outbound' && !isRelayed)
      .filter(({ peer }) => !this.#feelers.has(peer));
    return all.sort((a, b) => a.openedAt - b.openedAt);
  }

  /** Peers to go back to first after a restart. */
  anchors(): PeerId[] {
    const peers = new Set(this.chosen().map(({ peer }) => peer));
    return [...peers].slice(0, ANCHORS);
  }

  /** Peers that it aims for by its own choice. */
  get aim(): number {
    return this.#options.outbound;
  }

  /** Whether it has fewer peers than it aims for. */
  get isStarved(): boolean {
    return this.chosen().length < this.#options.outbound;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#ending.abort();
  }

  #tick(): void {
    if (!this.isActive || this.#ending.signal.aborted) return;
    const now = performance.now();
    this.#fixed.tick(now);
    const { outbound, host } = this.#options;
    if (outbound === 0) return;
    // whoever is connected counts for the aim when dialled, and is never dialled again when not
    const missing = outbound - this.chosen().length - this.#dialling.size;
    for (let i = 0; i < missing && this.#dialling.size < MAX_DIALS; i++) {
      const entry = this.#anchor() ?? this.#candidate(false);
      if (!entry) break;
      void this.#dialEntry(entry);
    }
    if (missing <= 0 && now >= this.#nextFeeler) {
      this.#nextFeeler = now + around(this.#feelerWait);
      const entry = this.#candidate(true);
      if (entry && !host.isConnected(entry.peer)) void this.#feel(entry);
    }
  }

  #anchor(): Readonly<BookEntry> | undefined {
    while (this.#anchors.length > 0) {
      const peer = this.#anchors.shift()!;
      const entry = this.#options.book.get(peer);
      if (entry && this.#mayDial(entry)) return entry;
    }
    return undefined;
  }

  #candidate(onlyFresh: boolean): Readonly<BookEntry> | undefined {
    // on the internet no two of one group: they might be of one hand
    const groups = new Set<string>();
    for (const { address } of this.chosen()) {
      const at = readMultiaddr(address);
      if (at && scopeOf(at.host) === 'public') groups.add(addressGroup(at));
    }
    return this.#options.book.choose(
      (entry) => this.#mayDial(entry) && !groups.has(groupOf(entry)),
      onlyFresh,
    );
  }

  #mayDial({ peer, addresses }: Readonly<BookEntry>): boolean {
    const { host, bans } = this.#options;
    const isFree = peer !== host.id && !host.isConnected(peer) && !this.#dialling.has(peer);
    if (!isFree || bans.hasPeer(peer)) return false;
    return addresses.some((address) => !bans.hasHost(readMultiaddr(address)!.host));
  }

  async #dialEntry(entry: Readonly<BookEntry>): Promise<boolean> {
    const { book } = this.#options;
    const { peer } = entry;
    this.#dialling.add(peer);
    book.trying(peer);
    try {
      for (const address of entry.addresses.slice(0, MOST_ADDRESSES)) {
        try {
          const connection = await this.#dial(`${address}/p2p/${peer}`);
          if (!this.#isCrowded(address, connection)) return true;
          await this.#options.host.disconnect(peer);
        } catch {
          // the next address, or none: the book counts it
        }
        if (this.#ending.signal.aborted) return false;
      }
      book.failed(peer);
      return false;
    } finally {
      this.#dialling.delete(peer);
    }
  }

  /** Whether a name led to an address group of which a peer is chosen already: that was not to be seen before. */
  #isCrowded(address: string, { address: found, peer }: PeerConnection): boolean {
    const at = readMultiaddr(address)?.isName ? readMultiaddr(found) : undefined;
    if (!at || scopeOf(at.host) !== 'public') return false;
    return this.chosen().some((other) => {
      const there = readMultiaddr(other.address);
      return other.peer !== peer && there !== undefined && addressGroup(there) === addressGroup(at);
    });
  }

  /** Sees whether a peer is there, and lets go of it. */
  async #feel(entry: Readonly<BookEntry>): Promise<void> {
    const { peer } = entry;
    this.#feelers.add(peer);
    try {
      const isThere = await this.#dialEntry(entry);
      const isOnlyFelt = this.chosen().every((each) => each.peer !== peer);
      if (isThere && isOnlyFelt) await this.#options.host.disconnect(peer);
    } catch {
      // it went away by itself
    } finally {
      this.#feelers.delete(peer);
    }
  }

  async #dial(address: string): Promise<PeerConnection> {
    const { host, book } = this.#options;
    const connection = await host.dial(address, {
      timeout: DIAL_TIMEOUT,
      signal: this.#ending.signal,
    });
    const { peer, isRelayed } = connection;
    if (peer === host.id) {
      await host.disconnect(peer);
      return connection;
    }
    const at = readMultiaddr(address);
    const bare = address.replace(/\/p2p\/[^/]+$/, '');
    // a name that the peer announced counts as any address of it; one that the user gave is not passed on
    if (at?.isName && book.get(peer)?.addresses.includes(bare)) book.reached(peer, bare);
    if (at && !at.isName && !isRelayed) {
      const addresses = inScope([bare], 'loopback');
      book.hear({ peer, addresses, origin: 'dialled', source: 'own' });
      book.reached(peer, bare);
    }
    return connection;
  }
}
