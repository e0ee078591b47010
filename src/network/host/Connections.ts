import { EventEmitter } from 'node:events';
import type { Connection } from '@libp2p/interface';
import type { PeerConnection, PeerId } from './Host.js';

/** Milliseconds in which a peer must say what it speaks; one of another network never does. */
const IDENTIFY_TIMEOUT = 20_000;
/** Milliseconds after its last connection until everything about a peer is forgotten here. */
const FORGET_AFTER = 10_000;

interface ConnectionsEvents {
  connect: [connection: PeerConnection];
  disconnect: [peer: PeerId];
  /** The peer has been away long enough to be forgotten. */
  gone: [peer: PeerId];
}

/** The live connections, by peer, and what the peers said they speak. */
export class Connections extends EventEmitter<ConnectionsEvents> {
  readonly #byPeer = new Map<PeerId, Map<Connection, PeerConnection>>();
  readonly #protocols = new Map<PeerId, readonly string[]>();
  readonly #timers = new Set<NodeJS.Timeout>();

  add(connection: Connection): void {
    if (connection.status !== 'open') return;
    const peer = connection.remotePeer.toString();
    const others = this.#byPeer.get(peer) ?? new Map<Connection, PeerConnection>();
    if (others.has(connection)) return;
    const described = this.describe(connection);
    others.set(connection, described);
    this.#byPeer.set(peer, others);
    this.#later(IDENTIFY_TIMEOUT, () => {
      if (!this.#protocols.has(peer) && connection.status === 'open') {
        connection.abort(new Error('the peer is of another network'));
      }
    });
    if (others.size === 1) this.emit('connect', described);
  }

  remove(connection: Connection): void {
    const peer = connection.remotePeer.toString();
    const others = this.#byPeer.get(peer);
    if (others?.delete(connection) !== true || others.size > 0) return;
    this.#byPeer.delete(peer);
    this.#protocols.delete(peer);
    this.emit('disconnect', peer);
    this.#later(FORGET_AFTER, () => {
      if (!this.#byPeer.has(peer)) this.emit('gone', peer);
    });
  }

  identified(peer: PeerId, protocols: readonly string[]): void {
    if (this.#byPeer.has(peer)) this.#protocols.set(peer, protocols);
  }

  /** Takes news of protocols from a peer that was identified before. */
  updated(peer: PeerId, protocols: readonly string[]): void {
    if (this.#protocols.has(peer)) this.#protocols.set(peer, protocols);
  }

  /** What a peer speaks of ours, without the prefix. */
  protocolsOf(peer: PeerId, prefix: string): readonly string[] {
    return (this.#protocols.get(peer) ?? [])
      .filter((protocol) => protocol.startsWith(prefix))
      .map((protocol) => protocol.slice(prefix.length));
  }

  /** Open connections to a peer, those that no relay carries first. */
  to(peer: PeerId): Connection[] {
    return [...(this.#byPeer.get(peer)?.keys() ?? [])]
      .filter((connection) => connection.status === 'open')
      .sort((a, b) => Number(a.limits !== undefined) - Number(b.limits !== undefined));
  }

  *open(): Iterable<Connection> {
    for (const connections of this.#byPeer.values()) yield* connections.keys();
  }

  all(): PeerConnection[] {
    return [...this.#byPeer.values()].flatMap((connections) => [...connections.values()]);
  }

  count(direction: 'inbound' | 'outbound'): number {
    let count = 0;
    for (const connection of this.open()) if (connection.direction === direction) count++;
    return count;
  }

  describe(connection: Connection): PeerConnection {
    const peer = connection.remotePeer.toString();
    return (
      this.#byPeer.get(peer)?.get(connection) ?? {
        peer,
        address: connection.remoteAddr.toString(),
        direction: connection.direction,
        openedAt: connection.timeline.open,
        isRelayed: !connection.direct,
      }
    );
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #later(milliseconds: number, what: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      what();
    }, milliseconds);
    timer.unref();
    this.#timers.add(timer);
  }
}
