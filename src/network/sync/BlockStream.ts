import type { FrameStream } from '../host/Host.js';
import type { BranchPath } from './BranchPath.js';
import { BlockRecordReader } from './blockRecords.js';
import { encodeWanted } from './messages.js';
import { MAX_BLOCKS_ASKED } from './protocols.js';

/** A block that is asked for, at its place on a way. */
export interface WantedBlock {
  readonly hash: Uint8Array;
  readonly height: number;
  readonly path: BranchPath;
}

/** What a stream for blocks tells whoever asked. */
export interface BlockStreamListener {
  /** A block came, or undefined where the peer doesn't keep it. A promise that it returns is awaited before more is read. */
  readonly onBlock: (
    wanted: WantedBlock,
    bytes: Uint8Array | undefined,
  ) => Promise<void> | undefined;
  /** The stream is over; what was asked and has not come will not come. */
  readonly onEnd: (thrown: unknown) => void;
}

/** One stream of `blocks/1` to a peer, as the one who asks: answers come in the order of the questions. */
export class BlockStream {
  readonly #stream: FrameStream;
  readonly #listener: BlockStreamListener;
  readonly #reader: BlockRecordReader;
  readonly #asked: WantedBlock[] = [];
  #reading: Promise<void> | undefined;
  #ended = false;
  /** When something came last, or was asked of an idle peer; `performance.now`. */
  lastProgress = performance.now();
  /** Whether it is this end that makes no progress. */
  isHeld = false;

  constructor(stream: FrameStream, listener: BlockStreamListener) {
    this.#stream = stream;
    this.#listener = listener;
    this.#reader = new BlockRecordReader(async () => {
      const frame = await stream.receive();
      this.lastProgress = performance.now();
      return frame;
    });
  }

  /** Blocks that were asked for and have not come. */
  get inFlight(): number {
    return this.#asked.length;
  }

  /** Asks for blocks, in as many questions as it takes. */
  ask(blocks: readonly WantedBlock[]): void {
    if (this.#asked.length === 0) this.lastProgress = performance.now();
    this.#asked.push(...blocks);
    for (let at = 0; at < blocks.length; at += MAX_BLOCKS_ASKED) {
      const hashes = blocks.slice(at, at + MAX_BLOCKS_ASKED).map(({ hash }) => hash);
      this.#stream.send(encodeWanted(hashes)).catch((thrown) => this.#end(thrown));
    }
    this.#reading ??= this.#readAll().catch((thrown) => this.#end(thrown));
  }

  /** Gives the stream up. */
  abort(): void {
    this.#stream.abort();
    this.#end(undefined);
  }

  async #readAll(): Promise<void> {
    while (this.#asked.length > 0 && !this.#ended) {
      const whole = this.#reader.whole();
      const bytes = whole ? whole.block : await this.#reader.next();
      const wanted = this.#asked.shift()!;
      if (this.#ended) return;
      const held = this.#listener.onBlock(wanted, bytes);
      if (!held) continue;
      this.isHeld = true;
      await held;
      this.isHeld = false;
      this.lastProgress = performance.now();
    }
    this.#reading = undefined;
  }

  #end(thrown: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stream.abort();
    this.#listener.onEnd(thrown);
  }
}
