import { Heap } from '../../base/index.js';
import { compareFeeRates, evictionScore, type FeeRate, type MempoolEntry } from './entry.js';

/** What an entry was worth when it was put into the heap; out of date once its sums have changed. */
interface Candidate {
  readonly entry: MempoolEntry;
  readonly score: FeeRate;
  readonly fee: bigint;
  readonly size: number;
}

/** The heap is made anew when this many times more lies in it than there are entries. */
const MOST_OUTDATED = 4;

/** Finds the entry that pays least, with what depends on it. It costs nothing until a mempool is full. */
export class EvictionQueue {
  readonly #entries: ReadonlyMap<unknown, MempoolEntry>;
  readonly #isHere: (entry: MempoolEntry) => boolean;
  #heap: Heap<Candidate> | undefined;

  constructor(
    entries: ReadonlyMap<unknown, MempoolEntry>,
    isHere: (entry: MempoolEntry) => boolean,
  ) {
    this.#entries = entries;
    this.#isHere = isHere;
  }

  /** To be called for each entry that came or whose sums have changed. */
  touch(entry: MempoolEntry): void {
    if (!this.#heap) return;
    if (this.#heap.size > MOST_OUTDATED * this.#entries.size + 1_000) this.#heap = undefined;
    else this.#push(this.#heap, entry);
  }

  /** The entry that pays least; undefined when there is none. */
  cheapest(): MempoolEntry | undefined {
    this.#heap ??= this.#build();
    for (;;) {
      const found = this.#heap.pop();
      if (!found) return undefined;
      const { entry, fee, size } = found;
      const current = entry.descendants.fee === fee && entry.descendants.size === size;
      if (current && this.#isHere(entry)) return entry;
    }
  }

  #build(): Heap<Candidate> {
    const heap = new Heap<Candidate>((a, b) => compareFeeRates(a.score, b.score) < 0);
    for (const entry of this.#entries.values()) this.#push(heap, entry);
    return heap;
  }

  #push(heap: Heap<Candidate>, entry: MempoolEntry): void {
    const { fee, size } = entry.descendants;
    // the sums themselves change, so their values are kept
    const score = evictionScore(entry);
    heap.push({ entry, score: { fee: score.fee, size: score.size }, fee, size });
  }
}
