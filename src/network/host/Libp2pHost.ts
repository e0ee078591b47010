import './polyfill.js';
import { EventEmitter } from 'node:events';
import type { Connection, Libp2p } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { PeerRecord, RecordEnvelope } from '@libp2p/peer-record';
import type { Ping } from '@libp2p/ping';
import { BitmodelError, EXIT, joinSignals, messageOf } from '../../base/index.js';
import { parseAddress } from './address.js';
import type { Connections } from './Connections.js';
import { closeConnection, withId, within } from './connectionEnds.js';
import type { Gossip } from './Gossip.js';
import type {
  FrameStream,
  Host,
  HostEvents,
  OwnReach,
  PeerConnection,
  PeerId,
  Protocol,
  Topic,
  Transfer,
  WireOffence,
} from './Host.js';
import type { HostLimits, HostOptions } from './HostOptions.js';
import { dialError, forbiddenDial, listenError } from './hostErrors.js';
import { createNode, type NodeParts } from './libp2pNode.js';
import { nodeParts } from './nodeParts.js';
import { Streams } from './Streams.js';

/** Milliseconds until a dial is given up, unless the caller says otherwise. */
const DIAL_TIMEOUT = 10_000;
/** Most own addresses through relays that are told to anybody. */
const MOST_RELAYED = 8;
/** Milliseconds for stopping; what has not ended by then is dropped. */
const CLOSE_TIMEOUT = 5_000;
/** Milliseconds in which the same kind of offence of one peer counts once, where honest peers can be unlucky. */
const LENIENCE: Partial<Record<WireOffence, number>> = { slow: 60_000, 'stream-flood': 5_000 };

/** A {@link Host} made of libp2p. */
export class Libp2pHost extends EventEmitter<HostEvents> implements Host {
  readonly id: PeerId;
  readonly #node: Libp2p<{ ping: Ping }>;
  readonly #parts: NodeParts;
  readonly #limits: HostLimits;
  readonly #connections: Connections;
  readonly #streams: Streams;
  readonly #gossip: Gossip;
  readonly #lenient = new Map<string, number>();
  #closing: Promise<void> | undefined;

  private constructor(node: Libp2p<{ ping: Ping }>, parts: NodeParts) {
    super();
    this.id = node.peerId.toString();
    this.#node = node;
    this.#parts = parts;
    this.#limits = parts.limits;
    this.#gossip = parts.gossip;
    this.#connections = parts.connections;
    this.#streams = new Streams({
      ...parts,
      node,
      offend: (peer, offence) => this.offend(peer, offence),
      warn: (message) => this.emit('warning', message),
    });
  }

  /** @throws BitmodelError `BAD_ADDRESS`, `BAD_NODE_KEY`, `LISTEN_FAILED` */
  static async start(options: HostOptions): Promise<Libp2pHost> {
    let host: Libp2pHost | undefined;
    const parts = await nodeParts(options, (peer, offence) => host?.offend(peer, offence));
    const { gossip, connections } = parts;
    try {
      const node = await createNode(parts);
      host = new Libp2pHost(node, parts);
      host.#listenToNode();
      await node.start();
      gossip.mend(() => connections.open());
      host.#keepRelays();
      return host;
    } catch (cause) {
      await host?.close();
      throw listenError(parts.listen, messageOf(cause), cause);
    }
  }

  addresses(): string[] {
    const addresses = this.#node.getMultiaddrs().map(String);
    const relayed = addresses.filter((address) => address.includes('/p2p-circuit'));
    // a relay says itself under how many addresses it can be reached, and so how many come of it
    const most = new Set(relayed.slice(0, MOST_RELAYED));
    return addresses.filter((address) => !address.includes('/p2p-circuit') || most.has(address));
  }

  connections(): PeerConnection[] {
    return this.#connections.all();
  }

  traffic(peer?: PeerId): Transfer {
    return this.#parts.traffic.of(peer);
  }

  isConnected(peer: PeerId): boolean {
    return this.#connections.to(peer).length > 0;
  }

  async dial(
    address: string,
    options: { readonly timeout?: number; readonly signal?: AbortSignal } = {},
  ): Promise<PeerConnection> {
    return this.#connections.describe(await this.#dial(address, options, false));
  }

  async probe(
    address: string,
    options: { readonly timeout?: number; readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    const before = new Set(this.#connections.open());
    const connection = await this.#dial(address, options, true);
    // a dial that was under way to the same peer may have ended elsewhere
    const isThere = withId(connection).toString() === parseAddress(address).toString();
    if (!isThere) throw dialError(address, new Error('it was reached elsewhere'));
    if (!before.has(connection)) await closeConnection(connection);
  }

  async setReach(reach: OwnReach): Promise<void> {
    const { ownAddresses, relays } = this.#parts;
    ownAddresses.reach = reach;
    this.#tellAddresses();
    if (this.#closing !== undefined) return;
    if (this.#parts.isRelay) await relays.serve(reach.isReachable);
    await relays.want(!reach.isReachable);
  }

  relays(): PeerId[] {
    return this.#parts.relays.places();
  }

  async disconnect(peer: PeerId): Promise<void> {
    await Promise.all(this.#connections.to(peer).map(closeConnection));
  }

  open(peer: PeerId, protocol: Protocol, signal?: AbortSignal): Promise<FrameStream> {
    return this.#streams.open(peer, protocol, signal);
  }

  request(
    peer: PeerId,
    protocol: Protocol,
    frame: Uint8Array,
    options: { readonly timeout?: number; readonly signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    return this.#streams.request(peer, protocol, frame, options);
  }

  handle(protocol: Protocol, handler: (stream: FrameStream) => Promise<void>): void {
    this.#streams.handle(protocol, handler);
  }

  answer(
    protocol: Protocol,
    handler: (frame: Uint8Array, peer: PeerId) => Uint8Array | Promise<Uint8Array>,
  ): void {
    this.#streams.answer(protocol, handler);
  }

  protocolsOf(peer: PeerId): readonly string[] {
    return this.#connections.protocolsOf(peer, this.#parts.prefix);
  }

  join(topic: Topic): void {
    this.#gossip.join(topic);
  }

  neighbours(topic: string): PeerId[] {
    return this.#gossip.neighbours(topic);
  }

  async publish(topic: string, data: Uint8Array): Promise<void> {
    await this.#gossip.publish(topic, data);
  }

  async ping(peer: PeerId): Promise<number> {
    try {
      if (!this.isConnected(peer)) throw new Error('there is no connection');
      return await this.#node.services.ping.ping(peerIdFromString(peer));
    } catch (cause) {
      throw new BitmodelError('PEER_UNREACHABLE', `${peer} does not answer: ${messageOf(cause)}.`, {
        cause,
        exitCode: EXIT.unreachable,
      });
    }
  }

  sign(message: Uint8Array): Promise<Uint8Array> {
    return Promise.resolve(this.#parts.privateKey.sign(message));
  }

  async sealRecord(sequence: number, addresses = this.addresses()): Promise<Uint8Array> {
    const record = new PeerRecord({
      peerId: this.#node.peerId,
      // the record names the peer itself once
      multiaddrs: addresses.map((text) => parseAddress(text.replace(/\/p2p\/[^/]+$/, ''))),
      seqNumber: BigInt(sequence),
    });
    const envelope = await RecordEnvelope.seal(record, this.#parts.privateKey);
    return envelope.marshal();
  }

  close(): Promise<void> {
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  async #dial(
    address: string,
    options: { readonly timeout?: number; readonly signal?: AbortSignal },
    isAnew: boolean,
  ): Promise<Connection> {
    parseAddress(address);
    const { gate } = this.#parts;
    if (gate?.allowsDial?.(address) === false) throw forbiddenDial(address);
    if (this.#connections.count('outbound') >= this.#limits.outbound) {
      // a rule of this node's own, which says nothing of whether anybody is there
      throw new BitmodelError(
        'PEER_REFUSED',
        'There are as many outbound connections as allowed.',
        {
          exitCode: EXIT.notAllowed,
        },
      );
    }
    const timeout = AbortSignal.timeout(options.timeout ?? DIAL_TIMEOUT);
    const { signal, release } = joinSignals(timeout, options.signal);
    try {
      const targets = await within(signal, gate?.resolve?.(address) ?? [address]);
      return await this.#node.dial(targets.map(parseAddress), { signal, force: isAnew });
    } catch (cause) {
      if (cause instanceof BitmodelError) throw cause;
      this.#forgetFailed(address);
      throw dialError(address, cause);
    } finally {
      release();
    }
  }

  async #stop(): Promise<void> {
    this.#gossip.close();
    this.#parts.relays.close();
    this.#streams.close();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_TIMEOUT);
    });
    await Promise.race([Promise.resolve(this.#node.stop()).catch(() => {}), late]);
    clearTimeout(timer);
    for (const connection of this.#connections.open()) connection.abort(new Error('closing'));
    this.#connections.close();
  }

  #keepRelays(): void {
    this.#parts.relays.start({
      addresses: () => this.addresses(),
      open: () => this.#connections.open(),
      speaks: (peer, protocol) => this.#connections.protocolsOf(peer, '').includes(protocol),
      dial: (address) => this.dial(address),
    });
  }

  #listenToNode(): void {
    const node = this.#node;
    this.#connections.on('connect', (connection) => this.emit('connect', connection));
    this.#connections.on('disconnect', (peer) => this.emit('disconnect', peer));
    this.#connections.on('gone', (peer) => void this.#forget(peer));
    node.addEventListener('connection:open', ({ detail }) => this.#connections.add(detail));
    node.addEventListener('connection:close', ({ detail }) => this.#connections.remove(detail));
    node.addEventListener('peer:identify', ({ detail }) =>
      this.#connections.identified(detail.peerId.toString(), detail.protocols),
    );
    node.addEventListener('peer:update', ({ detail }) =>
      this.#connections.updated(detail.peer.id.toString(), detail.peer.protocols),
    );
    node.addEventListener('self:peer:update', () => this.#tellAddresses());
  }

  #told = '';

  #tellAddresses(): void {
    const addresses = this.addresses();
    const told = addresses.join();
    if (told === this.#told) return;
    this.#told = told;
    this.emit('addresses', addresses);
  }

  /** Tells of an offence, but not of each where honest peers can be unlucky. */
  private offend(peer: PeerId, offence: WireOffence): void {
    const lenience = LENIENCE[offence];
    if (lenience !== undefined) {
      const key = `${offence} ${peer}`;
      const now = Date.now();
      if (now - (this.#lenient.get(key) ?? 0) < lenience) return;
      if (this.#lenient.size >= 1_000) this.#lenient.clear();
      this.#lenient.set(key, now);
    }
    this.emit('offence', peer, offence);
  }

  /** Libp2p's own book of peers would grow for ever; whom to remember is decided above. */
  async #forget(peer: PeerId): Promise<void> {
    if (this.isConnected(peer) || this.#closing !== undefined) return;
    try {
      await this.#node.peerStore.delete(peerIdFromString(peer));
    } catch {
      // it was not in the book, or the book is closed
    }
  }

  #forgetFailed(address: string): void {
    const peer = /\/p2p\/([^/]+)$/.exec(address)?.[1];
    if (peer !== undefined) void this.#forget(peer);
  }
}
