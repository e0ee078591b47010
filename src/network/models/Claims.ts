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
}

/** How long a claim counts without being repeated. */
export const CLAIM_TTL = 30 * 60_000;
/** Nodes whose claims are remembered; each costs at most some 20 kB. */
const MOST_CLAIMANTS = 4_096;

/** Which nodes say that they hold which models. Saying so proves nothing. */
export class Claims {
  readonly #now: () => number;
  /** The longest unrepeated first. */
  readonly #byPeer = new Map<PeerId, Claim>();

  /** @param now milliseconds from any start, never backwards */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get size(): number {
    return this.#byPeer.size;
  }

  /** Takes a claim in the place of the node's earlier one. @returns false when it is no newer */
  add(peer: PeerId, claim: Omit<Claim, 'at'>): boolean {
    const known = this.#byPeer.get(peer);
    if (known && known.time >= claim.time) return false;
    this.#byPeer.delete(peer);
    this.#byPeer.set(peer, { ...claim, at: this.#now() });
    this.#forget();
    return true;
  }

  of(peer: PeerId): Claim | undefined {
    this.#forget();
    return this.#byPeer.get(peer);
  }

  /** Nodes that say they hold a model. */
  holding(id: string): PeerId[] {
    this.#forget();
    return [...this.#byPeer].filter(([, { ids }]) => ids.has(id)).map(([peer]) => peer);
  }

  #forget(): void {
    const oldest = this.#now() - CLAIM_TTL;
    for (const [peer, { at }] of this.#byPeer) {
      if (at > oldest && this.#byPeer.size <= MOST_CLAIMANTS) return;
      this.#byPeer.delete(peer);
    }
  }
}
