import { randomInt } from 'node:crypto';
import type { PeerId } from '../host/Host.js';

/** What a node said it holds, by its latest announcement. */
export interface Claim {
  /** Model ids, hex. */
  readonly ids: ReadonlySet<string>;
  readonly addresses: readonly string[];
  /** When the node said so, by its own clock, in seconds since 1970. */
  readonly time: number;
  /** When it came in, milliseconds of `performance.now`. */
  readonly at: number;
  /** The neighbour that told of the node first. */
  readonly via: PeerId;
}

/** How long a claim counts without being repeated. */
const CLAIM_TTL = 30 * 60_000;
/** Nodes whose claims are remembered; each costs at most some 20 kB. */
const MOST_CLAIMANTS = 4_096;
/** Of these, nodes that have shown a model that they claimed. */
const MOST_PROVEN = 1_024;

/**
 * Which nodes say that they hold which models. Saying so proves nothing, and names cost nothing: where there are too many, one goes
 * that was told of by the neighbour that told of the most, and none that has shown what it claims.
 */
export class Claims {
  readonly #now: () => number;
  /** The longest unrepeated first. */
  readonly #byPeer = new Map<PeerId, Claim>();
  /** Nodes without proof by the neighbour that told of them, the longest unrepeated first. */
  readonly #byNeighbour = new Map<PeerId, Set<PeerId>>();
  /** Nodes that have shown a model, the one whose proof is oldest first. */
  readonly #proven = new Set<PeerId>();

  /** @param now milliseconds from any start, never backwards */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get size(): number {
    return this.#byPeer.size;
  }

  /**
   * Takes a claim in the place of the node's earlier one.
   * @param from the neighbour that passed it on
   * @returns false when it is no newer
   */
  add(peer: PeerId, claim: Omit<Claim, 'at' | 'via'>, from: PeerId): boolean {
    const known = this.#byPeer.get(peer);
    if (known && known.time >= claim.time) return false;
    const via = known?.via ?? from;
    this.#byPeer.delete(peer);
    this.#byPeer.set(peer, { ...claim, at: this.#now(), via });
    if (!this.#proven.has(peer)) this.#file(peer, via);
    this.#forget();
    return true;
  }

  /** Takes note that a node has shown a model: no mere claim of others takes its place. */
  prove(peer: PeerId): void {
    const claim = this.#byPeer.get(peer);
    if (!claim) return;
    this.#unfile(peer, claim.via);
    this.#proven.delete(peer);
    this.#proven.add(peer);
    const [oldest] = this.#proven;
    if (this.#proven.size <= MOST_PROVEN || oldest === undefined) return;
    this.#proven.delete(oldest);
    this.#file(oldest, this.#byPeer.get(oldest)!.via);
  }

  of(peer: PeerId): Claim | undefined {
    this.#forget();
    return this.#byPeer.get(peer);
  }

  /**
   * Nodes that say they hold a model: those that have shown one first, then one of each neighbour in turn, by chance, so that
   * one neighbour's inventions don't hide what the others tell.
   */
  holding(id: string): PeerId[] {
    this.#forget();
    const isHolding = (peer: PeerId): boolean => this.#byPeer.get(peer)!.ids.has(id);
    const holding = [...this.#proven].filter(isHolding).reverse();
    const queues = [...this.#byNeighbour.values()].map((peers) => [...peers].filter(isHolding));
    for (let left = queues.filter(isFilled); left.length > 0; left = left.filter(isFilled)) {
      for (const queue of left) holding.push(...queue.splice(randomInt(queue.length), 1));
    }
    return holding;
  }

  #file(peer: PeerId, via: PeerId): void {
    const others = this.#byNeighbour.get(via) ?? new Set();
    others.delete(peer);
    this.#byNeighbour.set(via, others.add(peer));
  }

  #unfile(peer: PeerId, via: PeerId): void {
    const others = this.#byNeighbour.get(via);
    others?.delete(peer);
    if (others?.size === 0) this.#byNeighbour.delete(via);
  }

  #drop(peer: PeerId): void {
    this.#unfile(peer, this.#byPeer.get(peer)!.via);
    this.#byPeer.delete(peer);
    this.#proven.delete(peer);
  }

  #forget(): void {
    const oldest = this.#now() - CLAIM_TTL;
    for (const [peer, { at }] of this.#byPeer) {
      if (at > oldest) break;
      this.#drop(peer);
    }
    while (this.#byPeer.size > MOST_CLAIMANTS) {
      let most: ReadonlySet<PeerId> = new Set();
      for (const peers of this.#byNeighbour.values()) if (peers.size > most.size) most = peers;
      const [first] = most;
      this.#drop(first!);
    }
  }
}

function isFilled(queue: readonly PeerId[]): boolean {
  return queue.length > 0;
}
