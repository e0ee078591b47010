import type { FrameStream } from '../host/Host.js';
import { BlockRecordReader } from './blockRecords.js';
import { encodeWanted } from './messages.js';

/** What a stream for blocks tells whoever asked. */
export interface BlockStreamListener {
  /** A block came, or undefined where the peer doesn't keep it. What it returns is awaited before more is read. */
  readonly onBlock: (hash: Uint8Array, bytes: Uint8Array | undefined) => Promise<void>;
  /** The stream is over; what was asked and has not come will not come. */
  readonly onEnd: (thrown: unknown) => void;
}

/** One stream of `blocks/1` to a peer, as the one who asks: answers come in the order of the questions. */
export class BlockStream {
  readonly #stream: FrameStream;
  readonly #listener: BlockStreamListener;
  readonly #reader: BlockRecordReader;
  readonly #asked: Uint8Array[] = [];
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

  /** Asks for blocks. */
  ask(hashes: readonly Uint8Array[]): void {
    if (this.#asked.length === 0) this.lastProgress = performance.now();
    this.#asked.push(...hashes);
    this.#stream.send(encodeWanted(hashes)).catch((thrown) => this.#end(thrown));
    this.#reading ??= this.#readAll().catch((thrown) => this.#end(thrown));
  }

  /** Gives the stream up. */
  abort(): void {
    this.#stream.abort();
    this.#end(undefined);
  }

  async #readAll(): Promise<void> {
    while (this.#asked.length > 0 && !this.#ended) {
      const bytes = await this.#reader.next();
      const hash = this.#asked.shift()!;
      if (this.#ended) return;
      this.isHeld = true;
      await this.#listener.onBlock(hash, bytes);
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
