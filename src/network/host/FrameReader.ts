import { BitmodelError } from '../../base/index.js';

/** Longest length prefix: seven bits each, so frames below 256 MiB. */
const LONGEST_PREFIX = 4;

/** Chunks below this length are gathered in blocks of it: an object for each byte would cost far more than the byte. */
const BLOCK = 4096;

/** Writes the prefix of a frame: its length as an unsigned LEB128 number in the fewest bytes. */
export function framePrefix(length: number): Uint8Array {
  const bytes: number[] = [];
  let rest = length;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/**
 * Cuts a stream of bytes into frames (a length prefix as in {@link framePrefix}, then as many bytes). A length beyond
 * the bound is refused when it is read, before any of its bytes. However small the pieces it comes in, memory is at most
 * three times what was received and not yet given out, and 4 KiB: a chunk is kept with at most twice its bytes, and between
 * two large ones lies at most one block that is not full.
 */
export class FrameReader {
  readonly #maxFrame: number;
  #chunks: Uint8Array[] = [];
  /** What small chunks are gathered in, always in the last of the chunks, and how much of it is filled. */
  #block: Uint8Array | undefined;
  #filled = 0;
  #buffered = 0;
  #length: number | undefined;

  constructor(maxFrame: number) {
    this.#maxFrame = maxFrame;
  }

  /** Bytes received and not yet given out. */
  get buffered(): number {
    return this.#buffered;
  }

  /** Whether a frame has begun and is not complete. */
  get isMidFrame(): boolean {
    return this.#buffered > 0 || this.#length !== undefined;
  }

  /** Length of the frame that is under way, once it is known. */
  get frameLength(): number | undefined {
    return this.#length;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#buffered += chunk.length;
    if (chunk.length < BLOCK) {
      this.#gather(chunk);
      return;
    }
    this.#block = undefined;
    // a view keeps all of its buffer, of which the rest may be of other streams
    const isMost = chunk.length * 2 >= chunk.buffer.byteLength;
    this.#chunks.push(isMost ? chunk : chunk.slice());
  }

  #gather(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#block === undefined || this.#filled === BLOCK) {
        this.#block = new Uint8Array(BLOCK);
        this.#filled = 0;
        this.#chunks.push(this.#block.subarray(0, 0));
      }
      const piece = chunk.subarray(at, at + BLOCK - this.#filled);
      this.#block.set(piece, this.#filled);
      const last = this.#chunks.length - 1;
      const start = this.#filled - this.#chunks[last]!.length;
      this.#filled += piece.length;
      this.#chunks[last] = this.#block.subarray(start, this.#filled);
      at += piece.length;
    }
  }

  /**
   * The next complete frame, if it is there.
   * @throws BitmodelError `FRAME_TOO_LARGE`, or `BAD_FRAME` when the prefix is no number in its shortest form
   */
  next(): Uint8Array | undefined {
    this.#length ??= this.#readPrefix();
    if (this.#length === undefined || this.#buffered < this.#length) return undefined;
    const frame = this.#take(this.#length);
    this.#length = undefined;
    return frame;
  }

  #readPrefix(): number | undefined {
    let value = 0;
    for (let i = 0; i < LONGEST_PREFIX; i++) {
      const byte = this.#peek(i);
      if (byte === undefined) return undefined;
      value += (byte & 0x7f) * 0x80 ** i;
      if (byte >= 0x80) continue;
      if (byte === 0 && i > 0) break;
      if (value > this.#maxFrame) {
        throw new BitmodelError(
          'FRAME_TOO_LARGE',
          `The other end announces a frame of ${value} bytes where at most ${this.#maxFrame} are allowed.`,
        );
      }
      this.#take(i + 1);
      return value;
    }
    throw new BitmodelError(
      'BAD_FRAME',
      'The length of a frame is not a number in its short form.',
    );
  }

  #peek(index: number): number | undefined {
    let rest = index;
    for (const chunk of this.#chunks) {
      if (rest < chunk.length) return chunk[rest];
      rest -= chunk.length;
    }
    return undefined;
  }

  /** Always a copy: a view would keep the whole network buffer alive as long as a small frame is kept. */
  #take(length: number): Uint8Array {
    // all of it is filled below, so it need not be cleared first
    const out = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
    let filled = 0;
    let used = 0;
    while (filled < length) {
      const chunk = this.#chunks[used]!;
      const wanted = length - filled;
      if (chunk.length <= wanted) {
        out.set(chunk, filled);
        filled += chunk.length;
        used++;
      } else {
        out.set(chunk.subarray(0, wanted), filled);
        filled += wanted;
        this.#chunks[used] = chunk.subarray(wanted);
      }
    }
    if (used > 0) this.#chunks = this.#chunks.slice(used);
    if (this.#chunks.length === 0) this.#block = undefined;
    this.#buffered -= length;
    return out;
  }
}
