import type { Gate, PeerConnection, PeerId } from '../host/Host.js';
import { RateLimit } from '../limits/RateLimit.js';
import { addressGroup, machineOf, readMultiaddr, scopeOf, type TcpAddress } from './addresses.js';
import type { BanList } from './BanList.js';
import { Names } from './Names.js';

/** What a gate needs. */
export interface PeerGateOptions {
  readonly bans: BanList;
  /** Most peers that connect to this node. */
  readonly maxInbound: number;
  /** Looks up names in addresses that are dialled; this machine's resolver unless stated. */
  readonly names?: Names;
}

/** The connections that a gate weighs; a host has them. */
export interface Connected {
  readonly id: PeerId;
  connections(): PeerConnection[];
  disconnect(peer: PeerId): Promise<void>;
}

/** New connections that one machine may make: enough for many nodes behind one router that start at once. */
const ARRIVALS = { perSecond: 0.5, burst: 20 };
/** This machine's own programs all come from one address. */
const OWN_ARRIVALS = { perSecond: 50, burst: 500 };

/**
 * Who may connect: nobody who is banned, no machine too often, and no more than there is room for. When it is full, a
 * newcomer from elsewhere takes the place of the latest from the address group that has most places, so that whoever
 * has many addresses of few groups can't keep the others out.
 */
export class PeerGate implements Gate {
  readonly #options: PeerGateOptions;
  readonly #arrivals = new RateLimit(ARRIVALS);
  readonly #ownArrivals = new RateLimit(OWN_ARRIVALS);
  /** Peers that were asked to dial back, each with how often. */
  readonly #expected = new Map<PeerId, number>();
  readonly #names: Names;
  #host: Connected | undefined;
  /** Whether connections are made at all (`setnetworkactive`). */
  isActive = true;
  /** Multiaddrs that alone may be dialled, by whatever part of the node; undefined for all. */
  only: (() => readonly string[]) | undefined;

  constructor(options: PeerGateOptions) {
    this.#options = options;
    this.#names = options.names ?? new Names();
  }

  /** Says whose connections these are, once there is a host. */
  guard(host: Connected): void {
    this.#host = host;
  }

  /** Lets a connected peer in though there is no room, as it was asked to dial back. Returns what ends that. */
  expect(peer: PeerId): () => void {
    this.#expected.set(peer, (this.#expected.get(peer) ?? 0) + 1);
    return () => {
      const left = (this.#expected.get(peer) ?? 1) - 1;
      if (left === 0) this.#expected.delete(peer);
      else this.#expected.set(peer, left);
    };
  }

  allowsAddress(address: string, direction: 'inbound' | 'outbound'): boolean {
    if (!this.isActive) return false;
    const at = readMultiaddr(address);
    // what is no TCP address, the host judges
    if (!at || at.isName) return true;
    if (!at.isRelayed && this.#options.bans.hasHost(at.host)) return false;
    if (direction === 'outbound') return true;
    const limit = scopeOf(at.host) === 'loopback' ? this.#ownArrivals : this.#arrivals;
    if (!limit.take(machineOf(at.host))) return false;
    return this.#hasRoomFor(addressOfGroup(address)) || this.#isExpected(at.host);
  }

  resolve(address: string): Promise<string[]> {
    return this.#names.resolve(address);
  }

  allowsDial(address: string): boolean {
    const asked = readMultiaddr(address);
    if (this.only === undefined) return true;
    return (
      asked !== undefined && this.only().some((named) => isSamePlace(readMultiaddr(named), asked))
    );
  }

  allowsPeer(peer: PeerId, direction: 'inbound' | 'outbound'): boolean {
    if (!this.isActive || peer === this.#host?.id || this.#options.bans.hasPeer(peer)) return false;
    if (direction === 'outbound') return true;
    if (this.#expected.has(peer)) return true;
    return this.#inbound().length < this.#options.maxInbound || this.#evict();
  }

  #isExpected(host: string): boolean {
    const all = this.#expected.size === 0 ? [] : (this.#host?.connections() ?? []);
    return all.some(
      ({ peer, address }) => this.#expected.has(peer) && readMultiaddr(address)?.host === host,
    );
  }

  #inbound(): PeerConnection[] {
    const all = this.#host?.connections() ?? [];
    return all.filter(({ direction }) => direction === 'inbound');
  }

  #hasRoomFor(group: string): boolean {
    const inbound = this.#inbound();
    return inbound.length < this.#options.maxInbound || largestGroup(inbound).group !== group;
  }

  /** Ends the connection whose place a newcomer takes; false when all groups have one place each. */
  #evict(): boolean {
    const { latest, count } = largestGroup(this.#inbound());
    if (!latest || count < 2) return false;
    // whoever can't be disconnected has gone by itself
    this.#host?.disconnect(latest.peer).catch(() => undefined);
    return true;
  }
}

/** Whether an address is the one that was named, of the peer that was named if any. */
function isSamePlace(named: TcpAddress | undefined, asked: TcpAddress): boolean {
  if (named?.host !== asked.host || named.port !== asked.port) return false;
  if (named.isRelayed !== asked.isRelayed) return false;
  // through a relay the peer is the place
  return named.peer === asked.peer || (!named.isRelayed && !(named.peer && asked.peer));
}

/** The group that an inbound connection counts for; the port it came from says nothing. */
function addressOfGroup(address: string): string {
  const at = readMultiaddr(address);
  if (!at) return 'unknown';
  if (at.isRelayed) return 'relayed';
  return addressGroup({ ...at, port: 0 });
}

/** The group with the most connections, and its latest one. */
function largestGroup(connections: readonly PeerConnection[]): {
  group: string | undefined;
  count: number;
  latest: PeerConnection | undefined;
} {
  const groups = new Map<string, PeerConnection[]>();
  for (const connection of connections) {
    const group = addressOfGroup(connection.address);
    const members = groups.get(group);
    if (members) members.push(connection);
    else groups.set(group, [connection]);
  }
  let group: string | undefined;
  let members: PeerConnection[] = [];
  for (const [name, each] of groups)
    if (each.length > members.length) [group, members] = [name, each];
  const latest = members.reduce<PeerConnection | undefined>(
    (a, b) => (a && a.openedAt > b.openedAt ? a : b),
    undefined,
  );
  return { group, count: members.length, latest };
}
