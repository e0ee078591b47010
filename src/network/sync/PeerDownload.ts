import type { ChainStore, HeaderRecord } from '../../chain/index.js';
import type { Host } from '../host/Host.js';
import { BlockStream, type BlockStreamListener, type WantedBlock } from './BlockStream.js';
import type { BlockWindow } from './BlockWindow.js';
import type { BranchPath } from './BranchPath.js';
import { HoldUps } from './HoldUps.js';
import { BLOCKS } from './protocols.js';
import type { SyncPeer } from './SyncPeer.js';

/** Bytes that one peer may owe, about, and the least and most blocks: small ones come faster than a question travels. */
const OWED_BYTES = 4_000_000;
const LEAST_OWED = 2;
const MOST_OWED = 1_024;
/** What a block is taken for before any has come. */
const USUAL_SIZE = 250_000;
/** How much the latest size counts in the mean. */
const WEIGHT = 1 / 16;
/** Milliseconds for which a peer that stalled is not asked, twice as long each time. */
const REST = 2_000;
const LONGEST_REST = 600_000;

/** What a download tells its owner. */
export interface PeerDownloadListener {
  /** A block came, or undefined where the peer doesn't keep it. A promise that it returns is awaited before more is read. */
  readonly onBlock: BlockStreamListener['onBlock'];
  /** A stream broke off, and why. What it owed is told of by `onRelease`. */
  readonly onBroken: (thrown: unknown) => void;
  /** What was asked and has not come will not come, whoever ended it: it may be asked of others. */
  readonly onRelease: () => void;
}

/** What is asked of one peer. Whenever it gives up what the peer owes, for whatever reason, its owner is told. */
export class PeerDownload {
  readonly peer: SyncPeer;
  readonly #host: Host;
  readonly #listener: PeerDownloadListener;
  #stream: BlockStream | undefined;
  #opening = 0;
  /** How often all that was owed has been given up: what is opened for an earlier time is not used. */
  #round = 0;
  #size = USUAL_SIZE;
  #restUntil = 0;
  #rest = REST;
  readonly #holdUps = new HoldUps();
  /** Whether it rests for no other reason than that others were faster. */
  #isSlow = false;
  #shared:
    | { path: BranchPath; top: HeaderRecord; best: HeaderRecord; height: number | undefined }
    | undefined;

  constructor(host: Host, peer: SyncPeer, listener: PeerDownloadListener) {
    this.#host = host;
    this.peer = peer;
    this.#listener = listener;
  }

  /** Blocks that it owes. */
  get inFlight(): number {
    return this.#opening + (this.#stream?.inFlight ?? 0);
  }

  /** How many more blocks it may be asked for; none until it owes half of what it may. */
  room(now: number): number {
    if (now < this.#restUntil || this.#opening > 0) return 0;
    const most = Math.floor(OWED_BYTES / this.#size);
    const owed = Math.min(MOST_OWED, Math.max(LEAST_OWED, most));
    return this.inFlight > owed / 2 ? 0 : owed - this.inFlight;
  }

  /** Whether its stream is being opened, so that it can be asked for no more yet. */
  get isOpening(): boolean {
    return this.#opening > 0;
  }

  /** Whether it does nothing for want of blocks to ask it for, or of room for what it sends. */
  get isIdle(): boolean {
    return this.inFlight === 0 || this.#stream?.isHeld === true;
  }

  /** Milliseconds without a byte while it owes blocks, and this end reads. */
  quietFor(now: number): number {
    if (!this.#stream || this.#stream.isHeld || this.#stream.inFlight === 0) return 0;
    return now - this.#stream.lastProgress;
  }

  /** Takes no account of time in which this end did nothing at all. */
  excuse(milliseconds: number): void {
    if (this.#stream) this.#stream.lastProgress += milliseconds;
  }

  /** Height up to which its chain is on a way; undefined when it is on none of it. */
  sharedWith(path: BranchPath, store: ChainStore): number | undefined {
    const { best } = this.peer;
    if (!best) return undefined;
    const known = this.#shared;
    if (known?.path === path && known.top === path.top && known.best === best) return known.height;
    const height = path.lastShared(store, best);
    this.#shared = { path, top: path.top, best, height };
    return height;
  }

  /** Whether it can be asked for the next block of a window, and has not said that it lacks it. */
  canGiveNext(window: BlockWindow, store: ChainStore): boolean {
    const { next, path } = window;
    const top = this.sharedWith(path, store) ?? -1;
    return next <= top && this.peer.keeps(next) && !window.isNextLackedBy(this.peer.id);
  }

  /** Asks it for blocks. */
  ask(blocks: readonly WantedBlock[]): void {
    if (this.#stream) this.#stream.ask(blocks);
    else void this.#open(blocks);
  }

  /** Notes a block that came. */
  noteBlock(bytes: number): void {
    this.#size += (bytes - this.#size) * WEIGHT;
    this.#rest = REST;
    this.#holdUps.noteBlock(bytes);
  }

  /**
   * Whether it holds up others too long, added up over all blocks; {@link HoldUps.look}. To be called every so many
   * milliseconds.
   */
  isTooSlow(milliseconds: number, isHoldingUp: boolean): boolean {
    return this.#holdUps.look(milliseconds, isHoldingUp);
  }

  /** Whether it is left alone for a while. */
  isResting(now: number): boolean {
    return now < this.#restUntil;
  }

  /** Drops what it owes, and leaves it alone for a while. */
  rest(now: number): void {
    this.#restUntil = now + this.#rest;
    this.#isSlow = false;
    this.#rest = Math.min(LONGEST_REST, this.#rest * 2);
    this.close();
  }

  /** {@link rest} of a peer that is merely slower than others. */
  restAsSlow(now: number): void {
    this.#restUntil = now + this.#holdUps.nextRest();
    this.#isSlow = true;
    this.close();
  }

  /** Whether it is left alone for no other reason than that others were faster. */
  isRestingAsSlow(now: number): boolean {
    return this.#isSlow && this.isResting(now);
  }

  /** It may be asked again. */
  endRest(): void {
    this.#restUntil = 0;
  }

  /** Drops what it owes. */
  close(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    this.#opening = 0;
    this.#round += 1;
    stream?.abort();
    this.#listener.onRelease();
  }

  async #open(blocks: readonly WantedBlock[]): Promise<void> {
    this.#opening = blocks.length;
    const round = this.#round;
    try {
      const frames = await this.#host.open(this.peer.id, BLOCKS.asking);
      if (round !== this.#round) {
        frames.abort();
        return;
      }
      const stream: BlockStream = new BlockStream(frames, {
        onBlock: this.#listener.onBlock,
        onEnd: (thrown) => {
          if (this.#stream !== stream) return;
          this.close();
          this.#listener.onBroken(thrown);
        },
      });
      this.#stream = stream;
      this.#opening = 0;
      stream.ask(blocks);
    } catch (thrown) {
      if (round !== this.#round) return;
      this.#restUntil = performance.now() + REST;
      this.#isSlow = false;
      this.close();
      this.#listener.onBroken(thrown);
    }
  }
}
