import {
  type GossipSub,
  type GossipSubComponents,
  gossipsub,
  type Message,
  TopicValidatorResult,
} from '@libp2p/gossipsub';
import type { Connection, PeerId as Libp2pPeerId, Stream, Topology } from '@libp2p/interface';
import { BitmodelError, sha256, utf8 } from '../../base/index.js';
import type { GossipVerdict, PeerId, Topic, WireOffence } from './Host.js';
import { LengthScanner } from './LengthScanner.js';

/** Most bytes of one bundle of gossip (several messages and control); longer ones end the stream unread. */
const MAX_GOSSIP = 16 * 1024 * 1024;
/** Messages of one neighbour that may be looked at at once; at the first number it is held up, at the second let go. */
const MOST_AT_ONCE = 64;
const FEW = 32;
/** Milliseconds between looks for neighbours to whom no gossip stream is open. */
const MEND_INTERVAL = 5_000;

const VERDICTS: Record<GossipVerdict, TopicValidatorResult> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
  blamed: TopicValidatorResult.Reject,
};

interface Neighbour {
  stream: Stream;
  atWork: number;
  isHeld: boolean;
}

type Registrar = GossipSubComponents['registrar'];

/** What the router tells of itself beside what its interface names. */
type Router = GossipSub & { getMeshPeers(topic: string): string[] };

/**
 * Gossipsub (libp2p specs, pubsub/gossipsub v1.2) with our topics: message ids are SHA-256 of topic and bytes, so that
 * what is said on one topic never hides the same bytes on another; messages are looked at before anybody else gets them;
 * a neighbour that sends faster than its messages can be looked at is held up.
 */
export class Gossip {
  readonly #prefix: string;
  readonly #report: (peer: PeerId, offence: WireOffence) => void;
  readonly #topics = new Map<string, Topic>();
  readonly #neighbours = new Map<PeerId, Neighbour>();
  readonly #topologies = new Set<Topology>();
  #pubsub: Router | undefined;
  #mending: NodeJS.Timeout | undefined;

  constructor(prefix: string, report: (peer: PeerId, offence: WireOffence) => void) {
    this.#prefix = prefix;
    this.#report = report;
  }

  /** The service as libp2p takes it. */
  service(isMain: boolean): (components: GossipSubComponents) => GossipSub {
    const make = gossipsub({
      globalSignaturePolicy: 'StrictNoSign',
      allowPublishToZeroTopicPeers: true,
      ignoreDuplicatePublishError: true,
      fallbackToFloodsub: false,
      tagMeshPeers: false,
      doPX: false,
      maxInboundStreams: 4,
      maxOutboundStreams: 4,
      maxInboundDataLength: MAX_GOSSIP,
      maxOutboundBufferSize: 2 * MAX_GOSSIP,
      maxTopicBytesPerPeer: 64 * 1024,
      decodeRpcLimits: {
        maxSubscriptions: 128,
        maxMessages: 10_000,
        maxControlMessages: 1_024,
        maxIhaveMessageIDs: 5_000,
        maxIwantMessageIDs: 5_000,
        maxIdontwantMessageIDs: 512,
        maxPeerInfos: 0,
      },
      msgIdFn: (message: Message) => messageId(message.topic, message.data),
      dataTransform: {
        inboundTransform: (topic: string, data: Uint8Array) => this.#admit(topic, data),
        outboundTransform: (_topic: string, data: Uint8Array) => data,
      },
      // many nodes on one machine or behind one address are usual off the main network; broken promises count little,
      // because a busy machine breaks some in good faith (real offences are counted by whoever listens to the host)
      scoreParams: { IPColocationFactorWeight: isMain ? -5 : 0, behaviourPenaltyWeight: -0.1 },
    });
    return (components) => {
      this.#pubsub = make({
        ...picked(components),
        registrar: this.#watched(components.registrar),
      }) as Router;
      return this.#pubsub;
    };
  }

  join(topic: Topic): void {
    const name = this.#prefix + topic.name;
    this.#topics.set(name, topic);
    this.#pubsub!.topicValidators.set(name, (peer, message) =>
      this.#validate(topic, peer, message),
    );
    this.#pubsub!.subscribe(name);
  }

  /** Peers in the mesh of a topic, which are given what is passed on. */
  neighbours(name: string): PeerId[] {
    return this.#pubsub!.getMeshPeers(this.#prefix + name);
  }

  async publish(name: string, data: Uint8Array): Promise<void> {
    const topic = this.#topics.get(this.#prefix + name);
    if (topic !== undefined && data.length > topic.maxBytes) {
      throw new BitmodelError(
        'MESSAGE_TOO_LARGE',
        `A message of ${data.length} bytes is more than the topic ${name} takes (${topic.maxBytes}).`,
      );
    }
    await this.#pubsub!.publish(this.#prefix + name, data);
  }

  /**
   * Looks every few seconds for neighbours to whom gossip has no way: gossipsub opens its stream once per peer, and
   * doesn't open another when the connection that carried it closes while a second one stays.
   */
  mend(connections: () => Iterable<Connection>): void {
    this.#mending = setInterval(() => {
      const without = new Map<PeerId, Connection>();
      const withStream = new Set<PeerId>();
      for (const connection of connections()) {
        const peer = connection.remotePeer.toString();
        const isOpen = connection.streams.some(
          (stream) => stream.direction === 'outbound' && stream.protocol.startsWith('/meshsub/'),
        );
        if (isOpen) withStream.add(peer);
        else if (connection.limits === undefined) without.set(peer, connection);
      }
      for (const [peer, connection] of without)
        if (!withStream.has(peer)) this.#introduce(connection);
    }, MEND_INTERVAL);
    this.#mending.unref();
  }

  close(): void {
    clearInterval(this.#mending);
    this.#neighbours.clear();
  }

  #introduce(connection: Connection): void {
    for (const topology of this.#topologies) {
      if (topology.filter?.has(connection.remotePeer) === false) continue;
      void Promise.resolve(topology.onConnect?.(connection.remotePeer, connection)).catch(() => {});
    }
  }

  /** Unknown topics and messages are dropped before they are kept anywhere; the size is held against its sender later. */
  #admit(topic: string, data: Uint8Array): Uint8Array {
    if (!this.#topics.has(topic)) throw new Error('unknown topic');
    return data;
  }

  async #validate(
    topic: Topic,
    from: Libp2pPeerId,
    message: Message,
  ): Promise<TopicValidatorResult> {
    const peer = from.toString();
    if (message.data.length > topic.maxBytes) {
      this.#report(peer, 'oversized-frame');
      return TopicValidatorResult.Reject;
    }
    this.#count(peer, 1);
    try {
      const verdict = await topic.validate(message.data, peer);
      if (verdict === 'reject') this.#report(peer, 'invalid-gossip');
      return VERDICTS[verdict];
    } finally {
      this.#count(peer, -1);
    }
  }

  #count(peer: PeerId, change: 1 | -1): void {
    const neighbour = this.#neighbours.get(peer);
    if (neighbour === undefined) return;
    neighbour.atWork += change;
    try {
      if (!neighbour.isHeld && neighbour.atWork >= MOST_AT_ONCE) {
        neighbour.isHeld = true;
        neighbour.stream.pause();
      } else if (neighbour.isHeld && neighbour.atWork <= FEW) {
        neighbour.isHeld = false;
        neighbour.stream.resume();
      }
    } catch {
      // a stream that ends just now can be neither held up nor let go, and need not be
    }
  }

  /** The registrar as gossipsub sees it: its inbound streams and its wish to hear of peers pass through here. */
  #watched(registrar: Registrar): Registrar {
    const watched: Pick<Registrar, 'handle' | 'register'> = {
      handle: (protocol, handler, options) =>
        registrar.handle(
          protocol,
          (stream, connection) => {
            const result = handler(stream, connection);
            this.#onStream(connection.remotePeer.toString(), stream);
            return result;
          },
          options,
        ),
      register: (protocol, topology) => {
        this.#topologies.add(topology);
        return registrar.register(protocol, topology);
      },
    };
    return new Proxy(registrar, {
      get: (target, property) => {
        const own = Reflect.get(watched, property);
        if (own !== undefined) return own;
        const value = Reflect.get(target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  #onStream(peer: PeerId, stream: Stream): void {
    this.#neighbours.set(peer, { stream, atWork: 0, isHeld: false });
    const scanner = new LengthScanner(MAX_GOSSIP);
    stream.addEventListener('message', (event) => {
      const chunks = event.data instanceof Uint8Array ? [event.data] : event.data;
      for (const chunk of chunks) {
        if (scanner.scan(chunk)) continue;
        this.#report(peer, 'oversized-frame');
        stream.abort(new Error('a bundle of gossip is too long'));
        return;
      }
    });
    stream.addEventListener('close', () => {
      if (this.#neighbours.get(peer)?.stream === stream) this.#neighbours.delete(peer);
    });
  }
}

function picked(components: GossipSubComponents): Omit<GossipSubComponents, 'registrar'> {
  const { privateKey, peerId, peerStore, connectionManager, logger } = components;
  return { privateKey, peerId, peerStore, connectionManager, logger };
}

function messageId(topic: string, data: Uint8Array): Uint8Array {
  return sha256(utf8(topic), Uint8Array.of(0), data);
}
