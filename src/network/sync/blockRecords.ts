import { BitmodelError } from '../../base/index.js';
import { MAX_BLOCK_SIZE } from '../../chain/index.js';
import { BLOCK_FRAME } from './protocols.js';

/** First byte of a record: whether a block follows. */
const MISSING = 0;
const FOUND = 1;
/** That byte, and the length of the block. */
const HEAD = 5;

/**
 * Lays out an answer of `blocks/1`: per block asked for, in order, `0` where it is not kept, or `1 | length u32LE | bytes`.
 * Records run on from frame to frame; a frame is cut when it is full, and behind the last record.
 */
export class BlockRecordWriter {
  readonly #send: (frame: Uint8Array) => Promise<void>;
  #frame = new Uint8Array(BLOCK_FRAME);
  #length = 0;

  /** @param send sends a frame and settles when there is room for the next */
  constructor(send: (frame: Uint8Array) => Promise<void>) {
    this.#send = send;
  }

  /** Adds a block, or the word that it is not kept. Returns what to wait for, if a frame was sent. */
  add(block: Uint8Array | undefined): Promise<void> | undefined {
    const length = block ? HEAD + block.length : 1;
    // small blocks are many: none of them costs a turn of its own
    if (length >= BLOCK_FRAME - this.#length) return this.#addSlowly(block);
    this.#frame[this.#length] = block ? FOUND : MISSING;
    if (block) {
      putLength(this.#frame, this.#length + 1, block.length);
      this.#frame.set(block, this.#length + HEAD);
    }
    this.#length += length;
    return undefined;
  }

  /** Sends what is left. */
  async flush(): Promise<void> {
    if (this.#length === 0) return;
    const frame = this.#frame.subarray(0, this.#length);
    this.#frame = new Uint8Array(BLOCK_FRAME);
    this.#length = 0;
    await this.#send(frame);
  }

  async #addSlowly(block: Uint8Array | undefined): Promise<void> {
    if (!block) {
      await this.#write(Uint8Array.of(MISSING));
      return;
    }
    const head = new Uint8Array(HEAD);
    head[0] = FOUND;
    putLength(head, 1, block.length);
    await this.#write(head);
    await this.#write(block);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + BLOCK_FRAME - this.#length);
      this.#frame.set(part, this.#length);
      this.#length += part.length;
      at += part.length;
      if (this.#length === BLOCK_FRAME) await this.flush();
    }
  }
}

function putLength(bytes: Uint8Array, offset: number, length: number): void {
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(offset, length, true);
}

function lengthAt(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, true);
}

/** One answer: a block, or nothing where the other end does not keep it. */
export interface BlockRecord {
  readonly block: Uint8Array | undefined;
}

/** Reads what {@link BlockRecordWriter} wrote. No more is held than has come. */
export class BlockRecordReader {
  readonly #receive: () => Promise<Uint8Array | undefined>;
  #frame: Uint8Array = new Uint8Array(0);
  #at = 0;

  /** @param receive the next frame; undefined when the other end has ended */
  constructor(receive: () => Promise<Uint8Array | undefined>) {
    this.#receive = receive;
  }

  /** The next record, if all of it has come already: small blocks are many, and none of them is worth a turn of its own. */
  whole(): BlockRecord | undefined {
    const frame = this.#frame;
    const at = this.#at;
    if (frame[at] === MISSING) {
      this.#at += 1;
      return { block: undefined };
    }
    // what is no record is for `next` to refuse
    if (frame[at] !== FOUND || frame.length - at < HEAD) return undefined;
    const end = at + HEAD + lengthAt(frame, at + 1);
    if (end > frame.length) return undefined;
    this.#at = end;
    // a copy, so that no block keeps its neighbours' frame
    return { block: frame.slice(at + HEAD, end) };
  }

  /**
   * The next block; undefined when the other does not keep it.
   * @throws BitmodelError `BAD_ENCODING` for what is no record, or a block that is longer than any; `STREAM_ENDED`
   */
  async next(): Promise<Uint8Array | undefined> {
    const [kind] = await this.#read(1);
    if (kind === MISSING) return undefined;
    if (kind !== FOUND) throw bad('A record of a block begins with neither 0 nor 1.');
    const head = await this.#read(HEAD - 1);
    const length = lengthAt(head, 0);
    if (length > MAX_BLOCK_SIZE) throw bad(`A block of ${length} bytes is longer than any.`);
    return this.#read(length);
  }

  async #read(length: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let missing = length; missing > 0; ) {
      if (this.#at === this.#frame.length) await this.#nextFrame();
      const part = this.#frame.subarray(this.#at, this.#at + missing);
      this.#at += part.length;
      missing -= part.length;
      parts.push(part);
    }
    // a copy, so that no block keeps its neighbours' frame
    return new Uint8Array(Buffer.concat(parts));
  }

  async #nextFrame(): Promise<void> {
    const frame = await this.#receive();
    if (!frame)
      throw new BitmodelError('STREAM_ENDED', 'The other end has no more blocks to send.');
    if (frame.length === 0) throw bad('A frame of blocks is empty.');
    this.#frame = frame;
    this.#at = 0;
  }
}

function bad(message: string): BitmodelError {
  return new BitmodelError('BAD_ENCODING', message);
}
