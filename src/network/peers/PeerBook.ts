import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { addressGroup, machineOf, readMultiaddr, scopeOf } from './addresses.js';
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

/** Tables as in Bitcoin Core's address manager, an eighth of their size. */
export const TABLES = {
  /** Peers that were only heard of: buckets, how many of them one source can fill, and entries of each. */
  fresh: { buckets: 128, share: 16, size: 32 },
  /** Peers that were reached: buckets, how many of them one address group can fill. */
  tried: { buckets: 32, share: 4, size: 32 },
} as const;
/** Peers kept that say they are at one and the same host and port. */
const MOST_PER_ENDPOINT = 2;
/** Peers kept that say they are on one machine, but for this one and the own network. */
const MOST_PER_MACHINE = 8;
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
  readonly #entries = new Map<string, BookEntry>();
  readonly #buckets = {
    fresh: new Map<number, Set<string>>(),
    tried: new Map<number, Set<string>>(),
  };
  readonly #endpoints = new Map<string, number>();
  readonly #machines = new Map<string, number>();
  readonly #key: string;
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
    this.#key = saved?.key ?? randomBytes(16).toString('hex');
    this.anchors = saved?.anchors ?? [];
    for (const entry of saved?.entries ?? []) this.#place(entry);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(peer: string): Readonly<BookEntry> | undefined {
    return this.#entries.get(peer);
  }

  /** All entries, in the order in which they came. */
  entries(): Readonly<BookEntry>[] {
    return [...this.#entries.values()];
  }

  /** Takes in what was heard of a peer. Returns whether something was new. */
  hear(heard: Heard): boolean {
    const addresses = heard.addresses.slice(0, MAX_ADDRESSES);
    if (addresses.length === 0) return false;
    const known = this.#entries.get(heard.peer);
    if (known) return this.#update(known, heard, addresses);
    const { peer, record, sequence = 0, origin, source } = heard;
    const now = this.#now();
    const isNew = this.#place({
      peer,
      addresses,
      record: record && Buffer.from(record).toString('base64'),
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
    const entry = this.#entries.get(peer);
    if (entry) entry.lastTried = this.#now();
  }

  failed(peer: string): void {
    const entry = this.#entries.get(peer);
    if (!entry) return;
    entry.failures++;
    this.#file.changed();
  }

  /** A dial reached the peer at an address, which is tried first from now on; it moves to the table of those reached. */
  reached(peer: string, address: string): void {
    const entry = this.#entries.get(peer);
    if (!entry) return;
    const now = this.#now();
    Object.assign(entry, { failures: 0, lastSuccess: now, lastSeen: now });
    const rest = entry.addresses.filter((each) => each !== address);
    this.#move(entry, { addresses: [address, ...rest].slice(0, MAX_ADDRESSES), tried: true });
    this.#file.changed();
  }

  /** A connected peer is still there. */
  seen(peer: string, services: readonly string[]): void {
    const entry = this.#entries.get(peer);
    if (!entry) return;
    entry.lastSeen = this.#now();
    if (services.length > 0) entry.services = boundedServices(services);
    this.#file.changed();
  }

  forget(peer: string): void {
    const entry = this.#entries.get(peer);
    if (!entry) return;
    this.#remove(entry);
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
    const candidates = [...this.#entries.values()].filter(may);
    const fresh = candidates.filter((entry) => !entry.tried);
    const tried = onlyFresh ? [] : candidates.filter((entry) => entry.tried);
    const from = tried.length === 0 || (fresh.length > 0 && Math.random() < 0.5) ? fresh : tried;
    return from[Math.floor(Math.random() * from.length)];
  }

  /** Peers that are not given up, at random. */
  sample(count: number, isWanted: (entry: Readonly<BookEntry>) => boolean): Readonly<BookEntry>[] {
    const now = this.#now();
    const good = [...this.#entries.values()].filter(
      (entry) => !isTerrible(entry, now) && isWanted(entry),
    );
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
    entry.record = Buffer.from(record).toString('base64');
    entry.sequence = sequence;
    entry.lastSeen = Math.max(entry.lastSeen, Math.min(sequence, this.#now()));
    // that it was reached says nothing of where it says it is now
    this.#move(entry, { addresses, tried: entry.tried && !isMoved });
    this.#file.changed();
    return true;
  }

  /** Changes what decides where an entry lies; where there is no room for it, it stays what it was. */
  #move(entry: BookEntry, change: Pick<BookEntry, 'addresses' | 'tried'>): void {
    const { addresses, tried } = entry;
    this.#remove(entry);
    Object.assign(entry, change);
    if (!this.#place(entry)) this.#place(Object.assign(entry, { addresses, tried }));
  }

  /** Puts an entry where it belongs, if there is room. */
  #place(entry: BookEntry): boolean {
    if (this.#entries.has(entry.peer) || !this.#hasRoomAt(entry)) return false;
    const { table, bucket } = this.#bucketOf(entry);
    if (bucket.size >= TABLES[table].size && !this.#makeRoom(bucket, entry)) return false;
    bucket.add(entry.peer);
    this.#entries.set(entry.peer, entry);
    this.#count(entry, 1);
    return true;
  }

  #remove(entry: BookEntry): void {
    this.#bucketOf(entry).bucket.delete(entry.peer);
    this.#entries.delete(entry.peer);
    this.#count(entry, -1);
  }

  /**
   * Lets go of an entry that nothing is lost with; one that is good is not displaced by one only heard of. Among those
   * reached, the one longest unseen goes back to the others.
   */
  #makeRoom(bucket: ReadonlySet<string>, { tried }: BookEntry): boolean {
    const now = this.#now();
    const all = [...bucket].map((peer) => this.#entries.get(peer)!);
    const terrible = all.find((entry) => isTerrible(entry, now));
    if (!terrible && !tried) return false;
    const leaving = terrible ?? all.reduce((a, b) => (b.lastSeen < a.lastSeen ? b : a));
    this.#remove(leaving);
    if (!terrible) this.#place(Object.assign(leaving, { tried: false }));
    return true;
  }

  #bucketOf(entry: BookEntry): { table: 'fresh' | 'tried'; bucket: Set<string> } {
    const group = groupOf(entry);
    const table = entry.tried ? 'tried' : 'fresh';
    const { buckets, share } = TABLES[table];
    const within = entry.tried
      ? this.#hash('within', entry.peer) % share
      : this.#hash('within', group, entry.source) % share;
    const owner = entry.tried ? group : entry.source;
    const index = this.#hash(table, owner, String(within)) % buckets;
    const bucket = this.#buckets[table].get(index) ?? new Set();
    this.#buckets[table].set(index, bucket);
    return { table, bucket };
  }

  /**
   * Whether an entry's address is not that of too many others: ids cost nothing, addresses do. One that was not found
   * there makes room.
   */
  #hasRoomAt(entry: BookEntry): boolean {
    const address = readMultiaddr(entry.addresses[0]!)!;
    if (address.isRelayed) return true;
    const endpoint = endpointOf(entry);
    if ((this.#endpoints.get(endpoint) ?? 0) >= MOST_PER_ENDPOINT) {
      const others = this.entries().filter((each) => endpointOf(each) === endpoint);
      const absent = others.find((each) => each.lastSuccess === 0 && each.failures > 0);
      if (!absent) return false;
      this.#remove(this.#entries.get(absent.peer)!);
    }
    if (scopeOf(address.host) === 'loopback') return true;
    return (this.#machines.get(machineOf(address.host)) ?? 0) < MOST_PER_MACHINE;
  }

  #count(entry: BookEntry, by: 1 | -1): void {
    const { host } = readMultiaddr(entry.addresses[0]!)!;
    for (const [counts, key] of [
      [this.#endpoints, endpointOf(entry)],
      [this.#machines, machineOf(host)],
    ] as const) {
      const count = (counts.get(key) ?? 0) + by;
      if (count === 0) counts.delete(key);
      else counts.set(key, count);
    }
  }

  #hash(...parts: readonly string[]): number {
    const digest = createHash('sha256')
      .update(JSON.stringify([this.#key, ...parts]))
      .digest();
    return digest.readUInt32LE(0);
  }

  #saved(): SavedBook {
    const entries = [...this.#entries.values()];
    return { format: 1, key: this.#key, anchors: this.anchors, entries };
  }
}

/** Group of the address that an entry is dialled at first. */
export function groupOf(entry: Pick<BookEntry, 'addresses'>): string {
  return addressGroup(readMultiaddr(entry.addresses[0]!)!);
}

function endpointOf(entry: BookEntry): string {
  const { host, port } = readMultiaddr(entry.addresses[0]!)!;
  return `${host} ${port}`;
}
