import { hostAndPort, maySpeakOf, type Scope, toMultiaddr } from '../peers/addresses.js';

/** Whether others can dial this node. */
export type Reachable = 'yes' | 'no' | 'unknown';

/** What one peer found. */
export interface Vote {
  /** How far from here the peer is: one on this machine knows nothing of the internet. */
  readonly scope: Scope;
  /** IP address at which it sees this node. */
  readonly host: string;
  /** Ports there at which it reached this node, and those at which it did not. */
  readonly open: readonly number[];
  readonly closed: readonly number[];
}

/** Votes that count: the latest, one of each address group. */
export const MOST_VOTES = 5;
/** Votes that must agree: one peer alone may lie. */
export const LEAST_VOTES = 2;
/** Milliseconds for which a vote counts. */
const LIFETIME = 2 * 3600 * 1000;

/**
 * What peers say of whether they reached this node, and what follows from it. Only those furthest away count: on the
 * internet, else in the own network, else on this machine. More than half of them must agree, and two at least; while
 * they do not, what they agreed on before holds.
 */
export class Votes {
  /** By the voter's address group, the oldest first. */
  readonly #votes = new Map<string, Vote & { readonly at: number }>();
  #verdict: { readonly reachable: Reachable; readonly scope: Scope | undefined } = {
    reachable: 'unknown',
    scope: undefined,
  };

  /** @param group whose word it is: of one address group one counts */
  add(group: string, vote: Vote, now = performance.now()): void {
    this.#votes.delete(group);
    this.#votes.set(group, { ...vote, at: now });
    for (const [key, { at }] of this.#votes) if (now - at > LIFETIME) this.#votes.delete(key);
    const scope = this.#scope();
    for (const [key, each] of this.#votes) {
      if (this.#votes.size > MOST_VOTES && each.scope !== scope) this.#votes.delete(key);
    }
    const [oldest] = this.#votes.keys();
    if (this.#votes.size > MOST_VOTES) this.#votes.delete(oldest!);
    const found = this.#count();
    // what was found out about a nearer circle says nothing of a wider one
    const before = this.#verdict.scope === scope ? this.#verdict.reachable : 'unknown';
    this.#verdict = { reachable: found ?? before, scope };
  }

  get reachable(): Reachable {
    return this.#verdict.reachable;
  }

  /** How far away those are whose votes count; undefined without any. */
  get scope(): Scope | undefined {
    return this.#verdict.scope;
  }

  /** Whether all say that they could not reach it, be it one alone. */
  get isDoubtful(): boolean {
    const counted = this.#counted();
    return counted.length > 0 && counted.every(({ open }) => open.length === 0);
  }

  /** Multiaddrs, without `/p2p/ID`, at which two at least reached it, and more than did not. */
  found(): string[] {
    const places = new Map<string, { address: string; open: number; closed: number }>();
    for (const { host, open, closed } of this.#counted()) {
      for (const port of [...open, ...closed]) {
        const key = hostAndPort({ host, port });
        const place = places.get(key) ?? { address: toMultiaddr(host, port), open: 0, closed: 0 };
        place[open.includes(port) ? 'open' : 'closed']++;
        places.set(key, place);
      }
    }
    const sure = [...places.values()].filter(
      ({ open, closed }) => open >= LEAST_VOTES && open > closed,
    );
    return sure.map(({ address }) => address);
  }

  #count(): Reachable | undefined {
    const counted = this.#counted();
    const yes = counted.filter(({ open }) => open.length > 0).length;
    const no = counted.length - yes;
    if (yes >= LEAST_VOTES && yes > no) return 'yes';
    return no >= LEAST_VOTES && no > yes ? 'no' : undefined;
  }

  #counted(): Vote[] {
    const scope = this.#scope();
    return [...this.#votes.values()].filter((vote) => vote.scope === scope);
  }

  #scope(): Scope | undefined {
    let widest: Scope | undefined;
    for (const { scope } of this.#votes.values()) {
      if (widest === undefined || maySpeakOf(widest, scope)) widest = scope;
    }
    return widest;
  }
}
