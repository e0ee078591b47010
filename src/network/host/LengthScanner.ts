/** Reads along the length prefixes of a stream of frames that another part reads, keeping nothing. */
export class LengthScanner {
  readonly #most: number;
  #skip = 0;
  #value = 0;
  #place = 1;

  constructor(most: number) {
    this.#most = most;
  }

  /** Takes the next bytes; false once a frame is announced that is longer than allowed. */
  scan(chunk: Uint8Array): boolean {
    for (let at = 0; at < chunk.length; ) {
      const skipped = Math.min(this.#skip, chunk.length - at);
      this.#skip -= skipped;
      at += skipped;
      if (at === chunk.length) return true;
      const byte = chunk[at++]!;
      this.#value += (byte & 0x7f) * this.#place;
      this.#place *= 0x80;
      if (this.#value > this.#most || this.#place > 2 ** 35) return false;
      if (byte >= 0x80) continue;
      this.#skip = this.#value;
      this.#value = 0;
      this.#place = 1;
    }
    return true;
  }
}
