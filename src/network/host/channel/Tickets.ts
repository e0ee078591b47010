import { randomBytes } from 'node:crypto';
import type { PeerId } from '../Host.js';

/** Milliseconds in which a ticket must be used. */
const LIFETIME = 10_000;
/** Tickets one peer, and all together, may hold unused. */
const PER_PEER = 8;
const MOST = 1_024;

/** What lets the other end open one channel: a name to show, and a secret that proves it. */
export interface Ticket {
  /** 32 hexadecimal digits, shown in the clear. */
  readonly name: string;
  /** 32 bytes, which only the two ends know. */
  readonly secret: Uint8Array;
}

/** What a ticket was given for. */
export interface Admission {
  readonly peer: PeerId;
  /** Name of the protocol. */
  readonly protocol: string;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

/** The tickets this host has given out. Each is good for one channel, soon, and for whom it was given to. */
export class Tickets {
  readonly #given = new Map<string, Admission & { readonly until: number }>();

  /** A new one; undefined while the peer, or all together, hold too many unused. */
  give(peer: PeerId, protocol: string): Ticket | undefined {
    this.#expire();
    let held = 0;
    for (const each of this.#given.values()) if (each.peer === peer) held++;
    if (held >= PER_PEER || this.#given.size >= MOST) return undefined;
    const name = randomBytes(16).toString('hex');
    const secret = new Uint8Array(randomBytes(32));
    this.#given.set(name, { peer, protocol, secret, until: performance.now() + LIFETIME });
    return { name, secret };
  }

  /** Takes a ticket back, for the one channel it is good for. */
  take(name: string): Admission | undefined {
    this.#expire();
    const admission = this.#given.get(name);
    this.#given.delete(name);
    return admission;
  }

  /** Makes those of a peer worthless. */
  revoke(peer: PeerId): void {
    for (const [name, each] of this.#given) if (each.peer === peer) this.#given.delete(name);
  }

  /** All live equally long, so the oldest come first. */
  #expire(): void {
    const now = performance.now();
    for (const [name, { until }] of this.#given) {
      if (until > now) return;
      this.#given.delete(name);
    }
  }
}
