import type { Host, PeerId } from '../host/Host.js';

/** Round-trip times of a peer in milliseconds. */
export interface RoundTrip {
  readonly last: number;
  readonly least: number;
}

const WAIT = 60_000;
const FIRST = 1_000;

/** Measures how far the connected peers are, each once a minute. */
export class Latency {
  readonly #host: Host;
  readonly #times = new Map<PeerId, RoundTrip>();
  readonly #timer: NodeJS.Timeout;

  constructor(host: Host) {
    this.#host = host;
    host.on('connect', ({ peer }) => {
      setTimeout(() => this.#measure(peer), FIRST).unref();
    });
    host.on('disconnect', (peer) => this.#times.delete(peer));
    this.#timer = setInterval(() => void this.measureAll(), WAIT);
    this.#timer.unref();
  }

  /** Undefined while it was not measured. */
  of(peer: PeerId): RoundTrip | undefined {
    return this.#times.get(peer);
  }

  async measureAll(): Promise<void> {
    const peers = new Set(this.#host.connections().map(({ peer }) => peer));
    await Promise.all([...peers].map((peer) => this.#measure(peer)));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #measure(peer: PeerId): Promise<void> {
    if (!this.#host.isConnected(peer)) return;
    try {
      const last = await this.#host.ping(peer);
      if (!this.#host.isConnected(peer)) return;
      this.#times.set(peer, { last, least: Math.min(last, this.of(peer)?.least ?? last) });
    } catch {
      // who doesn't answer has no time; the host ends a connection that is dead
    }
  }
}
