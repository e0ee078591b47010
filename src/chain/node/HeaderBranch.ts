import { equalBytes } from '../../base/index.js';
import { type BlockHeader, blockHash, decodeHeader, encodeHeader } from '../codec/block.js';
import { secondsNow } from '../consensus/clock.js';
import {
  checkHeader,
  checkProofOfWork,
  type HeaderEntry,
  type HeaderSource,
} from '../consensus/headers.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import { rejectBlock } from '../consensus/RejectError.js';
import { bitsToTarget, workOf } from '../consensus/target.js';

const HEADER_SIZE = 80;
/** At least so many entries below the end stay decoded, if there are as many: those of one message, which are stored next. */
const RECENT = 2_048;

/**
 * Headers on top of one that is in the store, checked but not stored. All but the last few are held as their 80 bytes,
 * so that a long branch costs little until it is known to be worth keeping.
 */
export class HeaderBranch implements HeaderSource {
  readonly base: HeaderEntry;
  readonly #store: HeaderSource;
  readonly #parameters: NetworkParameters;
  readonly #now: () => number;
  #bytes = new Uint8Array(64 * HEADER_SIZE);
  /** How many of them stand there: the lower ones. */
  #older = 0;
  #recent: HeaderEntry[] = [];
  #first: HeaderEntry | undefined;

  /** @param now seconds since 1970 on this machine */
  constructor(
    store: HeaderSource,
    parameters: NetworkParameters,
    base: HeaderEntry,
    now: () => number = secondsNow,
  ) {
    this.#store = store;
    this.#parameters = parameters;
    this.base = base;
    this.#now = now;
  }

  /** How many headers it has. */
  get length(): number {
    return this.#older + this.#recent.length;
  }

  /** The topmost header; that below the branch when it is empty. */
  get last(): HeaderEntry {
    return this.#recent.at(-1) ?? this.base;
  }

  /**
   * Adds the next header.
   * @throws RejectError `prev-blk-not-found` when it is not on top of the last one; of proof of work; as `checkHeader`
   */
  append(header: BlockHeader, hash = blockHash(header)): void {
    const previous = this.last;
    if (!equalBytes(header.previousHash, previous.hash)) throw rejectBlock('prev-blk-not-found');
    checkProofOfWork(header, hash, this.#parameters);
    checkHeader(header, previous, this.#parameters, this, this.#now());
    const work = previous.work + workOf(bitsToTarget(header.bits)!);
    const entry = { hash, header, height: previous.height + 1, work };
    this.#first ??= entry;
    this.#recent.push(entry);
    if (this.#recent.length < 2 * RECENT) return;
    for (const older of this.#recent.splice(0, RECENT)) this.#write(encodeHeader(older.header));
  }

  /** All of them, from the lowest up. */
  *entries(): Generator<HeaderEntry> {
    let { height, work } = this.base;
    for (let index = 0; index < this.#older; index++) {
      const header = this.#header(index);
      height += 1;
      work += workOf(bitsToTarget(header.bits)!);
      yield { hash: blockHash(header), header, height, work };
    }
    yield* this.#recent;
  }

  parent(entry: HeaderEntry): HeaderEntry | undefined {
    if (entry.height <= this.base.height) return this.#store.parent(entry);
    if (entry.height === this.base.height + 1) return this.base;
    const recent = this.#recent.at(entry.height - 1 - this.last.height - 1);
    return recent ?? this.ancestor(entry, entry.height - 1);
  }

  ancestor(entry: HeaderEntry, height: number): HeaderEntry {
    if (height === entry.height) return entry;
    if (height <= this.base.height) {
      const top = entry.height <= this.base.height ? entry : this.base;
      return this.#store.ancestor(top, height);
    }
    if (height === this.#first?.height) return this.#first;
    for (const each of this.entries()) if (each.height === height) return each;
    throw new RangeError(`the branch has no header at height ${height}`);
  }

  #header(index: number): BlockHeader {
    return decodeHeader(this.#bytes.subarray(index * HEADER_SIZE, (index + 1) * HEADER_SIZE));
  }

  #write(header: Uint8Array): void {
    const at = this.#older * HEADER_SIZE;
    if (at === this.#bytes.length) {
      const grown = new Uint8Array(2 * at);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(header, at);
    this.#older += 1;
  }
}
