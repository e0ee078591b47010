import { BitmodelError, EXIT, equalBytes, messageOf } from '../../base/index.js';
import { encodeTransaction, type LightStore, type Transaction } from '../../chain/index.js';
import type { Host, PeerId } from '../host/Host.js';
import { type Claim, type Claims, claimOf } from './Claims.js';
import type { FactBook } from './FactBook.js';
import type { ProofClient } from './ProofClient.js';
import { choosePeers, noPeers } from './peers.js';
import { SUBMIT } from './protocols.js';
import { outgoingKey, outgoingRecord } from './records.js';
import { decodeSubmitAnswer, type SubmitAnswer } from './smallMessages.js';

/** What sent transactions are handed out with. */
export interface OutboxOptions {
  readonly host: Host;
  readonly store: LightStore;
  readonly facts: FactBook;
  readonly claims: Claims;
  readonly client: ProofClient;
  readonly patience?: number | undefined;
}

/** Peers that a transaction is handed to. */
const HANDED_TO = 6;
const PATIENCE = 10_000;
/** Most transactions that wait to be seen in a block. */
const MOST = 1_000;
/** What a reason may look like; another node can write anything. */
const REASON = /^[\w .,:;()'/-]{1,160}$/;

/** What became of a transaction that was handed to several nodes. */
export interface Handed {
  /** Whether one of them took it or had it already, or the chain holds it. */
  readonly isTaken: boolean;
  readonly isMined: boolean;
  /** Reasons of those who refused it. */
  readonly reasons: readonly string[];
  /** Whether every node that was asked refused it and said why: none of them can have passed it on. */
  readonly isRefused: boolean;
}

/**
 * Transactions of this node's own: handed to several nodes, written down, and handed over again after each block until
 * they are proven to be in one, or something else is proven to have spent their coins.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #waiting = new Map<string, Claim>();

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Takes up what an earlier run had sent. */
  recall(claims: readonly Claim[]): void {
    for (const claim of claims) {
      this.#waiting.set(claim.txid, claim);
      this.#options.claims.add(claim);
    }
  }

  /**
   * Writes a transaction down, and hands it to nodes. From then on its coins count as spent, whatever comes in between,
   * as a node may have taken it whose answer never came. Only when nobody was there, or all refused it, is it taken back.
   * @throws BitmodelError `NO_PEERS`, `TOO_MANY_WAITING`: it was not sent; `NO_ANSWER`: it may be, and is sent again
   */
  async send(transaction: Transaction): Promise<Handed> {
    const { claims, store } = this.#options;
    const claim = claimOf(encodeTransaction(transaction), true);
    const isNew = !this.#waiting.has(claim.txid);
    if (this.#waiting.size >= MOST && isNew) {
      throw new BitmodelError('TOO_MANY_WAITING', `${MOST} payments wait for a block already.`, {
        next: 'Wait for the next block',
      });
    }
    const peers = this.#peers();
    if (peers.length === 0) throw noPeers();
    store.change([outgoingRecord(claim)], []);
    this.#waiting.set(claim.txid, claim);
    claims.add(claim);
    const handed = await this.#hand(claim, peers);
    // what was sent before may have been taken by others then
    if (handed.isMined || (handed.isRefused && isNew)) this.#forget([claim]);
    return handed;
  }

  /**
   * Gives up a payment, and those of this node that spend what it makes: they are handed to nobody any more, and their
   * coins count as unspent. Nothing takes them back from nodes that have them, which may still bring them into a block.
   * @returns their ids; none where no such payment waits
   */
  abandon(txid: string): string[] {
    const first = this.#waiting.get(txid);
    if (!first) return [];
    const given = new Map([[first.txid, first]]);
    // what is added while it is gone through is gone through, too
    for (const { hash } of given.values()) {
      for (const each of this.#waiting.values()) {
        const { inputs } = each.transaction;
        if (inputs.some(({ outpoint }) => equalBytes(outpoint.hash, hash))) {
          given.set(each.txid, each);
        }
      }
    }
    this.#forget([...given.values()]);
    return [...given.keys()];
  }

  /** Forgets what is in a block, or never will be. */
  settle(): void {
    const { facts } = this.#options;
    const done = [...this.#waiting.values()].filter(({ txid, transaction }) => {
      const isSpent = transaction.inputs.some(({ outpoint }) => facts.spender(outpoint));
      return facts.get(txid) !== undefined || isSpent;
    });
    this.#forget(done);
  }

  /** After a block: asks whether transactions are in it, and hands over again what is not. Never throws. */
  async afterBlock(): Promise<void> {
    if (this.#waiting.size === 0) return;
    try {
      const hashes = [...this.#waiting.values()].map(({ hash }) => hash);
      await this.#options.client.ask('transactions', hashes);
      this.settle();
      for (const claim of this.#waiting.values()) {
        const peers = this.#peers();
        if (peers.length > 0) await this.#hand(claim, peers);
      }
    } catch (thrown) {
      // nobody is there now; after the next block it is tried again
      if (!(thrown instanceof BitmodelError)) throw thrown;
    }
  }

  #forget(done: readonly Claim[]): void {
    const { store, claims } = this.#options;
    for (const { txid } of done) {
      this.#waiting.delete(txid);
      claims.remove(txid);
    }
    store.change([], done.map(outgoingKey));
  }

  #peers(): PeerId[] {
    return choosePeers(this.#options.host, SUBMIT.asking.name, HANDED_TO);
  }

  async #hand(claim: Claim, peers: readonly PeerId[]): Promise<Handed> {
    const answers = await Promise.all(peers.map((peer) => this.#handTo(peer, claim)));
    const heard = answers.filter((answer) => answer !== undefined && answer.fate !== 'busy');
    const fates = heard.map((answer) => answer!.fate);
    const isTaken = fates.some((fate) => fate !== 'refused');
    const isRefused = !isTaken && heard.length === peers.length;
    if (!isTaken && !isRefused) throw unanswered(claim.txid);
    return {
      isTaken,
      isRefused,
      isMined: fates.includes('mined') && this.#options.facts.get(claim.txid) !== undefined,
      reasons: heard
        .filter((answer) => answer!.fate === 'refused')
        .map((answer) => (REASON.test(answer!.reason) ? answer!.reason : 'refused')),
    };
  }

  /** Undefined when the peer gave no answer that can be read. */
  async #handTo(peer: PeerId, { bytes }: Claim): Promise<SubmitAnswer | undefined> {
    const { host, patience = PATIENCE } = this.#options;
    try {
      const answer = await host.request(peer, SUBMIT.asking, bytes, { timeout: patience });
      return decodeSubmitAnswer(answer);
    } catch (thrown) {
      if (thrown instanceof BitmodelError) return undefined;
      throw new Error(messageOf(thrown), { cause: thrown });
    }
  }
}

/** It may have been taken: whoever pays again with other coins may pay twice. */
function unanswered(txid: string): BitmodelError {
  return new BitmodelError('NO_ANSWER', `Not every node said whether it takes payment ${txid}.`, {
    next: `Do not pay again: it is kept, and handed to nodes after each block until it is in one; to give it up: bitmodel wallet abandon ${txid}`,
    exitCode: EXIT.unreachable,
  });
}
