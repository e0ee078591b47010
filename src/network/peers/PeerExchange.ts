import { fromBase64, messageOf } from '../../base/index.js';
import type { Host, PeerConnection, PeerId, Protocol } from '../host/Host.js';
import type { SignedAddresses } from '../host/records.js';
import { RateLimit } from '../limits/RateLimit.js';
import {
  addressGroup,
  maySpeakOf,
  readMultiaddr,
  type Scope,
  scopeOf,
  type TcpAddress,
} from './addresses.js';
import type { Origin } from './bookEntry.js';
import { decodeRecords, encodeRecords, MAX_EXCHANGE, MAX_RECORDS } from './exchangeCodec.js';
import type { Penalties } from './offences.js';
import type { PeerBook } from './PeerBook.js';

/** Questions and answers about peers, as signed records. */
export const PEERS_PROTOCOL: Protocol = {
  name: 'peers/1',
  maxFrame: MAX_EXCHANGE,
  idleTimeout: 15_000,
  streamsPerPeer: 2,
};

/** What signs and reads records; the host's. */
export interface Records {
  /** The own record; undefined where this node can't be dialled. */
  own(): Promise<Uint8Array | undefined>;
  /** @throws BitmodelError `BAD_RECORD` */
  open(bytes: Uint8Array): Promise<SignedAddresses>;
}

/** What peer exchange needs. */
export interface PeerExchangeOptions {
  readonly host: Host;
  readonly penalties: Penalties;
  readonly book: PeerBook;
  readonly records: Records;
}

const DAY = 24 * 3600 * 1000;
/** Records older than this are worth nothing: a node makes its own anew every few hours. */
const OLDEST_RECORD = 7 * DAY;
/** Milliseconds by which a record's clock may be ahead. */
const MAX_AHEAD = 3600_000;
/** Questions of a peer that are answered: an honest one asks every minute, and whenever its link is back. */
const QUESTIONS = { perSecond: 1 / 20, burst: 4 };
/** Questions of a peer before they count as a flood: one whose link comes and goes, or who starts often, is no flooder. */
const PATIENCE = { perSecond: 1, burst: 60 };
/** Questions to a peer, fewer than it answers. */
const OWN_QUESTIONS = { perSecond: 1 / 30, burst: 3 };
/** Least and most records of an answer, and the part of the book between them; so nobody learns it all at once. */
const LEAST_TOLD = 20;
const PART_TOLD = 0.23;

/**
 * Peers tell each other of peers, when asked: each hands over its own signed record with the question, and gets records
 * that others have signed. Nobody can say where somebody else is, and nobody is believed before being reached.
 */
export class PeerExchange {
  readonly #options: PeerExchangeOptions;
  readonly #questions = new RateLimit(QUESTIONS);
  readonly #patience = new RateLimit(PATIENCE);
  readonly #own = new RateLimit(OWN_QUESTIONS);

  constructor(options: PeerExchangeOptions) {
    this.#options = options;
    options.host.answer(PEERS_PROTOCOL, (frame, peer) => this.#answer(frame, peer));
  }

  /** Asks a connected peer for others, unless it was asked often just now. Returns how many were new. Its faults are held against it and not thrown. */
  async ask(peer: PeerId): Promise<number> {
    const { host, penalties, records } = this.#options;
    if (!this.#own.take(peer)) return 0;
    const own = await records.own();
    let answer: Uint8Array;
    try {
      const question = encodeRecords(own ? [own] : []);
      answer = await host.request(peer, PEERS_PROTOCOL, question, { timeout: 10_000 });
    } catch {
      // it went away, or doesn't speak the protocol: nothing is lost, and the host counts what is an offence
      return 0;
    }
    let told: Uint8Array[];
    try {
      told = decodeRecords(answer, MAX_RECORDS);
    } catch (thrown) {
      penalties.penalise(peer, 'garbage', messageOf(thrown));
      return 0;
    }
    let news = 0;
    for (const bytes of told) {
      const known = await this.#take(peer, bytes, 'exchange');
      // who passes on one record without checking it passes on more
      if (known === undefined) break;
      if (known) news++;
    }
    return news;
  }

  async #answer(frame: Uint8Array, peer: PeerId): Promise<Uint8Array> {
    const { penalties, book } = this.#options;
    if (!this.#patience.take(peer)) penalties.penalise(peer, 'flood', 'asks for peers too often');
    if (!this.#questions.take(peer)) return encodeRecords([]);
    let own: Uint8Array[];
    try {
      own = decodeRecords(frame, 1);
    } catch (thrown) {
      penalties.penalise(peer, 'garbage', messageOf(thrown));
      throw thrown;
    }
    for (const bytes of own) await this.#take(peer, bytes, 'inbound');
    const scope = this.#reach(peer)?.scope ?? 'public';
    const count = Math.min(MAX_RECORDS, Math.max(LEAST_TOLD, Math.floor(book.size * PART_TOLD)));
    const told = book.sample(
      count,
      ({ record, addresses, ...entry }) =>
        record !== undefined && entry.peer !== peer && inScope(addresses, scope).length > 0,
    );
    return encodeRecords(told.map(({ record }) => fromBase64(record!)));
  }

  /**
   * Takes in a record. Returns whether something was new, undefined when it is forged.
   * @param origin `inbound`: the peer's own record
   */
  async #take(from: PeerId, bytes: Uint8Array, origin: Origin): Promise<boolean | undefined> {
    const { host, penalties, book, records } = this.#options;
    let signed: SignedAddresses;
    try {
      signed = await records.open(bytes);
    } catch (thrown) {
      penalties.penalise(from, 'bad-record', messageOf(thrown));
      return undefined;
    }
    const { peer, sequence } = signed;
    if (origin === 'inbound' && peer !== from) {
      penalties.penalise(from, 'bad-record', "another peer's record as its own");
      return undefined;
    }
    const age = Date.now() - sequence;
    const over = this.#reach(from);
    if (peer === host.id || !over || age > OLDEST_RECORD || age < -MAX_AHEAD) return false;
    const addresses = inScope(signed.addresses, over.scope);
    const { source } = over;
    return book.hear({ peer, addresses, record: bytes, sequence, origin, source });
  }

  /** How far a connected peer's word goes, and whose word it counts as. */
  #reach(peer: PeerId): { scope: Scope; source: string } | undefined {
    const connection = this.#options.host.connections().find((each) => each.peer === peer);
    return connection && reachOf(connection);
  }
}

/** How far the word of whoever is at the other end goes, and whose word it counts as. */
function reachOf({ address, isRelayed }: PeerConnection): { scope: Scope; source: string } {
  const at = readMultiaddr(address);
  if (!at || isRelayed) return { scope: 'public', source: 'relayed' };
  const scope = scopeOf(at.host) ?? 'public';
  // the ports that others dial from say nothing of who they are
  return { scope, source: scope === 'loopback' ? 'loopback' : addressGroup(at) };
}

/** Addresses that whoever is reached over a scope may speak of. */
export function inScope(addresses: readonly string[], over: Scope): string[] {
  return addresses.filter((text) => {
    const address = readMultiaddr(text);
    return address !== undefined && isSayable(address, over);
  });
}

/**
 * Whether whoever is reached over a scope may speak of an address. Of names those of the internet only: what others lead
 * to, a stranger in the own network could say, too.
 */
export function isSayable({ host, port, isName }: TcpAddress, over: Scope): boolean {
  const scope = scopeOf(host);
  if (port === 0 || scope === undefined || !maySpeakOf(over, scope)) return false;
  return !isName || over === 'loopback' || scope === 'public';
}
