import { setTimeout } from 'node:timers/promises';
import type { Host, PeerId } from '../host/Host.js';

/** Milliseconds for which a new neighbour has time to say what it speaks, and how often it is looked for. */
const INTRODUCTION = 500;
const INTRODUCTIONS = 20;

/** The connected peers that speak a protocol, and each new one once it has said so. */
export class Neighbours {
  readonly #host: Host;
  readonly #protocol: string;
  readonly #onNew: (peer: PeerId) => void;
  readonly #onConnect = ({ peer }: { peer: PeerId }): void => void this.#greet(peer);
  #closed = false;

  /** @param protocol its name, without the network's */
  constructor(host: Host, protocol: string, onNew: (peer: PeerId) => void) {
    this.#host = host;
    this.#protocol = protocol;
    this.#onNew = onNew;
    host.on('connect', this.#onConnect);
    for (const peer of new Set(host.connections().map((each) => each.peer))) void this.#greet(peer);
  }

  list(): PeerId[] {
    const peers = new Set(this.#host.connections().map(({ peer }) => peer));
    return [...peers].filter((peer) => this.#speaks(peer));
  }

  /** Any of them; undefined when there is none. */
  some(): PeerId | undefined {
    const peers = this.list();
    return peers[Math.floor(Math.random() * peers.length)];
  }

  close(): void {
    this.#closed = true;
    this.#host.off('connect', this.#onConnect);
  }

  #speaks(peer: PeerId): boolean {
    return this.#host.protocolsOf(peer).includes(this.#protocol);
  }

  async #greet(peer: PeerId): Promise<void> {
    for (let i = 0; i < INTRODUCTIONS; i++) {
      await setTimeout(INTRODUCTION, undefined, { ref: false });
      if (this.#closed || !this.#host.isConnected(peer)) return;
      if (this.#speaks(peer)) {
        this.#onNew(peer);
        return;
      }
    }
  }
}
