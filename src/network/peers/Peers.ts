import { join } from 'node:path';
import { messageOf } from '../../base/index.js';
import { createHost } from '../host/createHost.js';
import type { Host, PeerId } from '../host/Host.js';
import { readMultiaddr, scopeOf } from './addresses.js';
import { BanList } from './BanList.js';
import { MAX_ADDRESSES } from './bookEntry.js';
import { Dialler } from './Dialler.js';
import { Latency } from './Latency.js';
import type { Penalties } from './offences.js';
import { PeerBook } from './PeerBook.js';
import { PeerExchange, type Records } from './PeerExchange.js';
import { PeerGate } from './PeerGate.js';
import { Scores } from './Scores.js';

/** What a node needs to have peers; nothing of it knows of a chain. */
export interface PeersOptions {
  /** Folder of this network; what is kept of peers lies in `network` below it. */
  readonly folder: string;
  /** `main`, `test` or `regtest`. */
  readonly network: string;
  /** Multiaddrs to listen on; none: this node only dials. Port 0 is any free port. */
  readonly listen: readonly string[];
  /** Multiaddrs told to others beside those listened on. */
  readonly announce?: readonly string[] | undefined;
  /** Multiaddrs to begin with, dialled for ever. */
  readonly seeds?: readonly string[] | undefined;
  /** Multiaddrs that alone are dialled, by any part of the node; without {@link listen} nobody comes in, by a relay neither. */
  readonly connect?: readonly string[] | undefined;
  /** Most connected peers, {@link MAX_PEERS} unless stated. */
  readonly maxPeers?: number | undefined;
  readonly onWarning: (message: string) => void;
}

/** Peers that this node chooses and keeps connected to, as long as it knows of so many. */
const OUTBOUND = 8;
/** Most connected peers unless stated, as in Bitcoin Core. */
const MAX_PEERS = 125;
const RENEW = 6 * 3600 * 1000;
/** Time between two questions for peers: while there are too few, and when there are enough. */
const ASK_SOON = 20_000;
const ASK_LATER = 600_000;
const LOOK = 5_000;
const ASK_FIRST = 300;
/** Least time between two rounds that tell of new addresses. */
const TELL_LEAST = 120_000;

/** A host with all that keeps it connected to peers of good behaviour. */
export class Peers {
  readonly host: Host;
  readonly book: PeerBook;
  readonly bans: BanList;
  readonly scores: Scores;
  readonly penalties: Penalties;
  readonly dialler: Dialler;
  readonly latency: Latency;
  readonly #gate: PeerGate;
  readonly #exchange: PeerExchange;
  readonly #onWarning: (message: string) => void;
  readonly #timer: NodeJS.Timeout;
  /** Number of each peer in the order in which they came, for `disconnectnode`. */
  readonly #numbers = new Map<PeerId, number>();
  #count = 0;
  #nextQuestion = 0;
  /** Own addresses as the chosen peers know them, and when they were told. */
  #told: string;
  #toldAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  private constructor(
    parts: Pick<Peers, 'host' | 'book' | 'bans' | 'scores' | 'dialler'>,
    gate: PeerGate,
    records: Records,
    onWarning: (message: string) => void,
  ) {
    this.#onWarning = onWarning;
    this.host = parts.host;
    this.#told = this.host.addresses().join();
    this.book = parts.book;
    this.bans = parts.bans;
    this.scores = parts.scores;
    this.penalties = parts.scores;
    this.dialler = parts.dialler;
    this.latency = new Latency(this.host);
    this.#gate = gate;
    this.#exchange = new PeerExchange({
      host: this.host,
      penalties: this.penalties,
      book: this.book,
      records,
    });
    this.host.on('offence', (peer, offence) => this.penalties.penalise(peer, offence));
    this.host.on('warning', onWarning);
    this.host.on('connect', ({ peer, direction }) => {
      this.numberOf(peer);
      // a question at once to those chosen: who was asked to come in may be anybody
      if (direction === 'outbound') setTimeout(() => this.#ask(peer), ASK_FIRST).unref();
    });
    this.host.on('disconnect', (peer) => this.#numbers.delete(peer));
    this.#timer = setInterval(() => this.#look(), LOOK);
  }

  /**
   * Starts a host, and begins to look for peers.
   * @throws BitmodelError of `createHost`
   */
  static async start(options: PeersOptions): Promise<Peers> {
    const { onWarning, connect, maxPeers = MAX_PEERS } = options;
    // nothing is waited for between the host's first connection and the listeners that count it
    const { openRecord } = await import('../host/records.js');
    const folder = join(options.folder, 'network');
    const bans = new BanList({ path: join(folder, 'bans.json'), onWarning });
    const outbound = connect ? 0 : Math.min(OUTBOUND, Math.max(1, Math.floor(maxPeers / 2)));
    // who names its peers is reached by nobody else, unless it says where
    const isApart = connect !== undefined && options.listen.length === 0;
    const maxInbound = isApart ? 0 : Math.max(0, maxPeers - outbound);
    const gate = new PeerGate({ bans, maxInbound });
    const host = await createHost({
      network: options.network,
      keyFile: join(folder, 'node-key.json'),
      listen: options.listen,
      announce: options.announce ?? [],
      gate,
      // whoever others can dial passes on to those whom nobody can, within bounds
      relayService: options.listen.length > 0,
      // and whom nobody can, has others pass on to it; who names its peers needs none
      ...(connect ? {} : { relays: options.listen.length === 0 ? 'auto' : 'later' }),
      // the gate makes room where the host would only refuse
      limits: { inbound: maxInbound + 8, outbound: 64 },
    });
    gate.guard(host);
    const book = new PeerBook({ folder, onWarning });
    const scores = new Scores({
      bans,
      path: join(folder, 'scores.json'),
      onWarning,
      addressesOf: (peer) => addressesOf(host, peer),
      disconnect: (peer) => {
        book.forget(peer);
        host.disconnect(peer).catch((thrown) => onWarning(messageOf(thrown)));
      },
    });
    const fixed = connect ?? options.seeds ?? [];
    const fixedName = connect ? 'peer' : 'seed';
    const dialler = new Dialler({ host, book, bans, fixed, fixedName, outbound, onWarning });
    if (connect) gate.only = () => dialler.named();
    const own = ownRecord(host);
    return new Peers(
      { host, book, bans, scores, dialler },
      gate,
      { own, open: openRecord },
      onWarning,
    );
  }

  /** Peers that it aims for by its own choice. */
  get aim(): number {
    return this.dialler.aim;
  }

  /** A number for a connected peer, as in Bitcoin Core. */
  numberOf(peer: PeerId): number {
    const number = this.#numbers.get(peer) ?? this.#count++;
    this.#numbers.set(peer, number);
    return number;
  }

  /** Lets a connected peer in though there is no room, as it was asked to dial back. Returns what ends that. */
  expect(peer: PeerId): () => void {
    return this.#gate.expect(peer);
  }

  /** Multiaddrs at which a peer may be found, connected or not, each ending in `/p2p/ID`, the best first. */
  addressesOf(peer: PeerId): string[] {
    return (this.book.get(peer)?.addresses ?? []).map((address) => `${address}/p2p/${peer}`);
  }

  get isActive(): boolean {
    return this.dialler.isActive;
  }

  /** Begins or ends having peers at all. */
  async setActive(isActive: boolean): Promise<void> {
    this.dialler.isActive = isActive;
    this.#gate.isActive = isActive;
    if (isActive) return;
    const peers = new Set(this.host.connections().map(({ peer }) => peer));
    await Promise.all([...peers].map((peer) => this.host.disconnect(peer)));
  }

  /** Ends the connections of everybody who is banned by now. */
  async enforceBans(): Promise<void> {
    for (const { peer, address, isRelayed } of this.host.connections()) {
      const at = isRelayed ? undefined : readMultiaddr(address);
      const isBanned = this.bans.hasPeer(peer) || (at && this.bans.hasHost(at.host));
      if (isBanned) await this.host.disconnect(peer);
    }
  }

  /** Ends all connections and writes out what is kept. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    const anchors = this.dialler.anchors();
    this.dialler.close();
    this.latency.close();
    await this.host.close();
    this.book.close(anchors);
    this.scores.close();
    this.bans.close();
  }

  #look(): void {
    const connections = this.host.connections();
    for (const { peer } of connections) this.book.seen(peer, this.host.protocolsOf(peer));
    const now = performance.now();
    this.#tellAddresses(now);
    if (now < this.#nextQuestion || connections.length === 0) return;
    const wait = this.dialler.isStarved ? ASK_SOON : ASK_LATER;
    this.#nextQuestion = now + wait * (0.5 + Math.random());
    const one = connections[Math.floor(Math.random() * connections.length)]!;
    this.#ask(one.peer);
  }

  /** Tells the peers that it chose where it is now, with a question as any other. */
  #tellAddresses(now: number): void {
    const addresses = this.host.addresses().join();
    const chosen = new Set(this.dialler.chosen().map(({ peer }) => peer));
    if (addresses === this.#told || now - this.#toldAt < TELL_LEAST || chosen.size === 0) return;
    this.#told = addresses;
    this.#toldAt = now;
    for (const peer of chosen) this.#ask(peer);
  }

  #ask(peer: PeerId): void {
    if (this.#isClosed || !this.host.isConnected(peer)) return;
    this.#exchange.ask(peer).catch((thrown) => this.#onWarning(messageOf(thrown)));
  }
}

function addressesOf(host: Host, peer: PeerId): string[] {
  const all = host.connections().filter((each) => each.peer === peer);
  return all.map(({ address }) => address);
}

/** The own record, made anew when the addresses change and every few hours. */
function ownRecord(host: Host): Records['own'] {
  let made:
    | { readonly addresses: string; readonly at: number; readonly record: Uint8Array }
    | undefined;
  return async () => {
    const addresses = bestAddresses(host.addresses());
    if (addresses.length === 0) return undefined;
    const key = addresses.join();
    const now = Date.now();
    if (!made || made.addresses !== key || now - made.at > RENEW) {
      made = { addresses: key, at: now, record: await host.sealRecord(now, addresses) };
    }
    return made.record;
  };
}

/** Those that reach furthest, and of these the direct ones, as many as others take. */
function bestAddresses(addresses: readonly string[]): string[] {
  const rank = (text: string): number => {
    const at = readMultiaddr(text);
    const scope = at && scopeOf(at.host);
    if (!at || scope === undefined) return -1;
    return { public: 4, private: 2, loopback: 0 }[scope] + (at.isRelayed ? 0 : 1);
  };
  const good = addresses.filter((text) => rank(text) >= 0);
  return good.sort((a, b) => rank(b) - rank(a)).slice(0, MAX_ADDRESSES);
}
