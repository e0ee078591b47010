import { messageOf } from '../../base/index.js';
import type { Host, PeerId } from '../host/Host.js';
import { RateLimit } from '../limits/RateLimit.js';
import { machineOf, readMultiaddr, scopeOf, toMultiaddr } from '../peers/addresses.js';
import type { Penalties } from '../peers/offences.js';
import { decodeQuestion, encodeAnswer, type Outcome, REACH } from './messages.js';

/** What {@link DialBack} needs. */
export interface DialBackOptions {
  readonly host: Host;
  readonly penalties: Penalties;
}

/** Questions that a peer may ask; an honest one asks a few when it starts, then every few minutes at most. */
const QUESTIONS = { perSecond: 1 / 30, burst: 6 };
/** Questions beyond which a peer is blamed: one whose link comes and goes asks each time that it is back. */
const PATIENCE = { perSecond: 1, burst: 60 };
/** Dials towards one machine, whoever asks for them: ids cost nothing. */
const DIALS = { perSecond: 1 / 10, burst: 12 };
/** This machine's own programs all are at one address. */
const OWN_DIALS = { perSecond: 10, burst: 200 };
/** Dials towards everybody. */
const ALL_DIALS = { perSecond: 5, burst: 200 };
/** Questions worked on at once; more are answered without dialling. */
const AT_ONCE = 8;
/** Milliseconds for one dial. */
const DIAL_TIMEOUT = 5_000;

/**
 * Dials peers back that ask for it (`reach/1`), so that they learn whether others can dial them. It dials the address
 * that the peer's own connection comes from and no other, and only for a peer that proves its id there.
 */
export class DialBack {
  readonly #options: DialBackOptions;
  readonly #questions = new RateLimit(QUESTIONS);
  readonly #patience = new RateLimit(PATIENCE);
  readonly #dials = new RateLimit(DIALS);
  readonly #ownDials = new RateLimit(OWN_DIALS);
  readonly #all = new RateLimit(ALL_DIALS);
  readonly #ending = new AbortController();
  #underWay = 0;

  constructor(options: DialBackOptions) {
    this.#options = options;
    options.host.answer(REACH, (frame, peer) => this.#answer(frame, peer));
  }

  close(): void {
    this.#ending.abort();
  }

  async #answer(frame: Uint8Array, peer: PeerId): Promise<Uint8Array> {
    const { penalties } = this.#options;
    let ports: number[];
    try {
      ports = decodeQuestion(frame);
    } catch (thrown) {
      penalties.penalise(peer, 'garbage', messageOf(thrown));
      throw thrown;
    }
    const host = this.#placeOf(peer);
    if (!this.#patience.take(peer)) {
      penalties.penalise(peer, 'flood', 'asks to be dialled too often');
    }
    if (!this.#questions.take(peer)) {
      return encodeAnswer({ host, outcomes: ports.map(() => 'untried') });
    }
    const outcomes: Outcome[] = [];
    // one after another: the host joins dials of one peer
    for (const port of ports) outcomes.push(await this.#dial(peer, host, port));
    return encodeAnswer({ host, outcomes });
  }

  async #dial(peer: PeerId, host: string, port: number): Promise<Outcome> {
    if (host === '' || this.#underWay >= AT_ONCE || this.#ending.signal.aborted) return 'untried';
    const perMachine = scopeOf(host) === 'loopback' ? this.#ownDials : this.#dials;
    if (!perMachine.take(machineOf(host)) || !this.#all.take('')) return 'untried';
    this.#underWay++;
    try {
      await this.#options.host.probe(toMultiaddr(host, port, peer), {
        timeout: DIAL_TIMEOUT,
        signal: this.#ending.signal,
      });
      return 'open';
    } catch (thrown) {
      const isOwnRule = (thrown as { code?: unknown }).code === 'PEER_REFUSED';
      return isOwnRule || this.#ending.signal.aborted ? 'untried' : 'closed';
    } finally {
      this.#underWay--;
    }
  }

  /** The IP address at which a peer is seen; empty where only relays lead to it. */
  #placeOf(peer: PeerId): string {
    for (const connection of this.#options.host.connections()) {
      if (connection.peer !== peer || connection.isRelayed) continue;
      const at = readMultiaddr(connection.address);
      if (at && !at.isName && scopeOf(at.host) !== undefined) return at.host;
    }
    return '';
  }
}
