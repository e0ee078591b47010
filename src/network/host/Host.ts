import type { EventEmitter } from 'node:events';

/** Names a node on the network: the libp2p peer id of its key, in base58btc (`12D3Koo…`). */
export type PeerId = string;

/** A live connection to a peer. There is one host per node, and at most a few connections per peer. */
export interface PeerConnection {
  readonly peer: PeerId;
  /** The multiaddr at the other end, `/ip4/127.0.0.1/tcp/9732/p2p/12D3Koo…`. */
  readonly address: string;
  readonly direction: 'inbound' | 'outbound';
  /** Milliseconds since 1970. */
  readonly openedAt: number;
  /** Whether another node carries it because one end can't be dialled (circuit relay). */
  readonly isRelayed: boolean;
}

/** Bytes that went over connections, inside their encryption. */
export interface Transfer {
  readonly received: number;
  readonly sent: number;
}

/** A two-way stream of frames: byte strings of known length, each at most as long as its protocol allows. */
export interface FrameStream {
  readonly peer: PeerId;
  /** Sends one frame; settles when there is room for the next, so that a slow reader slows the writer. @throws BitmodelError `STREAM_ENDED` */
  send(frame: Uint8Array): Promise<void>;
  /**
   * The next frame; undefined when the other end has ended its side in an orderly way, or may have done so where it is a
   * stream with a connection of its own.
   * @throws BitmodelError `STREAM_ENDED` on a reset, `STREAM_TIMEOUT` after the protocol's idle time,
   * `FRAME_TOO_LARGE`, which counts against the peer
   */
  receive(): Promise<Uint8Array | undefined>;
  /** Says that no more will be sent; what the other end sends can still be received. */
  end(): Promise<void>;
  /** Drops the stream at once, whatever is under way. */
  abort(): void;
}

/** What is spoken over a kind of stream, and its bounds; they hold before anything is allocated. */
export interface Protocol {
  /** `headers/1`; on the wire the network's name stands before it, so that test and main never mix. */
  readonly name: string;
  /** Most bytes of one frame from the other end. */
  readonly maxFrame: number;
  /** Milliseconds without a byte after which a stream is dropped. */
  readonly idleTimeout: number;
  /** Most streams of this protocol that one peer may hold open towards us at once. */
  readonly streamsPerPeer: number;
  /** Whether it may be spoken over a relayed connection. */
  readonly overRelay?: boolean;
  /**
   * Whether its streams carry much: they get TCP connections of their own to peers that were dialled directly. A reset of
   * one can look like an end between two frames, so what is said over it must show by itself what is missing.
   */
  readonly isBulk?: boolean;
}

/**
 * What becomes of a gossiped message: passed on, kept from others without blame, held against its sender by the host
 * (`invalid-gossip`), or only kept from others because whoever looked at it has held it against its sender.
 */
export type GossipVerdict = 'accept' | 'ignore' | 'reject' | 'blamed';

/** A subject that messages are gossiped about. */
export interface Topic {
  /** `transactions/1`; the network's name stands before it on the wire. */
  readonly name: string;
  /** Longer messages are rejected unread. */
  readonly maxBytes: number;
  /**
   * Looks at a message that is new here, before anybody else gets it. The same bytes are never shown twice within the
   * time that the host remembers (two minutes): a repeat costs one hash.
   * @param from the neighbour that sent it, who need not be who wrote it
   */
  validate(data: Uint8Array, from: PeerId): GossipVerdict | Promise<GossipVerdict>;
}

/** Everything a host tells about its connections. */
export interface HostEvents {
  /** The first connection to a peer was made. */
  connect: [connection: PeerConnection];
  /** The last connection to a peer is gone. */
  disconnect: [peer: PeerId];
  /** A peer broke a rule of the wire: garbage, an oversized frame, an invalid message, too many streams. */
  offence: [peer: PeerId, offence: WireOffence];
  /** The own addresses changed: listening began, a relay was found or lost. */
  addresses: [addresses: readonly string[]];
  /** What answers a protocol failed by a fault of its own; one sentence. */
  warning: [message: string];
}

/** How a peer can break the rules below all protocols. */
export type WireOffence =
  | 'garbage'
  | 'oversized-frame'
  | 'stream-flood'
  | 'invalid-gossip'
  | 'slow';

/** Who may connect; asked before a byte is read from the other side, and again when its identity is proved. */
export interface Gate {
  /** Whether a connection from or to an address (`/ip4/…/tcp/…`) may be made. */
  allowsAddress(address: string, direction: 'inbound' | 'outbound'): boolean;
  /** Whether an address may be dialled, as the dialler names it: before a name in it is looked up. All, unless stated. */
  allowsDial?(address: string): boolean;
  /** The addresses that one with a name in it stands for. @throws BitmodelError where nothing may be dialled */
  resolve?(address: string): Promise<readonly string[]>;
  /** Whether a proved peer may stay. */
  allowsPeer(peer: PeerId, direction: 'inbound' | 'outbound'): boolean;
}

/** What was found out of the own addresses; the host goes by it. */
export interface OwnReach {
  /** Whether others can dial this host; where not, it takes places at relays, if it may, and relays for nobody. */
  readonly isReachable: boolean;
  /** Addresses at which others found this host, beside those it knows of itself. */
  readonly found: readonly string[];
  /** Whether an own address is told to nobody; it ends in `/p2p/ID`. */
  isHidden(address: string): boolean;
}

/**
 * A node's place on the network: encrypted connections, streams of frames, gossip. The only thing the rest of the house
 * knows of the library beneath (libp2p), so that it can be exchanged.
 */
export interface Host extends EventEmitter<HostEvents> {
  readonly id: PeerId;
  /** Addresses under which others can reach this host, each ending in `/p2p/ID`; relayed ones included. */
  addresses(): string[];
  connections(): PeerConnection[];
  isConnected(peer: PeerId): boolean;
  /** Bytes to and from a peer over the connections that are open; of all peers since the start, unless one is named. */
  traffic(peer?: PeerId): Transfer;
  /**
   * Connects to an address that ends in `/p2p/ID`, or to one without, whose peer then proves an id of its own.
   * @throws BitmodelError `DIAL_FAILED`, `BAD_ADDRESS`, `PEER_REFUSED`
   */
  dial(
    address: string,
    options?: { readonly timeout?: number; readonly signal?: AbortSignal },
  ): Promise<PeerConnection>;
  /**
   * Sees whether a peer answers at an address that ends in `/p2p/ID`: connects anew, though there is a connection, and
   * lets go of it at once.
   * @throws BitmodelError `DIAL_FAILED`, `BAD_ADDRESS`, `PEER_REFUSED`
   */
  probe(
    address: string,
    options?: { readonly timeout?: number; readonly signal?: AbortSignal },
  ): Promise<void>;
  /** Says what was found out of the own addresses. */
  setReach(reach: OwnReach): Promise<void>;
  /** Relays at which this host has a place. */
  relays(): PeerId[];
  /** Ends all connections to a peer. */
  disconnect(peer: PeerId): Promise<void>;
  /** Opens a stream to a connected peer. @throws BitmodelError `PEER_UNREACHABLE`, `PROTOCOL_UNSUPPORTED` */
  open(peer: PeerId, protocol: Protocol, signal?: AbortSignal): Promise<FrameStream>;
  /**
   * One frame there, one frame back.
   * @throws BitmodelError as {@link open} and {@link FrameStream}, and `STREAM_TIMEOUT` when no answer comes in time
   */
  request(
    peer: PeerId,
    protocol: Protocol,
    frame: Uint8Array,
    options?: { readonly timeout?: number; readonly signal?: AbortSignal },
  ): Promise<Uint8Array>;
  /** Answers streams of a protocol. What the handler throws ends the stream; what is no BitmodelError is told as `warning`. */
  handle(protocol: Protocol, handler: (stream: FrameStream) => Promise<void>): void;
  /** Answers requests of a protocol: one frame, one answer. */
  answer(
    protocol: Protocol,
    handler: (frame: Uint8Array, peer: PeerId) => Uint8Array | Promise<Uint8Array>,
  ): void;
  /** Protocols that a connected peer said it speaks, without the network's name; empty until it has said so. */
  protocolsOf(peer: PeerId): readonly string[];
  /** Takes part in a topic. */
  join(topic: Topic): void;
  /** Peers to whom this host passes on what it accepts in a topic: a few of those connected, a second or so after both joined. */
  neighbours(topic: string): PeerId[];
  /** Says something to everybody in a topic; what was said within two minutes is not said again. */
  publish(topic: string, data: Uint8Array): Promise<void>;
  /** Round-trip time to a connected peer in milliseconds. @throws BitmodelError `PEER_UNREACHABLE` */
  ping(peer: PeerId): Promise<number>;
  /** Signs bytes with the node's key (Ed25519, 64 bytes); the caller puts a purpose in front, so that they mean one thing. */
  sign(message: Uint8Array): Promise<Uint8Array>;
  /**
   * Own addresses, all unless stated, as a signed peer record (libp2p RFC 0003), to be passed on by others. They take at
   * most `MAX_RECORD_SIZE` bytes, or others refuse them: a dozen fit.
   */
  sealRecord(sequence: number, addresses?: readonly string[]): Promise<Uint8Array>;
  close(): Promise<void>;
}
