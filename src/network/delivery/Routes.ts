import { randomBytes } from 'node:crypto';
import { BitmodelError, messageOf, toHex } from '../../base/index.js';
import { ByteReader, ByteWriter } from '../../chain/index.js';
import type { Host, PeerId, Protocol } from '../host/Host.js';
import { PEER_ID_LENGTH, peerIdBytes, peerIdFromBytes } from '../host/peerKeys.js';
import { RateLimit } from '../limits/RateLimit.js';
import type { Penalties } from '../peers/offences.js';
import { CarryLimit } from './CarryLimit.js';
import { MAX_HOPS } from './envelope.js';

const ROUTE: Protocol = {
  name: 'route/1',
  maxFrame: 256,
  idleTimeout: 10_000,
  streamsPerPeer: 16,
};
/** Milliseconds that neighbours have for saying whether they know a way. */
const ASK_TIMEOUT = 3_000;
/** Neighbours asked at once by whoever looks for a way, and by each node asked. */
const MOST_ASKED = 16;
const MOST_PASSED = 8;
/** Questions remembered, so that each is answered once per node. */
const MOST_SEEN = 5_000;
const ID_LENGTH = 16;
/** Questions taken from one neighbour. */
const RATE = { perSecond: 20, burst: 100 };

/** A question of `route/1`: who leads to a peer, over at most so many nodes more. */
export interface RouteQuestion {
  readonly id: Uint8Array;
  readonly to: Uint8Array;
  /** Nodes that may lie between whoever is asked and the peer, 0 to 2. */
  readonly hops: number;
}

/** Bytes of a question of `route/1`: `id 16 | peer 38 | hops u8`. */
export function encodeQuestion(question: RouteQuestion): Uint8Array {
  const writer = new ByteWriter().bytes(question.id).bytes(question.to).u8(question.hops);
  return writer.finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodeQuestion(bytes: Uint8Array): RouteQuestion {
  return ByteReader.whole(bytes, (reader) => {
    const id = reader.bytes(ID_LENGTH);
    const to = reader.bytes(PEER_ID_LENGTH);
    const hops = reader.u8();
    if (hops >= MAX_HOPS) throw bad('it asks too far');
    return { id, to, hops };
  });
}

/** Writes a path from whoever answers to the peer, which is its last; empty when there is none. */
export function encodePath(path: readonly Uint8Array[]): Uint8Array {
  return new ByteWriter().list(path, (to, peer) => to.bytes(peer)).finish();
}

/** @throws BitmodelError `BAD_ENCODING` */
export function decodePath(bytes: Uint8Array): Uint8Array[] {
  return ByteReader.whole(bytes, (reader) =>
    reader.list(PEER_ID_LENGTH, MAX_HOPS, () => reader.bytes(PEER_ID_LENGTH)),
  );
}

/** Finds ways to a node over neighbours, and tells neighbours of ours: small questions go around, messages don't. */
export class Routes {
  readonly #host: Host;
  readonly #penalties: Penalties;
  readonly #rate = new RateLimit(RATE);
  readonly #outgoing = new CarryLimit(RATE);
  readonly #seen = new Set<string>();

  constructor(host: Host, penalties: Penalties, answers: boolean) {
    this.#host = host;
    this.#penalties = penalties;
    if (answers) host.answer(ROUTE, (frame, peer) => this.#onQuestion(frame, peer));
  }

  /** Ways to a peer over neighbours, as they answer: first those over one node, then longer ones. */
  async *find(peer: PeerId, end: number): AsyncGenerator<readonly PeerId[]> {
    const to = await peerIdBytes(peer);
    for (let hops = 0; hops < MAX_HOPS; hops++) {
      const question = { id: new Uint8Array(randomBytes(ID_LENGTH)), to, hops };
      const timeout = Math.min(ASK_TIMEOUT, end - Date.now());
      if (timeout <= 0) return;
      const asked = this.#neighbours([peer])
        .slice(0, MOST_ASKED)
        .filter((each) => this.#outgoing.take(each));
      const paths = await this.#ask(question, asked, timeout);
      for (const path of paths) yield path;
    }
  }

  /** Asks neighbours at once; the ways they know, each from that neighbour to the peer. */
  async #ask(
    question: RouteQuestion,
    asked: readonly PeerId[],
    timeout: number,
  ): Promise<PeerId[][]> {
    const frame = encodeQuestion(question);
    const paths = await Promise.all(
      asked.map((peer) => this.#askOne(peer, frame, question, timeout)),
    );
    const known = paths.filter((path) => path !== undefined);
    return known.sort((a, b) => a.length - b.length);
  }

  async #askOne(
    peer: PeerId,
    frame: Uint8Array,
    question: RouteQuestion,
    timeout: number,
  ): Promise<PeerId[] | undefined> {
    let answer: Uint8Array;
    try {
      answer = await this.#host.request(peer, ROUTE, frame, { timeout });
    } catch {
      return undefined;
    }
    try {
      const bytes = decodePath(answer);
      if (bytes.length === 0) return undefined;
      const rest = await Promise.all(bytes.map(peerIdFromBytes));
      const leadsThere = toHex(bytes.at(-1)!) === toHex(question.to);
      const path = [peer, ...rest];
      if (!leadsThere || rest.length > question.hops + 1) throw bad('its path leads elsewhere');
      // a path that comes by here, or twice by anybody, is no way, but two nodes may have moved meanwhile
      return new Set([...path, this.#host.id]).size === path.length + 1 ? path : undefined;
    } catch (thrown) {
      this.#penalties.penalise(peer, 'garbage', messageOf(thrown));
      return undefined;
    }
  }

  #neighbours(except: readonly PeerId[]): PeerId[] {
    const peers = new Set<PeerId>();
    for (const { peer, isRelayed } of this.#host.connections()) {
      if (isRelayed || except.includes(peer)) continue;
      if (this.#host.protocolsOf(peer).includes(ROUTE.name)) peers.add(peer);
    }
    return [...peers];
  }

  async #onQuestion(frame: Uint8Array, from: PeerId): Promise<Uint8Array> {
    // no blame: who asks first is not told, and whoever passes it on is not at fault
    if (!this.#rate.take(from)) return encodePath([]);
    let question: RouteQuestion;
    let peer: PeerId;
    try {
      question = decodeQuestion(frame);
      peer = await peerIdFromBytes(question.to);
    } catch (thrown) {
      this.#penalties.penalise(from, 'garbage', messageOf(thrown));
      throw thrown;
    }
    if (this.#isSeen(question)) return encodePath([]);
    if (peer !== from && this.#host.isConnected(peer)) return encodePath([question.to]);
    if (question.hops === 0) return encodePath([]);
    const onward = { ...question, hops: question.hops - 1 };
    const timeout = (ASK_TIMEOUT * question.hops) / MAX_HOPS;
    const able = this.#neighbours([from, peer]).slice(0, MOST_PASSED);
    const asked = able.filter((each) => this.#outgoing.carry(each));
    const [path] = await this.#ask(onward, asked, timeout);
    return encodePath(path === undefined ? [] : await Promise.all(path.map(peerIdBytes)));
  }

  #isSeen(question: RouteQuestion): boolean {
    const key = toHex(question.id);
    if (this.#seen.has(key)) return true;
    this.#seen.add(key);
    const oldest = this.#seen.values().next().value;
    if (this.#seen.size > MOST_SEEN && oldest !== undefined) this.#seen.delete(oldest);
    return false;
  }
}

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_ENCODING', `This is nothing of route/1: ${why}.`);
}
