import type { Host, PeerConnection, PeerId, Transfer } from './host/Host.js';
import { hostAndPort, readMultiaddr } from './peers/addresses.js';
import type { Penalties } from './peers/offences.js';
import type { Peers } from './peers/Peers.js';

/** A protocol of this program; those of the library beneath have longer versions. */
const OWN_PROTOCOL = /^[a-z-]+\/\d+$/;

/** What a part of the network knows of a connected peer. */
export interface PeerFacts {
  /** Height of its tip. */
  readonly height?: number;
  /** Height of the last header that we have in common. */
  readonly headers?: number;
  /** What it calls itself. */
  readonly version?: string;
  /** Seconds that its clock is ahead of ours, as it says. */
  readonly clockOffset?: number;
}

/** A part of the network: it registers its protocols when it is made, and ends with {@link close}. */
export interface NetworkFeature {
  close(): Promise<void> | void;
  /** What it knows of a connected peer; of several parts, the first one's word counts. */
  aboutPeer?(peer: PeerId): PeerFacts | undefined;
  /** What it shows in `node status`: JSON, by names that no other part has. */
  status?(): Readonly<Record<string, unknown>>;
}

/** A connected peer, as it is shown. */
export interface ShownPeer extends PeerFacts {
  /** Number in the order in which the peers came. */
  readonly number: number;
  readonly peer: PeerId;
  /** `host:port` at the other end. */
  readonly address: string;
  readonly direction: 'inbound' | 'outbound';
  readonly isRelayed: boolean;
  /** Protocols that it speaks. */
  readonly services: readonly string[];
  /** Last and least round-trip time in milliseconds; undefined while it was not measured. */
  readonly latency: number | undefined;
  readonly leastLatency: number | undefined;
  /** Bytes over the connections that are open. */
  readonly transfer: Transfer;
  /** Points held against it, of 100. */
  readonly score: number;
  /** Milliseconds since 1970. */
  readonly connectedAt: number;
  /** Whether its address was given by the operator. */
  readonly isFixed: boolean;
}

/** The parts of a network, in the order in which they are made. */
export type NetworkParts = Readonly<Record<string, NetworkFeature | undefined>>;

/** A node's place among others: its host and peers, and the parts that work on them. */
export class Network<Parts extends NetworkParts = NetworkParts> {
  readonly peers: Peers;
  readonly parts: Parts;
  /** Port of nodes whose address names none. */
  readonly p2pPort: number;

  constructor(peers: Peers, parts: Parts, p2pPort: number) {
    this.peers = peers;
    this.parts = parts;
    this.p2pPort = p2pPort;
  }

  get host(): Host {
    return this.peers.host;
  }

  get penalties(): Penalties {
    return this.peers.penalties;
  }

  /** The connected peers, one entry each, those that came first before the others. */
  list(): ShownPeer[] {
    const first = new Map<PeerId, PeerConnection>();
    for (const connection of this.host.connections()) {
      if (!first.has(connection.peer)) first.set(connection.peer, connection);
    }
    const shown = [...first.values()].map((connection) => this.#shown(connection));
    return shown.sort((a, b) => a.number - b.number);
  }

  /** What all parts show of themselves. */
  status(): Record<string, unknown> {
    return Object.assign({}, ...this.#features().map((part) => part.status?.() ?? {}));
  }

  /** Ends the parts, the last made first, then all connections. */
  async close(): Promise<void> {
    for (const part of this.#features().reverse()) await part.close();
    await this.peers.close();
  }

  #features(): NetworkFeature[] {
    return Object.values(this.parts).filter((part) => part !== undefined);
  }

  #shown({ peer, address, direction, isRelayed, openedAt }: PeerConnection): ShownPeer {
    const { host, peers } = this;
    const at = readMultiaddr(address);
    const latency = peers.latency.of(peer);
    const facts = this.#features()
      .map((feature) => feature.aboutPeer?.(peer) ?? {})
      .reverse();
    return {
      ...Object.assign({}, ...facts),
      number: peers.numberOf(peer),
      peer,
      address: at ? hostAndPort(at) : address,
      direction,
      isRelayed,
      services: host.protocolsOf(peer).filter((name) => OWN_PROTOCOL.test(name)),
      latency: latency?.last,
      leastLatency: latency?.least,
      transfer: host.traffic(peer),
      score: Math.round(peers.scores.scoreOf(peer)),
      connectedAt: openedAt,
      isFixed: peers.dialler.fixed().some((fixed) => fixed.peer === peer),
    };
  }
}
