import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { toBase64 } from '../../base/index.js';
import { addressGroup, readMultiaddr } from './addresses.js';
import { BookTables, groupOf } from './BookTables.js';
import {
  type BookEntry,
  boundedServices,
  decodeBook,
  isTerrible,
  MAX_ADDRESSES,
  nextTry,
  type Origin,
  type SavedBook,
} from './bookEntry.js';
import { SavedFile } from './SavedFile.js';

/** What a peer book needs. */
export interface PeerBookOptions {
  /** Folder that `peers.json` lies in. */
  readonly folder: string;
  readonly onWarning: (message: string) => void;
  /** Milliseconds since 1970; `Date.now` unless stated. */
  readonly now?: () => number;
}

/** A peer that somebody told of, or that was met. */
export interface Heard {
  readonly peer: string;
  /** Multiaddrs without `/p2p/ID`. */
  readonly addresses: readonly string[];
  readonly record?: Uint8Array;
  /** The record's number. */
  readonly sequence?: number;
  readonly origin: Origin;
  /** Group of whoever told of it. */
  readonly source: string;
}

const MAX_BYTES = 16_000_000;
const SAVE_DELAY = 30_000;

/**
 * The peers that a node knows, over restarts, bounded and in two tables: heard of, and reached. What one source says
 * can only fill its share of the first, and one address group its share of the second, whoever says it; a flood of
 * addresses so leaves the rest as it was (Heilman et al., Eclipse Attacks on Bitcoin's Peer-to-Peer Network, 2015).
 */
export class PeerBook {
  /** Peers to go back to first after a restart. */
  anchors: readonly string[] = [];
  readonly #tables: BookTables;
  readonly #now: () => number;
  readonly #file: SavedFile<SavedBook>;

  constructor({ folder, onWarning, now = Date.now }: PeerBookOptions) {
    this.#now = now;
    this.#file = new SavedFile<SavedBook>({
      path: join(folder, 'peers.json'),
      maxBytes: MAX_BYTES,
      delay: SAVE_DELAY,
      onWarning,
      decode: decodeBook,
      encode: () => this.#saved(),
    });
    const saved = this.#file.load();
    this.#tables = new BookTables(saved?.key ?? randomBytes(16).toString('hex'), now);
    this.anchors = saved?.anchors ?? [];
    for (const entry of saved?.entries ?? []) this.#tables.place(entry);
  }

  get size(): number {
    return this.#tables.size;
  }

  get(peer: string): Readonly<BookEntry> | undefined {
    return this.#tables.get(peer);
  }

  /** All entries, in the order in which they came. */
  entries(): Readonly<BookEntry>[] {
    return this.#tables.entries();
  }

  /** Takes in what was heard of a peer. Returns whether something was new. */
  hear(heard: Heard): boolean {
    const addresses = heard.addresses.slice(0, MAX_ADDRESSES);
    if (addresses.length === 0) return false;
    const known = this.#tables.get(heard.peer);
    if (known) return this.#update(known, heard, addresses);
    const { peer, record, sequence = 0, origin, source } = heard;
    const now = this.#now();
    const isNew = this.#tables.place({
      peer,
      addresses,
      record: record && toBase64(record),
      sequence,
      origin,
      source,
      lastSeen: sequence === 0 ? now : Math.min(sequence, now),
      lastTried: 0,
      lastSuccess: 0,
      failures: 0,
      services: [],
      tried: false,
    });
    if (isNew) this.#file.changed();
    return isNew;
  }

  /** Says that a dial begins, so that none follows too soon. */
  trying(peer: string): void {
    const entry = this.#tables.get(peer);
    if (entry) entry.lastTried = this.#now();
  }

  failed(peer: string): void {
    const entry = this.#tables.get(peer);
    if (!entry) return;
    entry.failures++;
    this.#file.changed();
  }

  /** A dial reached the peer at an address, which is tried first from now on; it moves to the table of those reached. */
  reached(peer: string, address: string): void {
    const entry = this.#tables.get(peer);
    if (!entry) return;
    const now = this.#now();
    Object.assign(entry, { failures: 0, lastSuccess: now, lastSeen: now });
    const rest = entry.addresses.filter((each) => each !== address);
    this.#tables.move(entry, {
      addresses: [address, ...rest].slice(0, MAX_ADDRESSES),
      tried: true,
    });
    this.#file.changed();
  }

  /** A connected peer is still there. */
  seen(peer: string, services: readonly string[]): void {
    const entry = this.#tables.get(peer);
    if (!entry) return;
    entry.lastSeen = this.#now();
    if (services.length > 0) entry.services = boundedServices(services);
    this.#file.changed();
  }

  forget(peer: string): void {
    const entry = this.#tables.get(peer);
    if (!entry) return;
    this.#tables.remove(entry);
    this.#file.changed();
  }

  /**
   * A peer to dial, at random: from either table as often, so that a flood of those heard of doesn't crowd out those
   * reached. Undefined where none may be tried yet.
   */
  choose(
    isWanted: (entry: Readonly<BookEntry>) => boolean,
    onlyFresh = false,
  ): BookEntry | undefined {
    const now = this.#now();
    const may = (entry: BookEntry): boolean => nextTry(entry) <= now && isWanted(entry);
    const candidates = this.#tables.entries().filter(may);
    const fresh = candidates.filter((entry) => !entry.tried);
    const tried = onlyFresh ? [] : candidates.filter((entry) => entry.tried);
    const from = tried.length === 0 || (fresh.length > 0 && Math.random() < 0.5) ? fresh : tried;
    return from[Math.floor(Math.random() * from.length)];
  }

  /** Peers that are not given up, at random. */
  sample(count: number, isWanted: (entry: Readonly<BookEntry>) => boolean): Readonly<BookEntry>[] {
    const now = this.#now();
    const good = this.#tables
      .entries()
      .filter((entry) => !isTerrible(entry, now) && isWanted(entry));
    // the first of a shuffle (Fisher and Yates)
    for (let i = 0; i < Math.min(count, good.length); i++) {
      const j = i + Math.floor(Math.random() * (good.length - i));
      [good[i], good[j]] = [good[j]!, good[i]!];
    }
    return good.slice(0, count);
  }

  /** Writes everything out. */
  close(anchors: readonly string[]): void {
    this.anchors = anchors;
    this.#file.save();
  }

  #update(entry: BookEntry, heard: Heard, addresses: string[]): boolean {
    const { record, sequence = 0 } = heard;
    if (!record || sequence <= entry.sequence) return false;
    const isMoved = addressGroup(readMultiaddr(addresses[0]!)!) !== groupOf(entry);
    entry.record = toBase64(record);
    entry.sequence = sequence;
    entry.lastSeen = Math.max(entry.lastSeen, Math.min(sequence, this.#now()));
    // that it was reached says nothing of where it says it is now
    this.#tables.move(entry, { addresses, tried: entry.tried && !isMoved });
    this.#file.changed();
    return true;
  }

  #saved(): SavedBook {
    const entries = this.#tables.entries();
    return { format: 1, key: this.#tables.key, anchors: this.anchors, entries };
  }
}
