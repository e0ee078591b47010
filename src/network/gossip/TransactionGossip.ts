import { BitmodelError, messageOf } from '../../base/index.js';
import {
  type ChainNode,
  decodeTransaction,
  encodeTransaction,
  hashKey,
  idToHash,
  RejectError,
  type Transaction,
  transactionHash,
} from '../../chain/index.js';
import type { GossipVerdict, Host, PeerId, Topic } from '../host/Host.js';
import { FairQueue } from '../limits/FairQueue.js';
import type { Penalties } from '../peers/offences.js';
import { type Arrived, MempoolSync } from './MempoolSync.js';
import { Orphans } from './Orphans.js';
import { refusalOf } from './reasons.js';

/** Where transactions are gossiped. */
export const TRANSACTION_TOPIC = 'transactions/1';
/** Longest transaction that is relayed (docs/mempool.md). */
const MAX_BYTES = 1_000_000;

/** What waits to be looked at: at most 32 MB of transactions. */
const QUEUE = {
  tasks: 8192,
  tasksPerPeer: 2048,
  bytes: 32 << 20,
  perSecond: 500,
  burst: 5000,
  bytesPerSecond: 4 << 20,
  bytesBurst: 32 << 20,
};

/** Refused transactions that are not asked for again before the next block. */
const MOST_REFUSED = 4096;
/** Blocks after which own transactions that still wait are told again, and how many of them are remembered. */
const TELL_PERIOD = 6;
const MOST_OWN = 4096;
/** Most unknown transactions that one may spend from and still wait for them. */
const MOST_MISSING = 100;

/** What the gossip of transactions stands on. */
export interface TransactionGossipOptions {
  readonly host: Host;
  readonly penalties: Penalties;
  readonly node: ChainNode;
  /** Told in one sentence what went wrong that the node can go on without. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Milliseconds between two looks into a neighbour's mempool; a minute unless stated. */
  readonly period?: number | undefined;
}

/**
 * Passes transactions on: those of neighbours once the own mempool has taken them, and those that were brought here. Who
 * passes on what breaks a rule of the chain is penalised; what merely isn't wanted here, or not yet, is kept from
 * others without blame, and what spends something unknown waits a while for it.
 */
export class TransactionGossip {
  readonly #options: TransactionGossipOptions;
  readonly #queue = new FairQueue(QUEUE);
  readonly #orphans = new Orphans();
  readonly #sync: MempoolSync;
  /** Transactions that came from a peer and are on their way into the mempool. */
  readonly #arriving = new Set<string>();
  readonly #refused = new Set<string>();
  /** Printed ids of transactions that were brought here, with the height at which they were last told. */
  readonly #own = new Map<string, number>();
  readonly #onTransaction = (transaction: Transaction, txid: string): void =>
    this.#admitted(transaction, txid);
  readonly #onBlock = (): void => this.#advance();
  readonly #onFreed = (freed: readonly Transaction[]): void => this.#tellFreed(freed);
  readonly #onDisconnect = (peer: PeerId): void => this.#orphans.forget(peer);

  constructor(options: TransactionGossipOptions) {
    this.#options = options;
    const { host, penalties, node } = options;
    const topic: Topic = {
      name: TRANSACTION_TOPIC,
      maxBytes: MAX_BYTES,
      validate: (data, from) => this.#validate(data, from),
    };
    host.join(topic);
    host.on('disconnect', this.#onDisconnect);
    node.on('transaction', this.#onTransaction);
    node.on('block', this.#onBlock);
    node.on('freed', this.#onFreed);
    this.#sync = new MempoolSync({
      host,
      penalties,
      node,
      take: (arrived) => this.#takeAndTell(arrived) ?? Promise.resolve(),
      isWanted: (hash) => this.#isWanted(hash),
      period: options.period,
    });
  }

  /** Transactions that wait for their parents, and their bytes. */
  get orphans(): { readonly count: number; readonly bytes: number } {
    return { count: this.#orphans.size, bytes: this.#orphans.bytes };
  }

  /** Transactions that wait to be looked at, and their bytes. */
  get waiting(): { readonly count: number; readonly bytes: number } {
    return { count: this.#queue.size, bytes: this.#queue.bytes };
  }

  close(): void {
    const { host, node } = this.#options;
    host.off('disconnect', this.#onDisconnect);
    node.off('transaction', this.#onTransaction);
    node.off('block', this.#onBlock);
    node.off('freed', this.#onFreed);
    this.#sync.close();
    this.#queue.close();
  }

  #isWanted(hash: Uint8Array): boolean {
    const { mempool, store } = this.#options.node;
    if (mempool.get(hash) || this.#refused.has(hashKey(hash))) return false;
    return !this.#orphans.has(hash) && !store.hasTransaction(hash);
  }

  async #validate(encoded: Uint8Array, from: PeerId): Promise<GossipVerdict> {
    // who lacks a day of blocks can't judge it yet
    if (this.#options.node.isFarBehind) return 'ignore';
    let transaction: Transaction;
    try {
      transaction = decodeTransaction(encoded);
    } catch (thrown) {
      if (!(thrown instanceof BitmodelError)) throw thrown;
      return 'reject';
    }
    const hash = transactionHash(transaction);
    const verdict = this.#inTurn({ transaction, encoded, hash, from });
    // it is undefined when the queue was closed meanwhile
    if (verdict) return (await verdict) ?? 'ignore';
    this.#options.penalties.penalise(from, 'flood', 'more transactions than can be looked at');
    return 'ignore';
  }

  #inTurn(arrived: Arrived): Promise<GossipVerdict | undefined> | undefined {
    return this.#queue.run(arrived.from, arrived.encoded.length, () => this.#take(arrived));
  }

  async #take(arrived: Arrived): Promise<GossipVerdict> {
    const { node } = this.#options;
    if (node.mempool.get(arrived.hash)) return 'ignore';
    const key = hashKey(arrived.hash);
    this.#arriving.add(key);
    try {
      await node.submitTransaction(arrived.transaction);
      return 'accept';
    } catch (thrown) {
      if (thrown instanceof RejectError) return this.#refuse(arrived, thrown);
      // a store that failed says so itself; the transaction may be good
      this.#options.onWarning?.(`A transaction could not be looked at. ${messageOf(thrown)}`);
      return 'ignore';
    } finally {
      this.#arriving.delete(key);
    }
  }

  #refuse(arrived: Arrived, { reason, message }: RejectError): GossipVerdict {
    const refusal = refusalOf(reason);
    if (refusal === 'missing' && this.#waits(arrived)) return 'ignore';
    if (this.#refused.size < MOST_REFUSED) this.#refused.add(hashKey(arrived.hash));
    if (refusal !== 'invalid') return 'ignore';
    this.#options.penalties.penalise(arrived.from, 'invalid-transaction', message);
    return 'blamed';
  }

  /** Keeps what spends something unknown until that comes, and asks its sender for it; false when it is spent, or too much is missing. */
  #waits(arrived: Arrived): boolean {
    const { node } = this.#options;
    const unknown = arrived.transaction.inputs.filter(({ outpoint }) => !node.output(outpoint));
    const missing = [
      ...new Map(unknown.map(({ outpoint: { hash } }) => [hashKey(hash), hash])).values(),
    ];
    if (missing.length === 0 || missing.length > MOST_MISSING) return false;
    this.#orphans.add({ ...arrived, missing });
    this.#sync.follow(arrived.from, missing);
    return true;
  }

  #admitted(transaction: Transaction, txid: string): void {
    const hash = idToHash(txid);
    for (const child of this.#orphans.takeChildren(hash)) this.#retry(child);
    // what came from a peer is passed on by the verdict on it, or told of once it is here
    if (this.#arriving.has(hashKey(hash))) return;
    if (this.#own.size < MOST_OWN) this.#own.set(txid, this.#options.node.tip.height);
    this.#publish(transaction);
  }

  #retry(orphan: Arrived): void {
    // no room just now: it comes again with the next look into a neighbour's mempool
    void this.#takeAndTell(orphan);
  }

  /** Takes what was asked for, or had to wait: gossip won't carry it on, as neighbours may have seen and left it. */
  #takeAndTell(arrived: Arrived): Promise<void> | undefined {
    return this.#inTurn(arrived)?.then((verdict) => {
      if (verdict === 'accept') this.#sync.tell([arrived.hash]);
    });
  }

  #publish(transaction: Transaction): void {
    this.#options.host
      .publish(TRANSACTION_TOPIC, encodeTransaction(transaction))
      .catch((thrown: unknown) =>
        this.#options.onWarning?.(`A transaction was not passed on. ${messageOf(thrown)}`),
      );
  }

  /** What lacked a coin may have it now, what was too early may not be, and own transactions that wait are told again. */
  #advance(): void {
    this.#refused.clear();
    this.#orphans.expire();
    for (const orphan of this.#orphans.takeAll()) this.#retry(orphan);
    const { node } = this.#options;
    const due: Uint8Array[] = [];
    for (const [txid, height] of this.#own) {
      const hash = idToHash(txid);
      if (!node.mempool.get(hash)) this.#own.delete(txid);
      else if (node.tip.height >= height + TELL_PERIOD) {
        this.#own.set(txid, node.tip.height);
        due.push(hash);
      }
    }
    this.#sync.tell(due);
  }

  #tellFreed(freed: readonly Transaction[]): void {
    const { mempool } = this.#options.node;
    this.#sync.tell(freed.map(transactionHash).filter((hash) => mempool.get(hash)));
  }
}
