import { createHash } from 'node:crypto';
import { addressGroup, machineOf, readMultiaddr, scopeOf } from './addresses.js';
import { type BookEntry, isTerrible } from './bookEntry.js';

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

/**
 * Where the entries of a peer book lie: in buckets that a secret decides, so that one source fills only its share of
 * those heard of and one address group its share of those reached; and few at one endpoint or on one machine.
 */
export class BookTables {
  /** The secret that places entries, hex. */
  readonly key: string;
  readonly #entries = new Map<string, BookEntry>();
  readonly #buckets = {
    fresh: new Map<number, Set<string>>(),
    tried: new Map<number, Set<string>>(),
  };
  readonly #endpoints = new Map<string, number>();
  readonly #machines = new Map<string, number>();
  readonly #now: () => number;

  /** @param now milliseconds since 1970 */
  constructor(key: string, now: () => number) {
    this.key = key;
    this.#now = now;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(peer: string): BookEntry | undefined {
    return this.#entries.get(peer);
  }

  /** All entries, in the order in which they came. */
  entries(): BookEntry[] {
    return [...this.#entries.values()];
  }

  /** Changes what decides where an entry lies; where there is no room for it, it stays what it was. */
  move(entry: BookEntry, change: Pick<BookEntry, 'addresses' | 'tried'>): void {
    const { addresses, tried } = entry;
    this.remove(entry);
    Object.assign(entry, change);
    if (!this.place(entry)) this.place(Object.assign(entry, { addresses, tried }));
  }

  /** Puts an entry where it belongs. @returns whether there was room for it */
  place(entry: BookEntry): boolean {
    if (this.#entries.has(entry.peer) || !this.#hasRoomAt(entry)) return false;
    const { table, bucket } = this.#bucketOf(entry);
    if (bucket.size >= TABLES[table].size && !this.#makeRoom(bucket, entry)) return false;
    bucket.add(entry.peer);
    this.#entries.set(entry.peer, entry);
    this.#count(entry, 1);
    return true;
  }

  /** Takes an entry out. */
  remove(entry: BookEntry): void {
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
    this.remove(leaving);
    if (!terrible) this.place(Object.assign(leaving, { tried: false }));
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
      this.remove(this.#entries.get(absent.peer)!);
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
      .update(JSON.stringify([this.key, ...parts]))
      .digest();
    return digest.readUInt32LE(0);
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
