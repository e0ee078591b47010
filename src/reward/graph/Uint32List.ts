const BLOCK_BITS = 16;
const BLOCK = 1 << BLOCK_BITS;

/** A list of unsigned 32-bit numbers that grows block by block, so that none is copied and at most one block is spare. */
export class Uint32List {
  readonly #blocks: Uint32Array[] = [];
  #last: Uint32Array = new Uint32Array(0);
  #length = 0;

  /** Numbers in it. */
  get length(): number {
    return this.#length;
  }

  /** Adds a number at the end. */
  push(value: number): void {
    const at = this.#length & (BLOCK - 1);
    if (at === 0) {
      const block = this.#length >>> BLOCK_BITS;
      this.#last = this.#blocks[block] ?? new Uint32Array(BLOCK);
      this.#blocks[block] = this.#last;
    }
    this.#last[at] = value;
    this.#length++;
  }

  /** Empties it, and keeps one block for what comes. */
  clear(): void {
    this.#length = 0;
    this.#blocks.length = Math.min(1, this.#blocks.length);
  }

  /** The number at a place below {@link length}. */
  at(place: number): number {
    return this.#blocks[place >>> BLOCK_BITS]![place & (BLOCK - 1)]!;
  }
}
