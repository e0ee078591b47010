import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type CircuitRelayServerComponents,
  type CircuitRelayService,
  type CircuitRelayTransportComponents,
  circuitRelayServer,
  circuitRelayTransport,
  RELAY_V2_HOP_CODEC,
  RELAY_V2_STOP_CODEC,
} from '@libp2p/circuit-relay-v2';
import type { Connection, Stream, Topology, Transport } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';

/** Most nodes that nobody can dial for which one relay keeps a place. */
const RELAY_PLACES = 64;
/** Bytes and milliseconds after which a relay ends a relayed connection; both ends make a new one as they need it. */
const RELAY_BYTES = 1024n * 1024n * 1024n;
const RELAY_DURATION = 2 * 60 * 60_000;
/** Relays at which a node that nobody can dial keeps a place. */
const RELAYS_WANTED = 2;

/** Bytes under way through a relay, per direction, at which it stops reading, and at which it goes on. */
const MOST_QUEUED = 1024 * 1024;
const FEW_QUEUED = 256 * 1024;
/** Milliseconds between looks whether there are relays enough. */
const LOOK_INTERVAL = 5_000;

/** What {@link Relays.look} needs of the host. */
export interface RelayHousehold {
  addresses(): string[];
  open(): Iterable<Connection>;
  /** Whether a peer said that it speaks a protocol. */
  speaks(peer: string, protocol: string): boolean;
  /** Dials an address; failing is no matter. */
  dial(address: string): Promise<unknown>;
}

type ServerRegistrar = CircuitRelayServerComponents['registrar'];
type Handle = ServerRegistrar['handle'];
type Events = CircuitRelayTransportComponents['events'];

/** Relays at which places are wanted: `later`, as `auto`, but only from when it is said to {@link Relays.want}. */
export type RelaysWanted = 'none' | 'auto' | 'later' | readonly string[];

/** A place at whatever relay there is, as often as wanted, as addresses to listen on. */
const PLACES = Array<string>(RELAYS_WANTED).fill('/p2p-circuit');

/**
 * Circuit relay v2 (libp2p specs, relay/circuit-v2.md), both as one that passes on and as one that is passed on to.
 * The library passes on without backpressure, reserves a place only when a relay connects, takes relayed connections
 * from any peer, and neither gives a place back nor ends its service; all of that is mended here, from outside.
 */
export class Relays {
  readonly #wanted: RelaysWanted;
  readonly #topologies = new Set<Topology>();
  readonly #source = new AsyncLocalStorage<Stream>();
  /** What the library does where a connection is gone: it lets go of the place at that relay. */
  readonly #onGone = new Set<(event: CustomEvent<Connection>) => void>();
  #household: RelayHousehold | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isWanted: boolean;
  #listens: boolean;
  /** Begins to listen for places. */
  #beginListening: () => Promise<void> = () => Promise.resolve();
  /** Begins and ends the service for others. */
  #beginService: () => Promise<void> = () => Promise.resolve();
  #endService: () => Promise<void> = () => Promise.resolve();
  #serves = true;

  constructor(wanted: RelaysWanted) {
    this.#wanted = wanted;
    this.#isWanted = wanted !== 'none' && wanted !== 'later';
    this.#listens = this.#isWanted;
  }

  /** Addresses to listen on from the start. */
  get listen(): readonly string[] {
    return this.#isWanted ? PLACES : [];
  }

  /** Dials and listens through relays. */
  transport(): (components: CircuitRelayTransportComponents) => Transport {
    const make = circuitRelayTransport({ maxInboundStopStreams: 256, maxOutboundStopStreams: 256 });
    return (components) => {
      const { registrar, events, peerStore, transportManager } = components;
      this.#beginListening = () => transportManager.listen(PLACES.map((text) => multiaddr(text)));
      const handle: Handle = (protocol, handler, options) =>
        registrar.handle(
          protocol,
          (stream, connection) => {
            const isKnown = protocol !== RELAY_V2_STOP_CODEC || this.#hasPlaceAt(connection);
            if (isKnown) return handler(stream, connection);
            stream.abort(new Error('this node has no place at that relay'));
          },
          options,
        );
      const register: ServerRegistrar['register'] = (protocol, topology) => {
        if (protocol !== RELAY_V2_HOP_CODEC) return registrar.register(protocol, topology);
        this.#topologies.add(topology);
        const onConnect: Topology['onConnect'] = (...found) => {
          if (this.#isWanted) return topology.onConnect?.(...found);
        };
        return registrar.register(protocol, overlay(topology, { onConnect }));
      };
      const addEventListener = (
        type: string,
        listener: (event: CustomEvent) => void,
        ...rest: []
      ): void => {
        if (type === 'connection:close') this.#onGone.add(listener);
        events.addEventListener(type as 'connection:close', listener, ...rest);
      };
      // the library searches here for relays whenever it lost one
      const all: typeof peerStore.all = async (query) =>
        this.#isWanted ? peerStore.all(query) : [];
      return make(
        overlay(components, {
          registrar: overlay(registrar, { handle, register }),
          events: overlay(events, {
            addEventListener: addEventListener as Events['addEventListener'],
          }),
          peerStore: overlay(peerStore, { all }),
        }),
      );
    };
  }

  /** Passes on for others. */
  server(): (components: CircuitRelayServerComponents) => CircuitRelayService {
    const make = circuitRelayServer({
      maxInboundHopStreams: 256,
      maxOutboundHopStreams: 256,
      maxOutboundStopStreams: 256,
      hopTimeout: 10_000,
      reservations: {
        maxReservations: RELAY_PLACES,
        defaultDataLimit: RELAY_BYTES,
        defaultDurationLimit: RELAY_DURATION,
      },
    });
    return (components) => {
      const { registrar, connectionManager } = components;
      const handle: Handle = (protocol, handler, options) => {
        this.#endService = () => registrar.unhandle(protocol);
        this.#beginService = () =>
          registrar.handle(
            protocol,
            (stream, connection) => this.#source.run(stream, () => handler(stream, connection)),
            options,
          );
        return this.#beginService();
      };
      const getConnections: typeof connectionManager.getConnections = (peer) =>
        connectionManager.getConnections(peer).map((connection) => this.#paired(connection));
      return make(
        overlay(components, {
          registrar: overlay(registrar, { handle }),
          connectionManager: overlay(connectionManager, { getConnections }),
        }),
      );
    };
  }

  /** Begins or ends having places at relays, where they are had later; what is under way at the old ones goes on. */
  async want(isWanted: boolean): Promise<void> {
    if (this.#wanted !== 'later' || this.#isWanted === isWanted) return;
    this.#isWanted = isWanted;
    if (isWanted && !this.#listens) {
      this.#listens = true;
      await this.#beginListening();
    }
    this.#look();
  }

  /** Begins or ends passing on for others, where it does at all; what is passed on already goes on. */
  async serve(isServing: boolean): Promise<void> {
    if (this.#serves === isServing) return;
    this.#serves = isServing;
    await (isServing ? this.#beginService() : this.#endService());
  }

  /** Relays at which there are places. */
  places(): string[] {
    const addresses = this.#household?.addresses() ?? [];
    const relays = addresses.map((address) => /\/p2p\/([^/]+)\/p2p-circuit/.exec(address)?.[1]);
    return [...new Set(relays.filter((relay) => relay !== undefined))];
  }

  /** Begins to see to it that there are relays enough. */
  start(household: RelayHousehold): void {
    this.#household = household;
    if (this.#wanted === 'none') return;
    this.#look();
    this.#timer = setInterval(() => this.#look(), LOOK_INTERVAL);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const household = this.#household;
    if (household === undefined) return;
    const relays = new Set(this.places());
    if (!this.#isWanted) {
      this.#giveBack(relays);
      return;
    }
    if (relays.size >= RELAYS_WANTED) return;
    if (typeof this.#wanted !== 'string') {
      for (const address of this.#wanted) void household.dial(address).catch(() => {});
    }
    for (const connection of household.open()) {
      const peer = connection.remotePeer.toString();
      if (!connection.direct || relays.has(peer)) continue;
      if (!household.speaks(peer, RELAY_V2_HOP_CODEC)) continue;
      for (const topology of this.#topologies) {
        const told = topology.onConnect?.(connection.remotePeer, connection);
        void Promise.resolve(told).catch(() => {});
      }
    }
  }

  /** Lets the library believe that the connections to relays are gone: it knows no other way to leave one. */
  #giveBack(relays: ReadonlySet<string>): void {
    if (relays.size === 0) return;
    for (const connection of this.#household!.open()) {
      if (!relays.has(connection.remotePeer.toString())) continue;
      const gone = new CustomEvent('connection:close', { detail: connection });
      for (const tell of this.#onGone) tell(gone);
    }
  }

  #hasPlaceAt({ remotePeer }: Connection): boolean {
    const place = `/p2p/${remotePeer.toString()}/p2p-circuit`;
    return this.#household?.addresses().some((address) => address.includes(place)) ?? false;
  }

  /** A connection whose new streams are joined in pace with the stream on whose behalf they are opened. */
  #paired(connection: Connection): Connection {
    const newStream: Connection['newStream'] = async (protocols, options) => {
      const source = this.#source.getStore();
      const stream = await connection.newStream(protocols, options);
      if (source !== undefined) {
        keepPace(source, stream);
        keepPace(stream, source);
      }
      return stream;
    };
    return overlay(connection, { newStream });
  }
}

/** Stops reading from one stream while what came from it can't go on to the other. */
function keepPace(from: Stream, to: Stream): void {
  let queued = 0;
  let isHeld = false;
  const hold = (shouldHold: boolean): void => {
    if (isHeld === shouldHold) return;
    isHeld = shouldHold;
    try {
      if (isHeld) from.pause();
      else from.resume();
    } catch {
      // a stream that ends just now can be neither held up nor let go, and need not be
    }
  };
  from.addEventListener('message', ({ data }) => {
    queued += data.byteLength;
    if (queued >= MOST_QUEUED) hold(true);
  });
  const send = to.send.bind(to);
  to.send = (data) => {
    queued = Math.max(0, queued - data.byteLength);
    const hasRoom = send(data);
    if (queued <= FEW_QUEUED) hold(false);
    return hasRoom;
  };
}

/** An object with some of its members exchanged; the others, private ones too, work on the object itself. */
function overlay<T extends object>(target: T, changes: Partial<T>): T {
  return new Proxy(target, {
    get: (_, property) => {
      const changed: unknown = Reflect.get(changes, property);
      if (changed !== undefined) return changed;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
