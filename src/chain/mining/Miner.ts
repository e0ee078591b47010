import { deferred, equalBytes } from '../../base/index.js';
import { type BlockHeader, encodeHeader } from '../codec/block.js';
import { type Transaction, transactionHash } from '../codec/transaction.js';
import { bitsToTarget } from '../consensus/target.js';
import type { ChainNode } from '../node/ChainNode.js';
import {
  BLOCK_VERSION,
  type BlockTemplate,
  BlockTemplates,
  timeAndBits,
} from './BlockTemplates.js';
import { coinbaseBranch, rootOfBranch } from './branch.js';
import { makeCoinbase, nextExtraNonce } from './coinbase.js';
import { MinerThreads } from './MinerThreads.js';
import type { WorkResult } from './minerThread.js';
import { surviveRefusal } from './refusal.js';

/** What a miner works for, and with how many threads. */
export interface MinerOptions {
  readonly node: ChainNode;
  /** Locking script that blocks pay to. */
  readonly lockingScript: Uint8Array;
  /** How many threads search. */
  readonly threads: number;
}

/** Milliseconds after which work is renewed: with a later time, and with what pays better by then. */
const RENEWAL = 10_000;
/** Milliseconds between two counts of what was tried, and how many counts make up the rate that is shown. */
const COUNT_INTERVAL = 1_000;
const COUNTS = 10;

/** What one thread works on. */
interface Candidate {
  readonly header: BlockHeader;
  readonly coinbase: Transaction;
}

/** Mines on threads: each has its own extra nonce, and gets new work when the tip changes or its work grows old. */
export class Miner {
  readonly #options: MinerOptions;
  readonly #templates: BlockTemplates;
  readonly #counts: { readonly at: number; readonly tried: number }[] = [];
  readonly #candidates: Candidate[] = [];
  #template: BlockTemplate | undefined;
  #branch: readonly Uint8Array[] = [];
  #round = 0;

  constructor(options: MinerOptions) {
    this.#options = options;
    this.#templates = new BlockTemplates(options.node);
  }

  get threads(): number {
    return this.#options.threads;
  }

  /** Hashes per second, over the last seconds. */
  get hashRate(): number {
    const [first] = this.#counts;
    const last = this.#counts.at(-1);
    if (!first || !last || first === last) return 0;
    // what was tried until the first count belongs to the time before it
    const tried = this.#counts.reduce((sum, each) => sum + each.tried, -first.tried);
    return (tried * 1_000) / (last.at - first.at);
  }

  /**
   * Mines until the signal ends it; all threads have ended then.
   * @throws BitmodelError `MINER_FAILED`, and what the store can't go on after
   */
  async run(signal: AbortSignal): Promise<void> {
    const { node, threads: count } = this.#options;
    const failure = deferred<never>();
    const threads = new MinerThreads({
      count,
      onResult: (index, result) => {
        this.#take(threads, index, result).catch(failure.reject);
      },
      onFailure: failure.reject,
    });
    const renew = (): void => {
      try {
        this.#renew(threads);
      } catch (thrown) {
        failure.reject(thrown);
      }
    };
    const renewal = setInterval(renew, RENEWAL);
    const counting = setInterval(() => this.#count(threads), COUNT_INTERVAL);
    node.on('block', renew);
    try {
      this.#count(threads);
      renew();
      const ended = new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener('abort', () => resolve(), { once: true });
      });
      await Promise.race([ended, failure.promise]);
    } finally {
      node.off('block', renew);
      clearInterval(renewal);
      clearInterval(counting);
      this.#counts.length = 0;
      await threads.close();
    }
  }

  /** Gives every thread new work. */
  #renew(threads: MinerThreads): void {
    const template = this.#templates.current();
    if (template !== this.#template) {
      this.#template = template;
      this.#branch = coinbaseBranch(template.entries.map(({ hash }) => hash));
    }
    this.#round = threads.nextRound();
    for (let index = 0; index < threads.count; index++) this.#give(threads, index);
  }

  /** Gives one thread a header with an extra nonce of its own. */
  #give(threads: MinerThreads, index: number): void {
    const { node, lockingScript } = this.#options;
    const template = this.#template!;
    const { height, coinbaseValue, previous } = template;
    const coinbase = makeCoinbase(height, coinbaseValue, lockingScript, nextExtraNonce());
    const header = {
      version: BLOCK_VERSION,
      previousHash: previous.hash,
      merkleRoot: rootOfBranch(transactionHash(coinbase), this.#branch),
      ...timeAndBits(node, template),
      nonce: 0,
    };
    this.#candidates[index] = { header, coinbase };
    const target = bitsToTarget(header.bits)!;
    threads.give(index, { number: this.#round, header: encodeHeader(header), target });
  }

  /**
   * Hands a solved block in; its tip is what brings the next work, and after a refusal the next renewal, so that one that
   * lasts (a clock set back) does not fill the log. A thread that found nothing goes on elsewhere.
   */
  async #take(threads: MinerThreads, index: number, { number, nonce }: WorkResult): Promise<void> {
    if (number !== this.#round) return;
    if (nonce === undefined) {
      this.#give(threads, index);
      return;
    }
    const { node } = this.#options;
    const { entries, previous } = this.#template!;
    const { header, coinbase } = this.#candidates[index]!;
    if (!equalBytes(previous.hash, node.store.tip().hash)) return;
    const transactions = [coinbase, ...entries.map(({ transaction }) => transaction)];
    await surviveRefusal(node, () =>
      node.submitBlock({ header: { ...header, nonce }, transactions }),
    );
  }

  #count(threads: MinerThreads): void {
    this.#counts.push({ at: performance.now(), tried: threads.takeTried() });
    if (this.#counts.length > COUNTS + 1) this.#counts.shift();
  }
}
