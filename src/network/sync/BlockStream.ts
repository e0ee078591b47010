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
  readonly #asked: Uint8Array[] = [];
  #reading: Promise<void> | undefined;
  #ended = false;
  /** When something came last, or was asked of an idle peer; `performance.now`. */
  lastProgress = performance.now();
  /** Bytes that came in all. */
  bytes = 0;

  constructor(stream: FrameStream, listener: BlockStreamListener) {
    this.#stream = stream;
    this.#listener = listener;
  }

  /** Blocks that were asked for and have not come. */
  get inFlight(): number {
    return this.#asked.length;
  }

  /** The block that comes next. */
  get head(): Uint8Array | undefined {
    return this.#asked[0];
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
    const reader = new BlockRecordReader(async () => {
      const frame = await this.#stream.receive();
      this.lastProgress = performance.now();
      this.bytes += frame?.length ?? 0;
      return frame;
    });
    while (this.#asked.length > 0 && !this.#ended) {
      const bytes = await reader.next();
      const hash = this.#asked.shift()!;
      if (this.#ended) return;
      await this.#listener.onBlock(hash, bytes);
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
