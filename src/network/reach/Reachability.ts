import { messageOf } from '../../base/index.js';
import type { Host, PeerConnection, PeerId } from '../host/Host.js';
import {
  addressGroup,
  readMultiaddr,
  type Scope,
  scopeOf,
  type TcpAddress,
  toMultiaddr,
} from '../peers/addresses.js';
import type { Penalties } from '../peers/offences.js';
import { decodeAnswer, encodeQuestion, MOST_PORTS, REACH } from './messages.js';
import { type Reachable, type Vote, Votes } from './Votes.js';

/** What {@link Reachability} needs. */
export interface ReachabilityOptions {
  /** One that listens. */
  readonly host: Host;
  readonly penalties: Penalties;
  /** Multiaddrs that the operator told to be announced. */
  readonly announce?: readonly string[] | undefined;
  /** Lets a peer in for which there would be no room; returns what ends that. */
  readonly expect?: (peer: PeerId) => () => void;
  readonly onWarning: (message: string) => void;
  /** Milliseconds between questions; {@link WAITS} unless stated. */
  readonly waits?: Readonly<Record<'yes' | 'no' | 'again', number>>;
}

/** Milliseconds until the next questions when it is reachable and when not, and until the same peer is asked again. */
export const WAITS = { yes: 30 * 60_000, no: 5 * 60_000, again: 60_000 };
/** Peers asked at a time. */
const ASKED = 4;
const TICK = 1_000;
const ANSWER_TIMEOUT = 25_000;

interface Place extends TcpAddress {
  readonly scope: Scope;
}

/** Somebody who can be asked. */
interface Voter {
  readonly connection: PeerConnection;
  readonly scope: Scope;
  readonly group: string;
}

/**
 * Finds out whether others can dial this node: asks some of its peers, of different address groups and first those that
 * it chose itself, to dial it back (`reach/1`). While they can't, the host takes places at relays and tells no direct
 * addresses that nobody reaches; and it is asked again, more rarely when all is well.
 */
export class Reachability {
  readonly #options: ReachabilityOptions;
  readonly #waits: Readonly<Record<'yes' | 'no' | 'again', number>>;
  readonly #votes = new Votes();
  /** Where this node listens or is announced, when it began. */
  readonly #listened: readonly Place[];
  readonly #announced: readonly Place[];
  readonly #askedAt = new Map<PeerId, number>();
  readonly #ending = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #next = 0;
  #isAsking = false;
  #told = '';

  constructor(options: ReachabilityOptions) {
    this.#options = options;
    this.#waits = options.waits ?? WAITS;
    const { host, announce = [] } = options;
    this.#announced = places(announce);
    this.#listened = places(host.addresses()).filter(
      (own) => !this.#announced.some(({ host, port }) => host === own.host && port === own.port),
    );
    host.on('connect', this.#onConnect);
    host.on('disconnect', this.#onDisconnect);
    this.#tell().catch((thrown) => options.onWarning(messageOf(thrown)));
    this.#timer = setInterval(() => this.#look(), TICK);
    this.#timer.unref();
  }

  /** Whether others can dial this node, as far as they say. */
  get reachable(): Reachable {
    return this.#votes.reachable;
  }

  /** What `node status` shows. */
  status(): { readonly reachable: Reachable } {
    return { reachable: this.reachable };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#ending.abort();
    this.#options.host.off('connect', this.#onConnect);
    this.#options.host.off('disconnect', this.#onDisconnect);
  }

  readonly #onConnect = ({ direction, isRelayed }: PeerConnection): void => {
    // somebody got in: perhaps others do, too
    if (direction === 'inbound' && !isRelayed && this.reachable === 'no') this.#next = 0;
  };

  readonly #onDisconnect = (peer: PeerId): void => {
    if (this.#options.host.connections().length > 0) return;
    // whoever comes back may be at another place
    this.#askedAt.delete(peer);
    this.#next = 0;
  };

  #look(): void {
    const now = performance.now();
    if (this.#isAsking || now < this.#next) return;
    for (const [peer, at] of this.#askedAt) {
      if (now - at >= this.#waits.again) this.#askedAt.delete(peer);
    }
    const voters = this.#voters();
    if (voters.length === 0) return;
    this.#isAsking = true;
    Promise.all(voters.map((voter) => this.#ask(voter)))
      .then(() => this.#conclude())
      .catch((thrown) => this.#options.onWarning(messageOf(thrown)))
      .finally(() => {
        this.#isAsking = false;
      });
  }

  /** Whom to ask now: of those furthest away one of each group, first those that this node chose to dial. */
  #voters(): Voter[] {
    const { host } = this.#options;
    const all = host.connections().flatMap((connection) => voterOf(connection) ?? []);
    const able = all.filter(({ connection }) =>
      host.protocolsOf(connection.peer).includes(REACH.name),
    );
    const widest = (['public', 'private', 'loopback'] as const).find((scope) =>
      able.some((voter) => voter.scope === scope),
    );
    const chosen = new Map<string, Voter>();
    const rank = ({ connection }: Voter): number =>
      (connection.direction === 'outbound' ? 0 : 1) + Math.random();
    const ranked = able.map((voter) => ({ voter, by: rank(voter) })).sort((a, b) => a.by - b.by);
    for (const { voter } of ranked) {
      const isFree = voter.scope === widest && !this.#askedAt.has(voter.connection.peer);
      if (isFree && !chosen.has(voter.group)) chosen.set(voter.group, voter);
    }
    return [...chosen.values()].slice(0, ASKED);
  }

  async #ask({ connection: { peer }, scope, group }: Voter): Promise<void> {
    const { host, penalties, expect } = this.#options;
    const ports = this.#portsIn(scope);
    if (ports.length === 0) return;
    this.#askedAt.set(peer, performance.now());
    const leave = expect?.(peer);
    let answer: Uint8Array;
    try {
      const { signal } = this.#ending;
      const question = encodeQuestion(ports);
      answer = await host.request(peer, REACH, question, { timeout: ANSWER_TIMEOUT, signal });
    } catch {
      // whoever does not answer has no vote
      return;
    } finally {
      leave?.();
    }
    try {
      const { host: seenAt, outcomes } = decodeAnswer(answer, ports.length);
      const of = (what: string): number[] => ports.filter((_, index) => outcomes[index] === what);
      const vote = { scope, host: seenAt, open: of('open'), closed: of('closed') };
      if (this.#counts(vote)) this.#votes.add(group, vote);
    } catch (thrown) {
      penalties.penalise(peer, 'garbage', messageOf(thrown));
    }
  }

  /** Ports at which peers of a scope should reach this node: those announced there, else those listened on. */
  #portsIn(scope: Scope): number[] {
    const isThere = (place: Place): boolean => place.scope === scope;
    const announced = this.#announced.filter(isThere);
    const listened = this.#listened.filter(isThere);
    // behind a router a node doesn't know where the others see it
    const found = [announced, listened, this.#listened].find((list) => list.length > 0) ?? [];
    return [...new Set(found.map(({ port }) => port))].slice(0, MOST_PORTS);
  }

  /**
   * Whether a vote says anything: a peer that sees another address than the announced one could not try that one. What an
   * announced name leads to is not known here.
   */
  #counts({ scope, host, open, closed }: Vote): boolean {
    const at = readMultiaddr(`/ip${host.includes(':') ? 6 : 4}/${host}/tcp/1`);
    if (!at || scopeOf(at.host) !== scope) return false;
    if (open.length > 0) return true;
    const announced = this.#announced.filter((place) => place.scope === scope);
    const isTried = announced.length === 0 || announced.some((place) => place.host === at.host);
    return closed.length > 0 && isTried;
  }

  async #conclude(): Promise<void> {
    if (this.#ending.signal.aborted) return;
    const { reachable } = this.#votes;
    this.#next = reachable === 'unknown' ? 0 : performance.now() + around(this.#waits[reachable]);
    await this.#tell();
  }

  /** Tells the host, where something has changed. */
  async #tell(): Promise<void> {
    const { reachable, scope, isDoubtful } = this.#votes;
    const announcedIn = new Set(this.#announced.map((place) => place.scope));
    const reached = this.#votes.found();
    const isOpen = reachable === 'yes' && scope !== undefined && !announcedIn.has(scope);
    const found = isOpen ? reached : [];
    // a place at a relay costs little, so one peer that can't reach it is reason enough to have one
    const isReachable = reachable === 'yes' || (reachable === 'unknown' && !isDoubtful);
    const told = [isReachable, reachable, scope, isOpen, ...reached].join();
    if (told === this.#told) return;
    this.#told = told;
    const announced = new Set(this.#announced.map(({ host, port }) => `${host} ${port}`));
    await this.#options.host.setReach({
      isReachable,
      found,
      isHidden: (address) => {
        const place = placeOf(address);
        if (!place || place.isRelayed) return false;
        // one version of IP may be open while a firewall keeps the other shut
        const isReached = reached.includes(toMultiaddr(place.host, place.port));
        if (reachable === 'no' && place.scope === scope && !isReached) return true;
        // who says where others reach it says all of it
        return announcedIn.has(place.scope) && !announced.has(`${place.host} ${place.port}`);
      },
    });
  }
}

/** A random time around another, so that nodes that began together do not go on together. */
function around(milliseconds: number): number {
  return milliseconds * (0.75 + Math.random() / 2);
}

function placeOf(address: string): Place | undefined {
  const at = readMultiaddr(address);
  const scope = at && scopeOf(at.host);
  return at && scope && { ...at, scope };
}

function places(addresses: readonly string[]): Place[] {
  return addresses.flatMap((address) => {
    const place = placeOf(address);
    return place && !place.isRelayed ? [place] : [];
  });
}

function voterOf(connection: PeerConnection): Voter | undefined {
  const place = connection.isRelayed ? undefined : placeOf(connection.address);
  if (!place || place.isName) return undefined;
  const { scope } = place;
  // nearby there are no groups to tell apart
  const group = scope === 'public' ? addressGroup(place) : connection.peer;
  return { connection, scope, group };
}
