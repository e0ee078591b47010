import type { LightStore } from '../../chain/index.js';
import type { Claim } from './Claims.js';
import type { FactBook } from './FactBook.js';
import type { Fact } from './facts.js';
import type { HeaderChain } from './HeaderChain.js';
import type { Kind } from './question.js';
import { factKey, factRecord, remember } from './records.js';

/** Proven transactions that are kept beside those of watched scripts, and their bytes. */
const MOST_OTHERS = 20_000;
const MOST_OTHER_BYTES = 64 << 20;

/**
 * Decides how long proven transactions are kept: those of watched scripts on disk and for good, since peers are asked
 * for a history only once; the others in memory as long as there is room.
 */
export class KeptFacts {
  readonly #facts: FactBook;
  readonly #store: LightStore;
  /** Ids of those that belong to watched scripts. */
  readonly #watched = new Set<string>();
  /** Those of them that are not on disk yet. */
  readonly #unwritten: Fact[] = [];
  /** The others, the first known first. */
  readonly #others = new Map<string, Fact>();
  #otherBytes = 0;

  constructor(facts: FactBook, store: LightStore) {
    this.#facts = facts;
    this.#store = store;
  }

  /**
   * Reads what was proven before this start; headers may have gone since.
   * @returns payments that were sent, and not seen in a block
   */
  recall(headers: HeaderChain): readonly Claim[] {
    const { facts, outgoing, useless } = remember(this.#store.records(), headers);
    for (const fact of facts) {
      this.#facts.add(fact);
      this.#watched.add(fact.txid);
    }
    this.#store.change([], useless);
    return outgoing;
  }

  /** Files a transaction by the question that it answered. */
  sort(fact: Fact, kind: Kind): void {
    const { txid, bytes } = fact;
    if (this.#watched.has(txid)) return;
    if (kind === 'history') {
      this.#watched.add(txid);
      this.#unwritten.push(fact);
      if (this.#others.delete(txid)) this.#otherBytes -= bytes.length;
    } else if (!this.#others.has(txid)) {
      this.#others.set(txid, fact);
      this.#otherBytes += bytes.length;
    }
  }

  /** Writes down what is new of watched scripts. */
  write(): void {
    const written = this.#unwritten.splice(0).filter(({ txid }) => this.#facts.get(txid));
    this.#store.change(written.map(factRecord), []);
  }

  /** Forgets the oldest of what was proven for single questions, so that it never fills the memory. */
  bound(): void {
    for (const [txid, fact] of this.#others) {
      if (this.#others.size <= MOST_OTHERS && this.#otherBytes <= MOST_OTHER_BYTES) return;
      this.#others.delete(txid);
      this.#otherBytes -= fact.bytes.length;
      this.#facts.remove(fact);
    }
  }

  /** Forgets what headers above a height had proven. */
  reorganised(forkHeight: number): void {
    const gone = this.#facts.removeAbove(forkHeight);
    const kept = gone.filter(({ txid }) => this.#watched.delete(txid));
    this.#store.change([], kept.map(factKey));
    for (const { txid, bytes } of gone) {
      if (this.#others.delete(txid)) this.#otherBytes -= bytes.length;
    }
  }
}
