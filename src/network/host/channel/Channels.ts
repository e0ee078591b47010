import { connect, type Socket } from 'node:net';
import type { Connection, Logger, Stream } from '@libp2p/interface';
import { BitmodelError, fromHex, toHex } from '../../../base/index.js';
import type { Connections } from '../Connections.js';
import type { PeerId, Protocol } from '../Host.js';
import type { HostLimits } from '../HostOptions.js';
import { type Channel, ChannelServer, callHandshake } from './psk.js';
import { SocketStream } from './SocketStream.js';
import { type Admission, type Ticket, Tickets } from './Tickets.js';

const NAME_BYTES = 16;
const SECRET_BYTES = 32;
/** Milliseconds for the whole of making a channel, after which an ordinary stream does. */
const TIMEOUT = 5_000;
/** Milliseconds after which a peer to which none could be made is tried again: it may have had no room only then. */
const UNABLE = 60_000;
/** Channels of others at once: beyond it ordinary streams do, so that sockets don't take the places of newcomers. */
export const MOST_CHANNELS = 128;

/** How a ticket for a channel is asked for: the name of a protocol there; name and secret of a ticket back, or nothing. */
export const CHANNEL: Protocol = {
  name: 'channel/1',
  maxFrame: 64,
  idleTimeout: TIMEOUT,
  streamsPerPeer: 4,
};

/** What {@link Channels} need of a host. */
export interface ChannelsOptions {
  /** `/bitmodel/NETWORK/`, before the name of each protocol. */
  readonly prefix: string;
  readonly connections: Connections;
  readonly log: Logger;
  readonly limits: HostLimits;
  /** Puts the question for a ticket to a peer. */
  readonly ask: (peer: PeerId, question: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>;
}

/**
 * Streams with a TCP connection of their own, for what is large: each byte costs several times less than on a stream that
 * shares a connection with others, whose frames are cut and joined in JavaScript. Who wants one asks for a ticket over the
 * connection there is, which has proved who both are, dials the same address again, and proves the ticket.
 */
export class Channels {
  readonly #options: ChannelsOptions;
  readonly #tickets = new Tickets();
  readonly #served = new Map<string, (stream: Stream, peer: PeerId) => Promise<void>>();
  /** Peers to which none could be made, and until when none is tried again. */
  readonly #unable = new Map<PeerId, number>();
  readonly #streams = new Map<PeerId, Set<SocketStream>>();
  readonly #calls = new Set<Socket>();
  readonly #server: ChannelServer<Admission>;
  #inbound = 0;
  #isClosed = false;

  constructor(options: ChannelsOptions) {
    this.#options = options;
    options.connections.on('disconnect', (peer) => this.#drop(peer));
    this.#server = new ChannelServer({
      admit: (ticket) => this.#tickets.take(ticket),
      secretOf: ({ secret }) => secret,
      take: (channel, admission) => this.#admit(channel, admission),
      timeout: TIMEOUT,
      limits: options.limits,
    });
  }

  /** Lets others open channels of a protocol. */
  serve(protocol: Protocol, take: (stream: Stream, peer: PeerId) => Promise<void>): void {
    this.#served.set(protocol.name, take);
  }

  /** Answers the question for a ticket. */
  answer(question: Uint8Array, peer: PeerId): Uint8Array {
    const protocol = Buffer.from(question).toString();
    const hasRoom = this.#inbound < MOST_CHANNELS && this.#served.has(protocol);
    const ticket = hasRoom ? this.#tickets.give(peer, protocol) : undefined;
    if (ticket === undefined) return new Uint8Array();
    return Buffer.concat([fromHex(ticket.name), ticket.secret]);
  }

  /** Takes a connection that began as a channel does. */
  accept(socket: Socket): void {
    if (this.#isClosed) socket.destroy();
    else this.#server.accept(socket);
  }

  /**
   * A channel to a peer, where this host dialled it directly and it serves them; undefined where an ordinary stream has to do.
   * @throws what the signal was aborted with
   */
  async open(peer: PeerId, protocol: Protocol, signal: AbortSignal): Promise<Stream | undefined> {
    const [to] = this.#options.connections.to(peer).flatMap(dialledAt);
    if (to === undefined || this.#isUnable(peer) || !this.#speaks(peer)) return undefined;
    try {
      const question = Buffer.from(protocol.name);
      const ticket = ticketIn(await this.#options.ask(peer, question, signal));
      if (ticket === undefined) return undefined;
      return await this.#call(to, ticket, peer, protocol, signal);
    } catch (thrown) {
      signal.throwIfAborted();
      this.#options.log('no channel to %s: %s', peer, thrown);
      if (this.#options.connections.to(peer).length > 0) {
        this.#unable.set(peer, performance.now() + UNABLE);
      }
      return undefined;
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const socket of this.#calls) socket.destroy();
    this.#server.close();
    for (const peer of this.#streams.keys()) this.#drop(peer);
  }

  #isUnable(peer: PeerId): boolean {
    return performance.now() < (this.#unable.get(peer) ?? 0);
  }

  #speaks(peer: PeerId): boolean {
    const { connections, prefix } = this.#options;
    return connections.protocolsOf(peer, prefix).includes(CHANNEL.name);
  }

  #admit(channel: Channel, { peer, protocol }: Admission): void {
    const take = this.#served.get(protocol);
    if (take === undefined || !this.#isWelcome(peer) || this.#inbound >= MOST_CHANNELS) {
      channel.secured.destroy();
      return;
    }
    this.#inbound++;
    channel.socket.once('close', () => this.#inbound--);
    void take(this.#keep(peer, protocol, channel, 'inbound'), peer);
  }

  #isWelcome(peer: PeerId): boolean {
    return !this.#isClosed && this.#options.connections.to(peer).length > 0;
  }

  async #call(
    to: Address,
    ticket: Ticket,
    peer: PeerId,
    { name }: Protocol,
    signal: AbortSignal,
  ): Promise<Stream> {
    const socket = connect({ ...to, noDelay: true });
    const drop = (): void => void socket.destroy();
    signal.addEventListener('abort', drop, { once: true });
    this.#calls.add(socket);
    try {
      const channel = await callHandshake(socket, ticket, TIMEOUT);
      if (this.#isWelcome(peer)) return this.#keep(peer, name, channel, 'outbound');
      channel.secured.destroy();
      throw new BitmodelError('STREAM_ENDED', 'The peer left while a channel to it was made.');
    } finally {
      this.#calls.delete(socket);
      signal.removeEventListener('abort', drop);
    }
  }

  /** A channel lives no longer than the connections to its peer, so that a ban ends it. */
  #keep(
    peer: PeerId,
    protocol: string,
    channel: Channel,
    direction: 'inbound' | 'outbound',
  ): Stream {
    const { prefix, log } = this.#options;
    const stream = new SocketStream({ channel, direction, protocol: prefix + protocol, log });
    const others = this.#streams.get(peer) ?? new Set();
    this.#streams.set(peer, others.add(stream));
    const forget = (): void => {
      others.delete(stream);
      if (others.size === 0 && this.#streams.get(peer) === others) this.#streams.delete(peer);
    };
    stream.addEventListener('close', forget, { once: true });
    return stream;
  }

  #drop(peer: PeerId): void {
    this.#unable.delete(peer);
    this.#tickets.revoke(peer);
    for (const stream of this.#streams.get(peer) ?? []) {
      stream.abort(new Error('the connections to the peer ended'));
    }
  }
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where a connection leads, if this host dialled it and no relay carries it. */
function dialledAt({ direction, direct, remoteAddr }: Connection): Address[] {
  if (direction !== 'outbound' || !direct) return [];
  const components = remoteAddr.getComponents();
  const host = components.find(({ name }) => /^(ip4|ip6|dns[46]?)$/.test(name))?.value;
  const port = Number(components.find(({ name }) => name === 'tcp')?.value);
  return host === undefined || !(port > 0) ? [] : [{ host, port }];
}

function ticketIn(answer: Uint8Array): Ticket | undefined {
  if (answer.length !== NAME_BYTES + SECRET_BYTES) return undefined;
  return { name: toHex(answer.subarray(0, NAME_BYTES)), secret: answer.subarray(NAME_BYTES) };
}
