import { BitmodelError, EXIT, messageOf } from '../../base/index.js';
import { encodeTransaction, type LightStore, type Transaction } from '../../chain/index.js';
import type { Host, PeerId } from '../host/Host.js';
import { type Claim, type Claims, claimOf } from './Claims.js';
import type { FactBook } from './FactBook.js';
import type { ProofClient } from './ProofClient.js';
import { choosePeers, noPeers } from './peers.js';
import { SUBMIT } from './protocols.js';
import { outgoingKey, outgoingRecord } from './records.js';
import { decodeSubmitAnswer, type SubmitAnswer } from './smallMessages.js';

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
   * Hands a transaction to nodes, and keeps it when one took it.
   * @throws BitmodelError `NO_PEERS`, `NO_ANSWER`; `TOO_MANY_WAITING`
   */
  async send(transaction: Transaction): Promise<Handed> {
    const { claims, store } = this.#options;
    const claim = claimOf(encodeTransaction(transaction), true);
    if (this.#waiting.size >= MOST && !this.#waiting.has(claim.txid)) {
      throw new BitmodelError('TOO_MANY_WAITING', `${MOST} payments wait for a block already.`, {
        next: 'Wait for the next block',
      });
    }
    const handed = await this.#hand(claim);
    if (!handed.isTaken || handed.isMined) return handed;
    this.#waiting.set(claim.txid, claim);
    claims.add(claim);
    store.change([outgoingRecord(claim)], []);
    return handed;
  }

  /** Forgets what is in a block, or never will be. */
  settle(): void {
    const { facts, store, claims } = this.#options;
    const done = [...this.#waiting.values()].filter(({ txid, transaction }) => {
      const isSpent = transaction.inputs.some(({ outpoint }) => facts.spender(outpoint));
      return facts.get(txid) !== undefined || isSpent;
    });
    for (const { txid } of done) {
      this.#waiting.delete(txid);
      claims.remove(txid);
    }
    store.change([], done.map(outgoingKey));
  }

  /** After a block: asks whether transactions are in it, and hands over again what is not. Never throws. */
  async afterBlock(): Promise<void> {
    if (this.#waiting.size === 0) return;
    try {
      const hashes = [...this.#waiting.values()].map(({ hash }) => hash);
      await this.#options.client.ask('transactions', hashes);
      this.settle();
      for (const claim of this.#waiting.values()) await this.#hand(claim);
    } catch (thrown) {
      // nobody is there now; after the next block it is tried again
      if (!(thrown instanceof BitmodelError)) throw thrown;
    }
  }

  async #hand(claim: Claim): Promise<Handed> {
    const peers = choosePeers(this.#options.host, SUBMIT.asking.name, HANDED_TO);
    if (peers.length === 0) throw noPeers();
    const answers = await Promise.all(peers.map((peer) => this.#handTo(peer, claim)));
    const heard = answers.filter((answer) => answer !== undefined && answer.fate !== 'busy');
    if (heard.length === 0) {
      throw new BitmodelError('NO_ANSWER', 'No node said whether it takes the transaction.', {
        next: 'Send it again in a moment; it does no harm twice',
        exitCode: EXIT.unreachable,
      });
    }
    const fates = heard.map((answer) => answer!.fate);
    return {
      isTaken: fates.some((fate) => fate !== 'refused'),
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
