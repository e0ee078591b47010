import type { Transaction } from '../codec/transaction.js';
import { medianTimePast, rememberedByHeight } from '../consensus/headers.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import { RejectError, rejectTransaction } from '../consensus/RejectError.js';
import type { ScriptVerifier } from '../consensus/ScriptVerifier.js';
import type { ChainStore } from '../store/ChainStore.js';
import { type AdmitContext, type Admitted, admit } from './admit.js';
import type { MempoolEntry, NewEntry } from './entry.js';
import { FeeEstimator } from './FeeEstimator.js';
import type { Mempool } from './Mempool.js';
import { MIN_RELAY_FEE_RATE, MinimumFee } from './MinimumFee.js';
import { Readmission } from './Readmission.js';
import { conflictsOf } from './replacement.js';

/** Most bytes of memory that a mempool takes unless stated; Bitcoin Core's. */
const DEFAULT_MEMPOOL_BYTES = 300_000_000;

/** Hours after which a transaction that no block took is given up, unless stated; Bitcoin Core's. */
const DEFAULT_MEMPOOL_EXPIRY = 336;

/** Seconds between two looks at who has waited too long. */
const EXPIRY_STEP = 60;
const HOUR = 3_600;
const PER_KILOBYTE = 1_000n;

/** What the mempool's door needs. */
export interface AdmissionOptions {
  readonly mempool: Mempool;
  readonly store: ChainStore;
  readonly parameters: NetworkParameters;
  readonly scripts: ScriptVerifier;
  readonly medianTimeAt: (height: number) => number;
  /** Seconds since 1970. */
  readonly now: () => number;
  /** Most bytes of memory; {@link DEFAULT_MEMPOOL_BYTES} unless stated. */
  readonly bytes?: number | undefined;
  /** Hours; {@link DEFAULT_MEMPOOL_EXPIRY} unless stated. */
  readonly expiry?: number | undefined;
}

/** What came of one transaction of a package that was only tried. */
export type Trial =
  | { readonly entry: NewEntry }
  | { readonly refused: RejectError }
  /** Not tried, because one before it was refused. */
  | undefined;

/** The mempool's door: who may come in, who must go for it, and what blocks and reorganisations change. */
export class Admission {
  readonly estimator = new FeeEstimator();
  /** Most bytes of memory that the mempool takes. */
  readonly bytes: number;
  readonly #options: AdmissionOptions;
  readonly #mempool: Mempool;
  readonly #minimum = new MinimumFee();
  readonly #expiry: number;
  #expired = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#mempool = options.mempool;
    this.bytes = options.bytes ?? DEFAULT_MEMPOOL_BYTES;
    this.#expiry = (options.expiry ?? DEFAULT_MEMPOOL_EXPIRY) * HOUR;
  }

  /** What a transaction must pay to come in, in base units per 1,000 bytes. */
  get minimumFee(): bigint {
    const asked = this.#rollingMinimum();
    const relayed = MIN_RELAY_FEE_RATE * PER_KILOBYTE;
    return asked > relayed ? asked : relayed;
  }

  /**
   * Takes a transaction in, in place of what it replaces.
   * @throws RejectError `TX_REJECTED` with Bitcoin's reason
   */
  submit(transaction: Transaction): MempoolEntry {
    const entry = this.#take(admit(transaction, this.#context()));
    this.#trim();
    if (!this.#mempool.get(entry.hash)) throw rejectTransaction('mempool full');
    this.estimator.entered(entry);
    return entry;
  }

  /** Whether a transaction would be taken. Changes nothing. */
  trial(transaction: Transaction): Exclude<Trial, undefined> {
    try {
      return { entry: admit(transaction, this.#context()).entry };
    } catch (thrown) {
      if (!(thrown instanceof RejectError)) throw thrown;
      return { refused: thrown };
    }
  }

  /**
   * Whether transactions that may spend from each other, parents first, would be taken one after the other. Together
   * they can't replace anything. Changes nothing.
   */
  testPackage(transactions: readonly Transaction[]): Trial[] {
    const taken: MempoolEntry[] = [];
    const trials: Trial[] = [];
    try {
      for (const transaction of transactions) {
        const before = trials.at(-1);
        if (trials.length > 0 && (!before || 'refused' in before)) trials.push(undefined);
        else trials.push(this.#try(transaction, taken));
      }
    } finally {
      for (const entry of taken.toReversed()) this.#mempool.withdraw(entry);
    }
    return trials;
  }

  /**
   * Takes a transaction that waited before, as a stopped node wrote it down.
   * @param time when it came at first, seconds since 1970
   * @throws RejectError `expired`, or as {@link submit}
   */
  restore(transaction: Transaction, time: number): void {
    if (time + this.#expiry < this.#options.now()) throw rejectTransaction('expired');
    const { entry, replaced } = admit(transaction, this.#context());
    this.#take({ entry: { ...entry, time }, replaced });
    this.#trim();
  }

  /** A block became the tip on top of the last one. */
  blockConnected(
    height: number,
    transactions: readonly Transaction[],
    hashes: readonly Uint8Array[],
  ): void {
    const { confirmed, conflicts } = this.#mempool.removeForBlock(transactions, hashes);
    this.estimator.left(conflicts);
    this.estimator.confirmed(height, confirmed);
    this.#minimum.blockConnected(this.#options.now());
    this.expire();
  }

  /**
   * After a reorganisation all must pass again, those of the blocks that were left first: what is in a block of the new
   * branch, or is no longer valid there, goes with all that depends on it. The mempool stays what it is, and takes what
   * holds on the old chain, until all have been tried.
   * @param freed transactions of those blocks, parents before children
   * @param store shows the new chain
   * @param show called in the turn in which the mempool becomes that of the new chain
   */
  async reorganised(
    freed: readonly Transaction[],
    store = this.#options.store,
    show = () => {},
  ): Promise<void> {
    const medianTimeAt = (height: number): number => medianTimePast(store.headerAt(height)!, store);
    const context = { ...this.#context(store), medianTimeAt: rememberedByHeight(medianTimeAt) };
    const readmission = new Readmission(this.#mempool, context);
    await readmission.run(freed, () => {
      show();
      this.#mempool.replaceWith(readmission.mempool);
      this.#minimum.blockConnected(this.#options.now());
      this.estimator.left(readmission.left);
      this.estimator.confirmed(store.tip().height, readmission.confirmed);
      this.expire();
      this.#trim();
    });
  }

  /** Gives up what has waited too long. */
  expire(): void {
    const now = this.#options.now();
    this.#expired = now;
    const old = [...this.#mempool.entries()].filter(({ time }) => time + this.#expiry < now);
    for (const entry of old) {
      // it may have gone with one that it depended on
      if (this.#mempool.get(entry.hash)) this.estimator.left(this.#mempool.remove(entry));
    }
  }

  #take({ entry, replaced }: Admitted): MempoolEntry {
    for (const each of replaced) {
      if (this.#mempool.get(each.hash)) this.estimator.left(this.#mempool.remove(each));
    }
    return this.#mempool.add(entry);
  }

  #try(transaction: Transaction, taken: MempoolEntry[]): Trial {
    if (conflictsOf(transaction, this.#mempool).size > 0) {
      return { refused: rejectTransaction('bip125-replacement-disallowed') };
    }
    const trial = this.trial(transaction);
    if ('entry' in trial) taken.push(this.#mempool.add(trial.entry));
    return trial;
  }

  #trim(): void {
    if (this.#options.now() > this.#expired + EXPIRY_STEP) this.expire();
    const { evicted, rate } = this.#mempool.evict(this.bytes);
    if (rate) this.#minimum.raise(rate);
    this.estimator.left(evicted);
  }

  #rollingMinimum(): bigint {
    return this.#minimum.at(this.#options.now(), this.#mempool.usage / this.bytes);
  }

  #context(store = this.#options.store): AdmitContext {
    const { parameters, scripts, medianTimeAt, now } = this.#options;
    return {
      store,
      mempool: this.#mempool,
      parameters,
      scripts,
      height: store.tip().height + 1,
      medianTimeAt: rememberedByHeight(medianTimeAt),
      minimumFee: this.#rollingMinimum(),
      now: now(),
    };
  }
}
