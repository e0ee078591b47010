import { EventEmitter } from 'node:events';
import { BitmodelError, equalBytes } from '../../base/index.js';
import {
  type BlockHeader,
  bitsToTarget,
  blockHash,
  HeaderBranch,
  type HeaderEntry,
  hashToId,
  type LightStore,
  MAX_PENDING_HEADERS,
  medianTimePast,
  type NetworkParameters,
  secondsNow,
  type Tip,
  workOf,
} from '../../chain/index.js';

interface Events {
  /** There is more work: the new tip, and the height up to which the chain is what it was before. */
  block: [tip: Tip, forkHeight: number];
}

/** Hashes of a locator before it begins to leave some out, and most of them. */
const DENSE = 10;

/** The genesis header at its place. */
export function genesisEntry({ genesis }: NetworkParameters): HeaderEntry {
  const { header } = genesis;
  const work = workOf(bitsToTarget(header.bits)!);
  return { hash: blockHash(header), header, height: 0, work };
}

/**
 * The headers with the most work behind them: every rule of a header is checked (proof of work, target, time), none of
 * what a block holds can be. So whoever has more work than all the others together can show what is not valid; nobody
 * else can.
 */
export class HeaderChain extends EventEmitter<Events> {
  readonly parameters: NetworkParameters;
  readonly #store: LightStore;
  readonly #now: () => number;

  /** @param now seconds since 1970 on this machine */
  constructor(store: LightStore, parameters: NetworkParameters, now: () => number = secondsNow) {
    super();
    this.setMaxListeners(0);
    this.parameters = parameters;
    this.#store = store;
    this.#now = now;
  }

  get tip(): Tip {
    const { height, hash, header } = this.#store.tip();
    return { height, hash: hashToId(hash), time: header.time };
  }

  /** The header at the top. */
  top(): HeaderEntry {
    return this.#store.tip();
  }

  /** A header of the chain by its block's hash. */
  header(hash: Uint8Array): HeaderEntry | undefined {
    return this.#store.header(hash);
  }

  headerAt(height: number): HeaderEntry | undefined {
    return this.#store.headerAt(height);
  }

  /** Whether a block of this hash is on the chain at a height. */
  holds(height: number, hash: Uint8Array): boolean {
    const found = this.#store.headerAt(height);
    return found !== undefined && equalBytes(found.hash, hash);
  }

  /** Median time past of a header of the chain (BIP113). */
  medianTimeOf(entry: HeaderEntry): number {
    return medianTimePast(entry, this.#store);
  }

  /** Hashes from the tip down to the genesis block, ever sparser: by the first one known, another finds the fork. */
  locator(): Uint8Array[] {
    const hashes: Uint8Array[] = [];
    let step = 1;
    for (let { height } = this.top(); height > 0; height -= step) {
      hashes.push(this.headerAt(height)!.hash);
      if (hashes.length >= DENSE) step *= 2;
    }
    return [...hashes, this.headerAt(0)!.hash];
  }

  /** A branch to be taken from a peer, header by header. */
  branch(): LightBranch {
    return new LightBranch(this, this.#store, this.#now);
  }

  /** Makes a branch of more work the chain. */
  take(forkHeight: number, headers: readonly HeaderEntry[]): void {
    this.#store.extend(forkHeight, headers);
    this.emit('block', this.tip, forkHeight);
  }
}

/** What a branch can be refused for, so that whoever sent it is at fault. */
function unconnected(): BitmodelError {
  return new BitmodelError('UNCONNECTED_HEADERS', 'The headers build on none that is known.');
}

/**
 * Headers that a peer sends, in order, on top of one of the chain. They become the chain as soon as they have more work
 * than it; until then they are held as their 80 bytes, and are forgotten with this object if they never do.
 */
export class LightBranch {
  readonly #chain: HeaderChain;
  readonly #store: LightStore;
  readonly #now: () => number;
  #last: HeaderEntry | undefined;
  /** Those that are not in the store yet. */
  #pending: HeaderBranch | undefined;

  constructor(chain: HeaderChain, store: LightStore, now: () => number) {
    this.#chain = chain;
    this.#store = store;
    this.#now = now;
  }

  /** The last header taken; undefined before the first. */
  get last(): HeaderEntry | undefined {
    return this.#last;
  }

  /** Headers that have no more work than the chain yet. */
  get pending(): number {
    return this.#pending?.length ?? 0;
  }

  /** Whether the peer has sent more than is listened to of a branch with no more work than the chain. */
  get isTooLong(): boolean {
    return this.pending > MAX_PENDING_HEADERS;
  }

  /**
   * Checks the next headers and keeps them. Those of the chain itself, at the beginning, are passed over.
   * @throws RejectError when one breaks a rule
   * @throws BitmodelError `UNCONNECTED_HEADERS`
   */
  add(headers: readonly BlockHeader[]): void {
    for (const header of headers) this.#add(header);
    const pending = this.#pending;
    if (!pending || pending.last.work <= this.#chain.top().work) return;
    this.#take(pending);
    this.#pending = undefined;
  }

  #add(header: BlockHeader): void {
    const hash = blockHash(header);
    const previous = this.#last ?? this.#store.header(header.previousHash);
    if (!previous || !equalBytes(previous.hash, header.previousHash)) throw unconnected();
    const known = this.#pending ? undefined : this.#store.header(hash);
    if (!known) {
      const { parameters } = this.#chain;
      this.#pending ??= new HeaderBranch(this.#store, parameters, previous, this.#now);
      this.#pending.append(header, hash);
    }
    this.#last = known ?? this.#pending!.last;
  }

  /** Another peer's branch may have become the chain meanwhile: where this one leaves what is the chain now. */
  #take(pending: HeaderBranch): void {
    const { base } = pending;
    if (!this.#chain.holds(base.height, base.hash)) throw unconnected();
    const entries = [...pending.entries()];
    const shared = entries.findIndex((each) => !this.#chain.holds(each.height, each.hash));
    this.#chain.take(base.height + shared, entries.slice(shared));
  }
}
