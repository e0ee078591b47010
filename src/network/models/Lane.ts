import { BitmodelError } from '../../base/index.js';
import type { BundlePiece } from '../../model/index.js';
import type { ChunkStream } from './ChunkStream.js';
import type { PieceQueue } from './PieceQueue.js';

const MEBIBYTE = 1024 * 1024;
/** Questions under way at first, and at most: 16 MiB of answers. */
const FIRST_WINDOW = 2;
const LARGEST_WINDOW = 16;
/** For how long a peer, at its own rate, is asked ahead; and how long its rate is measured. */
const AHEAD_MS = 500;
const MEASURE_MS = 300;
/** A peer that brings no piece for so long is left. */
const STALL_MS = 30_000;

/** What became of a piece that came. */
export type Fate = 'kept' | 'bad';

/** Which holder a lane fetches from, and what becomes of what comes. */
export interface LaneOptions {
  readonly stream: ChunkStream;
  readonly queue: PieceQueue;
  /** Checks and keeps a piece. */
  readonly keep: (piece: BundlePiece, bytes: Uint8Array) => Promise<Fate>;
  /** Settles when more may be asked for: too many pieces wait to be checked. */
  readonly room: () => Promise<void>;
}

/**
 * How a lane ended: nothing is left to ask for, the peer sent a wrong piece, lacks one, brought none for too long, or serves
 * too many others now.
 */
export type LaneEnd = 'done' | 'bad' | 'absent' | 'stalled' | 'busy';

/** Fetches pieces from one peer, with as many questions under way as its rate bears: a fast peer gets more of them. */
export class Lane {
  readonly #options: LaneOptions;
  readonly #underWay = new Set<Promise<void>>();
  #window = FIRST_WINDOW;
  /** Bytes since the last measure of the rate. */
  #measured = 0;
  #measuredAt = performance.now();
  #isMeasured = false;
  #lastPiece = performance.now();
  #bytes = 0;
  #end: LaneEnd | undefined;
  #failure: unknown;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** Bytes that this peer brought and that were right. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Fetches until nothing is left for this peer to do.
   * @throws BitmodelError of the stream, and of `keep` (such as `DISK_FULL`)
   */
  async run(signal: AbortSignal): Promise<LaneEnd> {
    const { queue, stream, room } = this.#options;
    const watch = setInterval(() => this.#watch(), 1_000);
    try {
      while (this.#end === undefined && !queue.isEmpty) {
        signal.throwIfAborted();
        if (this.#failure !== undefined) throw this.#failure;
        const piece = this.#underWay.size < this.#window ? queue.take(this) : undefined;
        if (piece !== undefined) {
          this.#start(piece);
          await room();
        } else await this.#change();
      }
      if (this.#failure !== undefined) throw this.#failure;
      return this.#end ?? 'done';
    } finally {
      clearInterval(watch);
      await stream.close();
      await Promise.allSettled(this.#underWay);
    }
  }

  #start(piece: BundlePiece): void {
    const work = this.#fetch(piece)
      .catch((thrown: unknown) => {
        if (thrown instanceof BitmodelError && thrown.code === 'PEER_BUSY') {
          this.#end ??= 'busy';
          return;
        }
        // of several pieces that a dropped stream takes with it, the first says why
        this.#failure ??= thrown;
      })
      .finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
  }

  async #fetch(piece: BundlePiece): Promise<void> {
    const { stream, queue, keep } = this.#options;
    try {
      const { file, index } = piece;
      const bytes = await stream.ask({ kind: 'piece', file, index });
      if (bytes === undefined) {
        this.#end ??= 'absent';
        return;
      }
      this.#measure(bytes.length);
      if (!queue.isWanted(piece)) return;
      if ((await keep(piece, bytes)) === 'bad') {
        this.#end = 'bad';
        return;
      }
      this.#bytes += piece.length;
      queue.done(piece);
    } finally {
      queue.giveBack(piece, this);
    }
  }

  /** Opens the window wider with each piece at first, then to what the rate of the last while asks for. */
  #measure(bytes: number): void {
    const now = performance.now();
    this.#lastPiece = now;
    this.#measured += bytes;
    const elapsed = now - this.#measuredAt;
    if (elapsed < MEASURE_MS) {
      if (!this.#isMeasured) this.#window = Math.min(LARGEST_WINDOW, this.#window + 1);
      return;
    }
    const ahead = (this.#measured / elapsed) * AHEAD_MS;
    this.#window = clamp(Math.ceil(ahead / MEBIBYTE) + 1, FIRST_WINDOW, LARGEST_WINDOW);
    this.#isMeasured = true;
    this.#measured = 0;
    this.#measuredAt = now;
  }

  #watch(): void {
    if (this.#underWay.size === 0) this.#lastPiece = performance.now();
    else if (performance.now() - this.#lastPiece > STALL_MS) {
      this.#end ??= 'stalled';
      this.#options.stream.abort();
    }
  }

  /** Settles when one piece is through, or after a while: another lane may have given a piece back. */
  async #change(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const pause = new Promise<void>((done) => {
      timer = setTimeout(done, 100);
    });
    await Promise.race([...this.#underWay, pause]).finally(() => clearTimeout(timer));
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
