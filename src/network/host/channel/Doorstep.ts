import { Server, type Socket } from 'node:net';
import type { Listener, Transport } from '@libp2p/interface';
import { type HostLimits, hasRoomFor } from '../HostOptions.js';

/** First byte of TLS (RFC 8446, section 5.1, `handshake`); what libp2p says first is a length, `0x13`. */
const TLS_HANDSHAKE = 22;

/**
 * Stands before the listener of libp2p's TCP transport and looks at the first byte of each connection, so that channels come
 * in at the same port: there is one to be opened in a router. Connections that say nothing are bounded and end soon.
 */
export class Doorstep {
  readonly #limits: HostLimits;
  readonly #waiting = new Map<Socket, string>();
  /** Takes connections that are not libp2p's; what they have said can still be read. */
  onChannel: (socket: Socket) => void = (socket) => void socket.destroy();

  constructor(limits: HostLimits) {
    this.#limits = limits;
  }

  /** Connections that have said nothing yet; for tests of the bounds. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Stands before each listener that a transport makes. */
  before(transport: Transport): Transport {
    const create = transport.createListener.bind(transport);
    transport.createListener = (options) => {
      const listener = create(options);
      this.#standBefore(listener);
      return listener;
    };
    return transport;
  }

  /** The listener keeps its server in a field that is not of its interface; should that be gone, there are no channels. */
  #standBefore(listener: Listener): void {
    const server: unknown = Reflect.get(listener, 'server');
    if (!(server instanceof Server)) return;
    const own = server.listeners('connection') as ((socket: Socket) => void)[];
    server.removeAllListeners('connection');
    server.on('connection', (socket) => {
      this.#wait(socket, () => {
        for (const take of own) take.call(server, socket);
      });
    });
    const close = listener.close.bind(listener);
    listener.close = () => {
      for (const socket of this.#waiting.keys()) socket.destroy();
      return close();
    };
  }

  #wait(socket: Socket, passOn: () => void): void {
    const host = socket.remoteAddress;
    const { pending } = this.#limits;
    if (host === undefined || !hasRoomFor(host, this.#waiting, pending, this.#limits)) {
      socket.destroy();
      return;
    }
    const drop = (): void => void socket.destroy();
    const settle = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(socket);
      socket.off('readable', onReadable).off('close', settle).off('error', drop);
    };
    const onReadable = (): void => {
      const head = socket.read() as Buffer | null;
      // an end without a word is followed by the close
      if (head === null) return;
      settle();
      socket.unshift(head);
      if (head[0] === TLS_HANDSHAKE) this.onChannel(socket);
      else passOn();
    };
    const timer = setTimeout(drop, this.#limits.handshakeTimeout);
    this.#waiting.set(socket, host);
    socket.on('readable', onReadable).on('close', settle).on('error', drop);
  }
}
