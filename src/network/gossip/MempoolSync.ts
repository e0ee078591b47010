import { setTimeout } from 'node:timers/promises';
import { BitmodelError } from '../../base/index.js';
import {
  type ChainNode,
  decodeTransaction,
  encodeTransaction,
  hashKey,
  type Transaction,
  transactionHash,
} from '../../chain/index.js';
import type { Host, PeerId, Protocol } from '../host/Host.js';
import type { Penalties } from '../peers/offences.js';
import { RateLimit } from '../peers/RateLimit.js';
import {
  ANSWER_BYTES,
  decodeGiven,
  decodeMempoolPage,
  decodeMempoolQuestion,
  decodeWanted,
  encodeGiven,
  encodeMempoolPage,
  encodeMempoolQuestion,
  encodeWanted,
  MOST_ASKED,
  MOST_LISTED,
  MOST_TOLD,
} from './codec.js';

/** Asks what waits in a mempool, or tells what does. */
export const MEMPOOL: Protocol = {
  name: 'mempool/1',
  maxFrame: 16 + 32 * MOST_LISTED,
  idleTimeout: 20_000,
  streamsPerPeer: 4,
  overRelay: true,
};

/** Hands out transactions of the mempool by id. */
export const TRANSACTIONS: Protocol = {
  name: 'transactions/1',
  // the last transaction may go beyond the bytes that an answer aims at
  maxFrame: ANSWER_BYTES + 1_000_000 + 16 * MOST_ASKED,
  idleTimeout: 20_000,
  streamsPerPeer: 4,
  overRelay: true,
};

const TIMEOUT = { timeout: 30_000 };
/** Pages of ids that are read of one mempool at a time: 131,072 transactions. */
const MOST_PAGES = 16;
/** Milliseconds between two looks into a neighbour's mempool, so that what was lost comes after all. */
const PERIOD = 60_000;
/** Milliseconds for which a new neighbour has time to say what it speaks, and how often it is looked for. */
const INTRODUCTION = 500;
const INTRODUCTIONS = 20;
/** Longest that an answer is held back from who asks faster than it may, in milliseconds; beyond it that is a flood. */
const LONGEST_HOLD = 10_000;

/** A transaction that a peer sent. */
export interface Arrived {
  readonly transaction: Transaction;
  readonly encoded: Uint8Array;
  /** 32 bytes in byte order. */
  readonly hash: Uint8Array;
  readonly from: PeerId;
}

/** What becomes of a transaction that was asked for. */
export type TakeTransaction = (arrived: Arrived) => Promise<unknown>;

export interface MempoolSyncOptions {
  readonly host: Host;
  readonly penalties: Penalties;
  readonly node: ChainNode;
  readonly take: TakeTransaction;
  /** Whether a transaction is worth asking for. */
  readonly isWanted: (hash: Uint8Array) => boolean;
  /** Milliseconds between two looks into a neighbour's mempool; a minute unless stated. */
  readonly period?: number | undefined;
}

/**
 * Brings mempools together where gossip alone does not: a new neighbour is asked what waits there, every minute one
 * neighbour is asked again, and what was freed by a reorganisation, or is this node's own, is told to all.
 */
export class MempoolSync {
  readonly #options: MempoolSyncOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #pulling = new Set<PeerId>();
  readonly #pages = new RateLimit({ perSecond: 1, burst: 2 * MOST_PAGES });
  readonly #told = new RateLimit({ perSecond: 5, burst: 100 });
  readonly #given = new RateLimit({ perSecond: 4 << 20, burst: 64 << 20 });
  readonly #onConnect = ({ peer }: { peer: PeerId }): void => void this.#greet(peer);
  #closed = false;

  constructor(options: MempoolSyncOptions) {
    this.#options = options;
    const { host, period = PERIOD } = options;
    host.answer(MEMPOOL, (frame, peer) => this.#answer(frame, peer));
    host.answer(TRANSACTIONS, (frame, peer) => this.#give(frame, peer));
    host.on('connect', this.#onConnect);
    for (const { peer } of host.connections()) void this.#greet(peer);
    this.#timer = setInterval(() => this.#pullFromSomeone(), period).unref();
  }

  /** Tells all neighbours of transactions that wait here; who lacks them asks. */
  async tell(hashes: readonly Uint8Array[]): Promise<void> {
    const { host } = this.#options;
    const peers = host
      .connections()
      .map(({ peer }) => peer)
      .filter((peer) => this.#speaks(peer));
    for (let at = 0; at < hashes.length && !this.#closed; at += MOST_TOLD) {
      const frame = encodeMempoolQuestion({ kind: 'have', ids: hashes.slice(at, at + MOST_TOLD) });
      // who doesn't listen just now is told of it when it looks into this mempool
      const tell = (peer: PeerId) => host.request(peer, MEMPOOL, frame, TIMEOUT);
      await Promise.allSettled([...new Set(peers)].map(tell));
    }
  }

  /** Asks a peer for transactions by id. @throws BitmodelError of the host, `BAD_ENCODING` */
  async fetch(peer: PeerId, hashes: readonly Uint8Array[]): Promise<void> {
    let wanted = hashes;
    while (wanted.length > 0 && !this.#closed) {
      const asked = wanted.slice(0, MOST_ASKED);
      const given = await this.#ask(peer, asked);
      if (given.size === 0) wanted = wanted.slice(asked.length);
      // what did not fit is asked for again, as long as something comes
      else wanted = wanted.filter((hash) => !given.has(hashKey(hash)));
    }
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#options.host.off('connect', this.#onConnect);
  }

  #speaks(peer: PeerId): boolean {
    return this.#options.host.protocolsOf(peer).includes(MEMPOOL.name);
  }

  async #greet(peer: PeerId): Promise<void> {
    for (let i = 0; i < INTRODUCTIONS && !this.#closed; i++) {
      await setTimeout(INTRODUCTION, undefined, { ref: false });
      if (!this.#options.host.isConnected(peer)) return;
      if (this.#speaks(peer)) return this.#pull(peer);
    }
  }

  #pullFromSomeone(): void {
    const peers = this.#options.host.connections().filter(({ peer }) => this.#speaks(peer));
    const chosen = peers[Math.floor(Math.random() * peers.length)];
    if (chosen) void this.#pull(chosen.peer);
  }

  /** Takes from a peer's mempool what is wanted here. */
  async #pull(peer: PeerId): Promise<void> {
    if (this.#pulling.has(peer)) return;
    this.#pulling.add(peer);
    try {
      await this.#readMempool(peer);
    } catch (thrown) {
      this.#failed(peer, thrown);
    } finally {
      this.#pulling.delete(peer);
    }
  }

  async #readMempool(peer: PeerId): Promise<void> {
    const { host, isWanted } = this.#options;
    let after: Uint8Array | undefined;
    for (let page = 0; page < MOST_PAGES && !this.#closed; page++) {
      const question = encodeMempoolQuestion({ kind: 'list', after });
      const answer = decodeMempoolPage(await host.request(peer, MEMPOOL, question, TIMEOUT));
      await this.fetch(peer, answer.ids.filter(isWanted));
      if (!answer.isMore) return;
      after = answer.ids.at(-1);
    }
  }

  async #ask(peer: PeerId, hashes: readonly Uint8Array[]): Promise<Set<string>> {
    const { host, penalties, take } = this.#options;
    const frame = await host.request(peer, TRANSACTIONS, encodeWanted(hashes), TIMEOUT);
    const unseen = new Set(hashes.map(hashKey));
    const given = new Set<string>();
    for (const encoded of decodeGiven(frame)) {
      const transaction = decodeTransaction(encoded);
      const hash = transactionHash(transaction);
      const key = hashKey(hash);
      if (!unseen.delete(key)) {
        penalties.penalise(peer, 'unasked', 'a transaction that was not asked for');
        return given;
      }
      given.add(key);
      await take({ transaction, encoded, hash, from: peer });
    }
    return given;
  }

  async #answer(frame: Uint8Array, peer: PeerId): Promise<Uint8Array> {
    const question = this.#decoded(peer, () => decodeMempoolQuestion(frame));
    if (question.kind === 'list') {
      await this.#hold(this.#pages, peer, 1);
      return encodeMempoolPage(this.#page(question.after));
    }
    await this.#hold(this.#told, peer, 1);
    const wanted = question.ids.filter(this.#options.isWanted);
    this.fetch(peer, wanted).catch((thrown: unknown) => this.#failed(peer, thrown));
    return new Uint8Array(0);
  }

  #page(after: Uint8Array | undefined): { ids: Uint8Array[]; isMore: boolean } {
    const { mempool } = this.#options.node;
    // an id that left meanwhile ends the listing: the next look begins anew
    if (after && !mempool.get(after)) return { ids: [], isMore: false };
    const key = after && hashKey(after);
    const ids: Uint8Array[] = [];
    let isBehind = key === undefined;
    for (const { hash } of mempool.entries()) {
      if (isBehind && ids.length === MOST_LISTED) return { ids, isMore: true };
      if (isBehind) ids.push(hash);
      else isBehind = hashKey(hash) === key;
    }
    return { ids, isMore: false };
  }

  async #give(frame: Uint8Array, peer: PeerId): Promise<Uint8Array> {
    const wanted = this.#decoded(peer, () => decodeWanted(frame));
    const given: Uint8Array[] = [];
    let bytes = 0;
    for (const hash of wanted) {
      const entry = this.#options.node.mempool.get(hash);
      if (entry && bytes < ANSWER_BYTES) {
        given.push(encodeTransaction(entry.transaction));
        bytes += entry.size;
      }
    }
    await this.#hold(this.#given, peer, bytes + 32 * wanted.length + 1000);
    return encodeGiven(given);
  }

  #decoded<T>(peer: PeerId, decode: () => T): T {
    try {
      return decode();
    } catch (thrown) {
      this.#failed(peer, thrown);
      throw thrown;
    }
  }

  /** Waits until a peer may have so much. @throws BitmodelError `FLOOD` */
  async #hold(limit: RateLimit, peer: PeerId, amount: number): Promise<void> {
    for (;;) {
      const wait = limit.wait(peer, amount);
      if (wait > LONGEST_HOLD) {
        this.#options.penalties.penalise(peer, 'flood', 'it asks too much about transactions');
        throw new BitmodelError('FLOOD', 'A peer asks more than its share about transactions.');
      }
      if (limit.take(peer, amount)) return;
      await setTimeout(Math.max(1, wait), undefined, { ref: false });
    }
  }

  /** A peer that says what is no message is held to it; one that went away is not. */
  #failed(peer: PeerId, thrown: unknown): void {
    if (!(thrown instanceof BitmodelError)) throw thrown;
    if (thrown.code === 'BAD_ENCODING') {
      this.#options.penalties.penalise(peer, 'garbage', thrown.message);
    }
  }
}
