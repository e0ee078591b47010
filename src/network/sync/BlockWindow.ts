import type { PeerId } from '../host/Host.js';
import type { ArrivedBlock } from './BlockConnector.js';
import type { BranchPath } from './BranchPath.js';

/** Blocks above the next one to be connected that are asked for. */
const WINDOW = 4_096;
/** Bytes of blocks that have come and wait for one below; beyond, no more is read but what is next. */
const MOST_BYTES = 64_000_000;
/** Milliseconds before a peer that said that it lacks a block is asked for it again. */
const LACK = 500;
/** Blocks that one peer may be known to lack; it is asked for no others until those have come. */
const MOST_LACKS = 256;

/** A peer's word that it lacks a block. */
interface Lack {
  /** How often it has said so. */
  readonly times: number;
  /** Until when it is not asked again; `performance.now`. */
  readonly until: number;
}

/** The blocks on a way from the next one to be connected on: which have come, and who owes the others. */
export class BlockWindow {
  readonly path: BranchPath;
  /** Height of the next block to be connected. */
  #next: number;
  readonly #arrived = new Map<number, ArrivedBlock>();
  #arrivedBytes = 0;
  /** Who owes blocks, by height. */
  readonly #asked = new Map<number, PeerId>();
  /** Height below which every block of the window has come or is owed. */
  #covered = 0;
  /** Blocks from the next one on that peers said they lack, by height. */
  readonly #lacks = new Map<PeerId, Map<number, Lack>>();

  constructor(path: BranchPath) {
    this.path = path;
    this.#next = path.first;
  }

  get next(): number {
    return this.#next;
  }

  /** The peer that owes the next block. */
  get holder(): PeerId | undefined {
    return this.#asked.get(this.#next);
  }

  /** Whether so much has come that no more is to be read but what is next. */
  get isFull(): boolean {
    return this.#arrivedBytes > MOST_BYTES;
  }

  /** Whether the next block has come. */
  get isReady(): boolean {
    return this.#arrived.has(this.#next);
  }

  /** Whether the next block has neither come nor is owed. */
  get isOpen(): boolean {
    return !this.isReady && this.holder === undefined;
  }

  /** Blocks that have come and stand on each other, from the next one on. */
  run(most: number): ArrivedBlock[] {
    const run: ArrivedBlock[] = [];
    for (let height = this.#next; run.length < most; height++) {
      const block = this.#arrived.get(height);
      if (!block) break;
      run.push(block);
    }
    return run;
  }

  /** Goes on above so many blocks. */
  advance(count: number): void {
    for (const end = this.#next + count; this.#next < end; this.#next++) {
      this.drop(this.#next);
      this.#forgetLack(this.#next);
    }
  }

  /**
   * Has the lowest blocks that nobody was asked for asked of a peer.
   * @param most how many of them
   * @param has whether the peer can be asked for the block of a height
   */
  claim(peer: PeerId, most: number, has: (height: number) => boolean): number[] {
    const end = Math.min(this.#next + WINDOW, this.path.top.height + 1);
    const now = performance.now();
    const lacks = this.#lacks.get(peer);
    const claimed: number[] = [];
    let isCovered = true;
    let height = Math.max(this.#next, this.#covered);
    for (; height < end && claimed.length < most; height++) {
      if (this.#arrived.has(height) || this.#asked.has(height)) continue;
      if (has(height) && mayBeAsked(lacks, height, now)) {
        claimed.push(height);
        this.#asked.set(height, peer);
      } else if (isCovered) {
        isCovered = false;
        this.#covered = height;
      }
    }
    if (isCovered) this.#covered = height;
    return claimed;
  }

  /** Whether a peer still owes a block; it does no more from then on. */
  settle(peer: PeerId, height: number): boolean {
    return this.#asked.get(height) === peer && this.#asked.delete(height);
  }

  /** Keeps a block until those below it are connected. */
  put(height: number, block: ArrivedBlock): void {
    this.#arrived.set(height, block);
    this.#arrivedBytes += block.bytes.length;
  }

  drop(height: number): void {
    const block = this.#arrived.get(height);
    if (!block) return;
    this.#arrived.delete(height);
    this.#arrivedBytes -= block.bytes.length;
    if (height >= this.#next) this.uncover(height);
  }

  dropOf(peer: PeerId): void {
    for (const [height, block] of this.#arrived) if (block.peer === peer) this.drop(height);
  }

  /** A block may have to be asked for again. */
  uncover(height: number): void {
    this.#covered = Math.min(this.#covered, height);
  }

  /** What a peer owes may be asked of others. */
  release(peer: PeerId): void {
    for (const [height, asked] of this.#asked) if (asked === peer) this.#asked.delete(height);
    this.#covered = 0;
  }

  /** Notes that a peer lacks a block, so that it is not asked for it for a while. Returns how often it has said so. */
  noteLack(peer: PeerId, height: number): number {
    const lacks = this.#lacks.get(peer) ?? new Map<number, Lack>();
    const known = lacks.get(height);
    if (!known && lacks.size >= MOST_LACKS) return 0;
    const times = (known?.times ?? 0) + 1;
    this.#lacks.set(peer, lacks.set(height, { times, until: performance.now() + LACK * times }));
    return times;
  }

  /** Whether a peer said that it lacks the next block. */
  isNextLackedBy(peer: PeerId): boolean {
    return this.#lacks.get(peer)?.has(this.#next) === true;
  }

  /** Takes no account any more of what a peer lacks: it is gone, or its branch is another. */
  forgetLacks(peer: PeerId): void {
    this.#lacks.delete(peer);
  }

  /** How many blocks peers are known to lack, counted for each of them. */
  get lacks(): number {
    return [...this.#lacks.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** The block of a height is there. */
  #forgetLack(height: number): void {
    for (const [peer, lacks] of this.#lacks) {
      if (lacks.delete(height) && lacks.size === 0) this.#lacks.delete(peer);
    }
  }
}

function mayBeAsked(
  lacks: ReadonlyMap<number, Lack> | undefined,
  height: number,
  now: number,
): boolean {
  const lack = lacks?.get(height);
  return lack ? lack.until <= now : (lacks?.size ?? 0) < MOST_LACKS;
}
