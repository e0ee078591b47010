import {
  type ChainNode,
  decodeTransaction,
  encodeTransaction,
  hashKey,
  type Transaction,
  transactionHash,
} from '../../chain/index.js';
import type { Host, PeerId, Protocol } from '../host/Host.js';
import { Pace } from '../limits/Pace.js';
import type { Penalties } from '../peers/offences.js';
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
  type MempoolQuestion,
  MOST_ASKED,
  MOST_LISTED,
  MOST_TOLD,
} from './codec.js';
import { Reconciler } from './Reconciler.js';

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

/** What the comparison of mempools stands on. */
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
  readonly #reconciler: Reconciler<Uint8Array>;
  readonly #pages: Pace;
  readonly #told: Pace;
  readonly #given: Pace;

  constructor(options: MempoolSyncOptions) {
    this.#options = options;
    const { host, penalties, node, period = PERIOD } = options;
    const pace = (perSecond: number, burst: number): Pace =>
      new Pace({ perSecond, burst }, penalties, 'transactions');
    this.#pages = pace(1, 2 * MOST_PAGES);
    this.#told = pace(5, 100);
    this.#given = pace(4 << 20, 64 << 20);
    host.answer(MEMPOOL, (frame, peer) => this.#answer(frame, peer));
    host.answer(TRANSACTIONS, (frame, peer) => this.#give(frame, peer));
    this.#reconciler = new Reconciler({
      host,
      penalties,
      protocol: MEMPOOL,
      period,
      mostTold: MOST_TOLD,
      tell: (peer, ids) => this.#request(peer, { kind: 'have', ids }),
      pull: (peer) => this.#pull(peer),
      onFault: (_, message) => node.emit('warning', `Mempools: ${message}`),
    });
  }

  /** Tells all neighbours of transactions that wait here; who lacks them asks. */
  tell(hashes: readonly Uint8Array[]): void {
    this.#reconciler.tell(hashes);
  }

  /** Asks a peer for what it said it has, unless it says more than it gives: a later look into its mempool finds the rest. */
  follow(peer: PeerId, hashes: readonly Uint8Array[]): void {
    const { node, isWanted } = this.#options;
    const wanted = hashes.filter(isWanted);
    if (wanted.length === 0 || node.isFarBehind) return;
    this.#reconciler.follow(peer, () => this.#fetch(peer, wanted));
  }

  close(): void {
    this.#reconciler.close();
  }

  #request(peer: PeerId, question: MempoolQuestion): Promise<Uint8Array> {
    return this.#options.host.request(peer, MEMPOOL, encodeMempoolQuestion(question), TIMEOUT);
  }

  /** Asks a peer for transactions by id. @throws BitmodelError of the host, `BAD_ENCODING` */
  #fetch(peer: PeerId, hashes: readonly Uint8Array[]): Promise<void> {
    return this.#reconciler.fetch(hashes, MOST_ASKED, async (asked) => {
      const given = await this.#ask(peer, asked);
      return asked.filter((hash) => !given.has(hashKey(hash)));
    });
  }

  /** Takes from a peer's mempool what is wanted here. */
  async #pull(peer: PeerId): Promise<void> {
    const { node, isWanted } = this.#options;
    // a node that lacks a day of blocks can't judge transactions yet
    if (node.isFarBehind) return;
    let after: Uint8Array | undefined;
    for (let page = 0; page < MOST_PAGES && !this.#reconciler.isClosed; page++) {
      const answer = decodeMempoolPage(await this.#request(peer, { kind: 'list', after }));
      await this.#fetch(peer, answer.ids.filter(isWanted));
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
    const question = this.#reconciler.decoded(peer, () => decodeMempoolQuestion(frame));
    if (question.kind === 'list') {
      await this.#pages.hold(peer);
      return encodeMempoolPage(this.#page(question.after));
    }
    await this.#told.hold(peer);
    this.follow(peer, question.ids);
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
    const wanted = this.#reconciler.decoded(peer, () => decodeWanted(frame));
    const given: Uint8Array[] = [];
    let bytes = 0;
    for (const hash of wanted) {
      const entry = this.#options.node.mempool.get(hash);
      if (entry && bytes < ANSWER_BYTES) {
        given.push(encodeTransaction(entry.transaction));
        bytes += entry.size;
      }
    }
    await this.#given.hold(peer, bytes + 32 * wanted.length + 1000);
    return encodeGiven(given);
  }
}
