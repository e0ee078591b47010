import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { BitmodelError, EXIT, joinSignals, messageOf } from '../../base/index.js';
import type { Connections } from './Connections.js';
import { CHANNEL, Channels } from './channel/Channels.js';
import type { Doorstep } from './channel/Doorstep.js';
import type { FrameStream, PeerId, Protocol, WireOffence } from './Host.js';
import type { HostLimits } from './HostOptions.js';
import { Libp2pStream } from './Libp2pStream.js';
import { StreamSlots } from './StreamSlots.js';
import type { Traffic } from './Traffic.js';

/** Milliseconds for agreeing on a protocol. */
const OPEN_TIMEOUT = 10_000;
/** Milliseconds that a peer has to end its side after ours has ended. */
const LINGER = 5_000;
/** Streams refused in a row to one peer that make an offence: a race of two streams is no flood. */
const REFUSALS = 8;
/** Milliseconds that a channel waits for a slot, and how many times as many as there are slots wait at once. */
const TURN_TIMEOUT = 5_000;
const TURNS = 4;
/** Libp2p's own bound, well above ours, which also tells who breaks it. */
const LIBRARY_BOUND = 10_000;

/** What {@link Streams} go over, and who is told of what. */
export interface StreamsOptions {
  /** `/bitmodel/NETWORK/`, before the name of each protocol. */
  readonly prefix: string;
  readonly node: Libp2p;
  readonly connections: Connections;
  readonly doorstep: Doorstep;
  readonly limits: HostLimits;
  readonly traffic: Traffic;
  readonly offend: (peer: PeerId, offence: WireOffence) => void;
  readonly warn: (message: string) => void;
}

/** Opens and answers streams of our protocols, with the bounds that each protocol states. */
export class Streams {
  readonly #prefix: string;
  readonly #node: Libp2p;
  readonly #connections: Connections;
  readonly #offend: (peer: PeerId, offence: WireOffence) => void;
  readonly #warn: (message: string) => void;
  readonly #inbound = new StreamSlots();
  readonly #outbound = new StreamSlots();
  /** Channels of others that wait for a slot. */
  readonly #waiting = new StreamSlots();
  readonly #refusals = new Map<PeerId, number>();
  readonly #live = new Set<Libp2pStream>();
  readonly #lingering = new Set<NodeJS.Timeout>();
  readonly #closed = new AbortController();
  readonly #traffic: Traffic;
  readonly #channels: Channels;

  constructor(options: StreamsOptions) {
    const { prefix, node, connections, doorstep, limits, traffic, offend, warn } = options;
    this.#prefix = prefix;
    this.#node = node;
    this.#connections = connections;
    this.#traffic = traffic;
    this.#offend = offend;
    this.#warn = warn;
    connections.on('disconnect', (peer) => this.#refusals.delete(peer));
    this.#channels = new Channels({
      prefix,
      connections,
      log: node.logger.forComponent('bitmodel:channels'),
      limits,
      ask: (peer, question, signal) => this.request(peer, CHANNEL, question, { signal }),
    });
    this.answer(CHANNEL, (question, peer) => this.#channels.answer(question, peer));
    doorstep.onChannel = (socket) => this.#channels.accept(socket);
  }

  async open(peer: PeerId, protocol: Protocol, signal?: AbortSignal): Promise<Libp2pStream> {
    const connection = this.#connectionTo(peer, protocol);
    const key = `${peer} ${protocol.name}`;
    const timeout = AbortSignal.timeout(OPEN_TIMEOUT);
    const limit = joinSignals(timeout, this.#closed.signal, signal);
    try {
      await this.#outbound.take(key, protocol.streamsPerPeer, limit.signal);
      return await this.#openIn(key, connection, peer, protocol, limit.signal);
    } finally {
      limit.release();
    }
  }

  /** Opens a stream in a slot that was taken for it. */
  async #openIn(
    key: string,
    connection: Connection,
    peer: PeerId,
    protocol: Protocol,
    signal: AbortSignal,
  ): Promise<Libp2pStream> {
    try {
      const channel = protocol.isBulk
        ? await this.#channels.open(peer, protocol, signal)
        : undefined;
      const stream =
        channel ??
        (await connection.newStream(this.#prefix + protocol.name, {
          signal,
          maxOutboundStreams: LIBRARY_BOUND,
          runOnLimitedConnection: protocol.overRelay === true,
        }));
      const frames = this.#track(stream, peer, protocol, () => this.#outbound.free(key));
      if (channel) this.#traffic.watch(channel).peer = peer;
      return frames;
    } catch (cause) {
      this.#outbound.free(key);
      throw openError(peer, protocol, cause);
    }
  }

  async request(
    peer: PeerId,
    protocol: Protocol,
    frame: Uint8Array,
    options: { readonly timeout?: number; readonly signal?: AbortSignal },
  ): Promise<Uint8Array> {
    const { timeout } = options;
    const { signal: limit, release } = joinSignals(
      options.signal,
      timeout === undefined ? undefined : AbortSignal.timeout(timeout),
    );
    const late = (): BitmodelError =>
      new BitmodelError('STREAM_TIMEOUT', `${peer} gave no answer in time (${protocol.name}).`);
    if (limit.aborted) throw late();
    let stream: Libp2pStream | undefined;
    const onAbort = (): void => stream?.abort();
    limit.addEventListener('abort', onAbort, { once: true });
    try {
      stream = await this.open(peer, protocol, limit);
      if (limit.aborted) onAbort();
      await stream.send(frame);
      await stream.end();
      const answer = await stream.receive();
      if (answer !== undefined) return answer;
      throw new BitmodelError(
        'STREAM_ENDED',
        `${peer} ended without an answer (${protocol.name}).`,
      );
    } catch (thrown) {
      throw limit.aborted ? late() : thrown;
    } finally {
      release();
      stream?.abort();
    }
  }

  handle(protocol: Protocol, handler: (stream: FrameStream) => Promise<void>): void {
    const registered = this.#node.handle(
      this.#prefix + protocol.name,
      (stream: Stream, connection: Connection) => {
        const peer = connection.remotePeer.toString();
        const key = `${peer} ${protocol.name}`;
        const hasRoom = this.#inbound.tryTake(key, protocol.streamsPerPeer);
        if (hasRoom) void this.#serve(stream, peer, protocol, handler);
        else this.#refuse(stream, peer);
      },
      {
        maxInboundStreams: LIBRARY_BOUND,
        maxOutboundStreams: LIBRARY_BOUND,
        runOnLimitedConnection: protocol.overRelay === true,
      },
    );
    // it is registered at once; what can fail is only telling connected peers, while the node stops
    void Promise.resolve(registered).catch(() => {});
    if (!protocol.isBulk) return;
    this.#channels.serve(protocol, async (stream, peer) => {
      if (await this.#turn(stream, `${peer} ${protocol.name}`, protocol.streamsPerPeer)) {
        void this.#serve(stream, peer, protocol, handler);
        // after whoever reads it, since what comes before anybody listens is kept
        this.#traffic.watch(stream).peer = peer;
      } else if (stream.status === 'open') {
        // who has left by itself was not refused
        this.#refuse(stream, peer);
      }
    });
  }

  answer(
    protocol: Protocol,
    handler: (frame: Uint8Array, peer: PeerId) => Uint8Array | Promise<Uint8Array>,
  ): void {
    this.handle(protocol, async (stream) => {
      const question = await stream.receive();
      if (question === undefined) return;
      await stream.send(await handler(question, stream.peer));
    });
  }

  close(): void {
    this.#closed.abort();
    this.#channels.close();
    for (const timer of this.#lingering) clearTimeout(timer);
    for (const stream of this.#live) stream.abort();
  }

  /**
   * Takes a slot for a channel, soon: those that were there before it free theirs a moment after they ended at the other
   * end, since nothing keeps connections in order.
   */
  async #turn(stream: Stream, key: string, most: number): Promise<boolean> {
    if (this.#inbound.tryTake(key, most)) return true;
    if (!this.#waiting.tryTake(key, TURNS * most)) return false;
    const gone = new AbortController();
    stream.addEventListener('close', () => gone.abort(), { once: true });
    // nothing is read from who may be refused
    stream.pause();
    const timeout = AbortSignal.timeout(TURN_TIMEOUT);
    const limit = joinSignals(timeout, gone.signal, this.#closed.signal);
    let isTaken = false;
    try {
      await this.#inbound.take(key, most, limit.signal);
      isTaken = true;
      // fails where the stream ended in the turn in which the slot became free
      stream.resume();
      return true;
    } catch {
      if (isTaken) this.#inbound.free(key);
      return false;
    } finally {
      limit.release();
      this.#waiting.free(key);
    }
  }

  /** Answers a stream that has a slot. */
  async #serve(
    stream: Stream,
    peer: PeerId,
    protocol: Protocol,
    handler: (stream: FrameStream) => Promise<void>,
  ): Promise<void> {
    const key = `${peer} ${protocol.name}`;
    this.#refusals.delete(peer);
    const frames = this.#track(stream, peer, protocol, () => this.#inbound.free(key));
    try {
      await handler(frames);
      await frames.end();
      if (stream.status === 'open') this.#linger(frames, stream);
    } catch (thrown) {
      // the other end learns no more than that its stream is reset; what a handler wants known it tells itself
      if (!(thrown instanceof BitmodelError) && !this.#closed.signal.aborted) {
        this.#warn(`A question of ${peer} (${protocol.name}) failed here: ${messageOf(thrown)}.`);
      }
      frames.abort();
    }
  }

  #refuse(stream: Stream, peer: PeerId): void {
    stream.abort(new Error('too many streams'));
    const refusals = (this.#refusals.get(peer) ?? 0) + 1;
    this.#refusals.set(peer, refusals % REFUSALS);
    if (refusals === REFUSALS) this.#offend(peer, 'stream-flood');
  }

  #linger(frames: Libp2pStream, stream: Stream): void {
    const timer = setTimeout(() => frames.abort(), LINGER);
    this.#lingering.add(timer);
    const done = (): void => {
      clearTimeout(timer);
      this.#lingering.delete(timer);
    };
    stream.addEventListener('close', done, { once: true });
  }

  #track(stream: Stream, peer: PeerId, protocol: Protocol, free: () => void): Libp2pStream {
    const frames = new Libp2pStream(stream, peer, protocol, (offence) =>
      this.#offend(peer, offence),
    );
    const gone = (): void => {
      if (this.#live.delete(frames)) free();
    };
    this.#live.add(frames);
    stream.addEventListener('close', gone, { once: true });
    if (stream.status !== 'open') gone();
    return frames;
  }

  #connectionTo(peer: PeerId, protocol: Protocol): Connection {
    const usable = this.#connections
      .to(peer)
      .find((connection) => connection.limits === undefined || protocol.overRelay === true);
    if (usable === undefined) {
      throw new BitmodelError('PEER_UNREACHABLE', `There is no connection to ${peer}.`, {
        exitCode: EXIT.unreachable,
      });
    }
    return usable;
  }
}

function openError(peer: PeerId, protocol: Protocol, cause: unknown): BitmodelError {
  if (cause instanceof BitmodelError) return cause;
  if ((cause as Error).name === 'UnsupportedProtocolError') {
    return new BitmodelError('PROTOCOL_UNSUPPORTED', `${peer} does not speak ${protocol.name}.`, {
      cause,
    });
  }
  return new BitmodelError(
    'PEER_UNREACHABLE',
    `No stream to ${peer} could be opened (${protocol.name}): ${messageOf(cause)}.`,
    { cause, exitCode: EXIT.unreachable },
  );
}
