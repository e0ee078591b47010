import type { Socket } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { BitmodelError } from '../../../base/index.js';
import { type HostLimits, hasRoomFor } from '../HostOptions.js';
import type { Ticket } from './Tickets.js';

/**
 * TLS 1.3 with a key that both ends have already (RFC 8446, section 2.2, `psk_dhe_ke`): no certificates, so that a stranger
 * costs nothing but a few bytes, and keys of its own for each connection all the same.
 */
const SUITE = { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' } as const;
/** Handshakes of others under way at once. */
export const MOST_HANDSHAKES = 64;

/** A TLS connection after its handshake, and the TCP socket under it. */
export interface Channel {
  readonly secured: TLSSocket;
  readonly socket: Socket;
}

/** Who is admitted, and who takes what comes. */
export interface ChannelServerOptions<T> {
  /** What a ticket was given for; it is good for one handshake. */
  readonly admit: (ticket: string) => T | undefined;
  readonly secretOf: (admission: T) => Uint8Array;
  readonly take: (channel: Channel, admission: T) => void;
  /** Milliseconds for a handshake. */
  readonly timeout: number;
  readonly limits: HostLimits;
}

/** Does the handshakes of those who call. It listens nowhere: connections are given to it. */
export class ChannelServer<T> {
  readonly #server;
  /** By the address at the other end. */
  readonly #sockets = new Map<string, Socket>();
  /** IP addresses of those whose handshake is not done, by the address at the other end. */
  readonly #pending = new Map<string, string>();
  readonly #limits: HostLimits;

  constructor({ admit, secretOf, take, timeout, limits }: ChannelServerOptions<T>) {
    this.#limits = limits;
    const admissions = new WeakMap<TLSSocket, T>();
    this.#server = createServer({
      ...SUITE,
      handshakeTimeout: timeout,
      pskCallback: (socket, name) => {
        const admission = admissions.get(socket) ?? admit(name);
        if (admission === undefined) return null;
        admissions.set(socket, admission);
        return secretOf(admission);
      },
    });
    this.#server.on('secureConnection', (secured) => {
      this.#pending.delete(remoteEnd(secured));
      // what fails later is told by the end of the socket
      secured.on('error', () => {});
      // both ends say by themselves when they have sent everything
      secured.allowHalfOpen = true;
      const admission = admissions.get(secured);
      const socket = this.#sockets.get(remoteEnd(secured));
      // told from within OpenSSL, which is not to be freed before it has returned
      setImmediate(() => {
        if (admission === undefined || socket === undefined) secured.destroy();
        else if (!secured.destroyed) take({ secured, socket }, admission);
      });
    });
    this.#server.on('tlsClientError', (_error, socket) => {
      // whoever it was has no ticket, and learns no more than that
      setImmediate(() => socket.destroy());
    });
  }

  /** Handshakes under way; for tests of the bounds. */
  get handshakes(): number {
    return this.#pending.size;
  }

  accept(socket: Socket): void {
    const host = socket.remoteAddress ?? '';
    if (!hasRoomFor(host, this.#pending, MOST_HANDSHAKES, this.#limits)) {
      socket.destroy();
      return;
    }
    const end = remoteEnd(socket);
    this.#pending.set(end, host);
    this.#sockets.set(end, socket);
    socket.once('close', () => {
      this.#pending.delete(end);
      this.#sockets.delete(end);
    });
    socket.setNoDelay(true);
    this.#server.emit('connection', socket);
  }

  /** Ends all that it was given. */
  close(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
  }
}

/**
 * The handshake of the caller.
 * @param timeout milliseconds
 * @throws BitmodelError `CHANNEL_FAILED`; the socket is closed then
 */
export function callHandshake(
  socket: Socket,
  { name, secret }: Ticket,
  timeout: number,
): Promise<Channel> {
  const secured = connect({
    ...SUITE,
    socket,
    // there is no certificate: who knows the secret is the peer that gave it
    checkServerIdentity: () => undefined,
    pskCallback: () => ({ psk: secret, identity: name }),
  });
  secured.allowHalfOpen = true;
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      clearTimeout(timer);
      secured.destroy();
      socket.destroy();
      reject(new BitmodelError('CHANNEL_FAILED', `A channel was not made: ${why}.`));
    };
    const timer = setTimeout(() => fail('its handshake took too long'), timeout);
    const onClose = (): void => fail('the other end closed it');
    // it stays, since a socket may fail at any time; after the handshake the end of the socket tells what counts
    secured.on('error', (thrown) => fail(thrown.message));
    socket.on('error', (thrown) => fail(thrown.message));
    secured.once('close', onClose);
    secured.once('secureConnect', () => {
      clearTimeout(timer);
      secured.off('close', onClose);
      // told from within OpenSSL, which is not to be freed before it has returned
      setImmediate(() => {
        if (secured.destroyed) fail('the other end closed it');
        else resolve({ secured, socket });
      });
    });
  });
}

function remoteEnd({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
