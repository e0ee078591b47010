import { BitmodelError, messageOf } from '../../base/index.js';
import type { Host, PeerId, Protocol } from '../host/Host.js';
import type { Penalties } from '../peers/offences.js';
import { Neighbours } from './Neighbours.js';
import { Notices } from './Notices.js';

/** Most notices of one peer that are followed at once. */
const MOST_FOLLOWED = 8;
/** Milliseconds in which what neighbours are told of is gathered. */
const TELL_DELAY = 200;

/** What two nodes compare, and how. */
export interface ReconcilerOptions<T> {
  readonly host: Host;
  readonly penalties: Penalties;
  /** Who speaks it is a neighbour. */
  readonly protocol: Protocol;
  /** Milliseconds between two looks at what a neighbour has. */
  readonly period: number;
  /** Most items in one notice. */
  readonly mostTold: number;
  /** Tells a neighbour of items that are to be had here. */
  readonly tell: (peer: PeerId, items: readonly T[]) => Promise<unknown>;
  /** Takes from a neighbour what is lacking here. */
  readonly pull: (peer: PeerId) => Promise<void>;
  /** Told in a few words of a fault that is no peer's. */
  readonly onFault: (peer: PeerId, message: string) => void;
}

/**
 * Brings what this node holds together with what its neighbours hold, where gossip alone does not: a new neighbour is
 * asked what it has, now and then one of them is asked again, and what came in another way than by gossip is told to all.
 * A peer is asked by one question after the other, and followed in a few of its notices at once. One that says what is no
 * message is held to it (`garbage`); one that went away is not.
 */
export class Reconciler<T> {
  readonly #options: ReconcilerOptions<T>;
  readonly #neighbours: Neighbours;
  readonly #notices: Notices<T>;
  readonly #timer: NodeJS.Timeout;
  readonly #pulling = new Set<PeerId>();
  readonly #following = new Map<PeerId, number>();
  #closed = false;

  constructor(options: ReconcilerOptions<T>) {
    this.#options = options;
    const { host, protocol, period, mostTold, tell } = options;
    this.#neighbours = new Neighbours(host, protocol.name, (peer) => void this.pull(peer));
    this.#notices = new Notices({
      neighbours: this.#neighbours,
      most: mostTold,
      delay: TELL_DELAY,
      send: tell,
    });
    this.#timer = setInterval(() => this.pullFromSomeone(), period).unref();
  }

  /** Whether it is over: what takes several questions looks before each. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Tells all neighbours of items; who lacks them asks. */
  tell(items: readonly T[]): void {
    this.#notices.tell(items);
  }

  /** Takes from any neighbour what is lacking here. */
  pullFromSomeone(): void {
    const peer = this.#neighbours.some();
    if (peer !== undefined) void this.pull(peer);
  }

  /** Takes from a peer what is lacking here, unless that is under way. */
  async pull(peer: PeerId): Promise<void> {
    if (this.#pulling.has(peer) || this.#closed) return;
    this.#pulling.add(peer);
    try {
      await this.#options.pull(peer);
    } catch (thrown) {
      this.#failed(peer, thrown);
    } finally {
      this.#pulling.delete(peer);
    }
  }

  /** Asks a peer for what it told of, unless it tells faster than it gives: a later look finds the rest. */
  follow(peer: PeerId, fetch: () => Promise<void>): void {
    const pending = this.#following.get(peer) ?? 0;
    if (pending >= MOST_FOLLOWED) return;
    this.#following.set(peer, pending + 1);
    fetch()
      .catch((thrown: unknown) => this.#failed(peer, thrown))
      .finally(() => {
        const left = this.#following.get(peer)! - 1;
        if (left > 0) this.#following.set(peer, left);
        else this.#following.delete(peer);
      });
  }

  /**
   * Asks for items by id, some at a time; what did not fit into an answer is asked for again, as long as something comes.
   * @param most ids in one question
   * @param ask asks for some, and resolves to those that did not come
   */
  async fetch<I>(
    ids: readonly I[],
    most: number,
    ask: (ids: readonly I[]) => Promise<readonly I[]>,
  ): Promise<void> {
    let wanted = ids;
    while (wanted.length > 0 && !this.#closed) {
      const asked = wanted.slice(0, most);
      const rest = wanted.slice(most);
      const missing = await ask(asked);
      wanted = missing.length < asked.length ? [...missing, ...rest] : rest;
    }
  }

  /** What a peer's message says. @throws what `decode` throws, after the peer was held to it */
  decoded<M>(peer: PeerId, decode: () => M): M {
    try {
      return decode();
    } catch (thrown) {
      this.#failed(peer, thrown);
      throw thrown;
    }
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#notices.close();
    this.#neighbours.close();
  }

  #failed(peer: PeerId, thrown: unknown): void {
    // nobody waits for what a notice or the clock set off: a fault of ours must not end the process
    if (!(thrown instanceof BitmodelError)) this.#options.onFault(peer, messageOf(thrown));
    else if (thrown.code === 'BAD_ENCODING') {
      this.#options.penalties.penalise(peer, 'garbage', thrown.message);
    }
  }
}
