/** Where 64-bit numbers are turned into bytes, whatever the machine's own order. */
const wide = new DataView(new ArrayBuffer(8));
const wideBytes = new Uint8Array(wide.buffer);

/** Buffers of writers that are done: most writers live for a few bytes only, and allocating costs more than writing. */
const spare: Uint8Array[] = [];
const SPARE_COUNT = 16;
const SPARE_SIZE = 1 << 16;
const SMALLEST = 1 << 10;
const EMPTY = new Uint8Array(0);

/** Writes little-endian fields into one growing buffer. */
export class ByteWriter {
  #buffer: Uint8Array;
  #length = 0;

  constructor(capacity = SMALLEST) {
    const buffer = capacity <= SMALLEST ? spare.pop() : undefined;
    this.#buffer = buffer ?? new Uint8Array(Math.max(capacity, SMALLEST));
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#buffer[at] = value;
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#buffer[at] = value;
    this.#buffer[at + 1] = value >>> 8;
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    const buffer = this.#buffer;
    buffer[at] = value;
    buffer[at + 1] = value >>> 8;
    buffer[at + 2] = value >>> 16;
    buffer[at + 3] = value >>> 24;
    return this;
  }

  i32(value: number): this {
    return this.u32(value);
  }

  u64(value: bigint): this {
    wide.setBigUint64(0, value, true);
    return this.bytes(wideBytes);
  }

  bytes(value: Uint8Array): this {
    const { length } = value;
    const at = this.#grow(length);
    // a call costs more than a few bytes
    if (length > 40) this.#buffer.set(value, at);
    else for (let i = 0; i < length; i++) this.#buffer[at + i] = value[i]!;
    return this;
  }

  /** Bitcoin's CompactSize in its shortest form. */
  varInt(value: number): this {
    if (value < 0xfd) return this.u8(value);
    if (value <= 0xffff) return this.u8(0xfd).u16(value);
    if (value <= 0xffff_ffff) return this.u8(0xfe).u32(value);
    return this.u8(0xff).u64(BigInt(value));
  }

  /** The same for amounts: any number of 64 bits. */
  bigVarInt(value: bigint): this {
    if (value <= 0xffff_ffffn) return this.varInt(Number(value));
    return this.u8(0xff).u64(value);
  }

  varBytes(value: Uint8Array): this {
    return this.varInt(value.length).bytes(value);
  }

  /** A truth value: a byte that is 1 or 0. */
  flag(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  /** Items behind a var-int count. */
  list<T>(items: readonly T[], write: (writer: this, item: T) => unknown): this {
    this.varInt(items.length);
    for (const item of items) write(this, item);
    return this;
  }

  /** What was written, as a view that the next write may change. */
  written(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** A copy of what was written; the writer begins anew. */
  finish(): Uint8Array {
    const written = this.#buffer.slice(0, this.#length);
    this.#recycle();
    return written;
  }

  /** What a function makes of what was written, such as its hash, without a copy; the writer begins anew. */
  into<T>(make: (written: Uint8Array) => T): T {
    const made = make(this.written());
    this.#recycle();
    return made;
  }

  #recycle(): void {
    if (spare.length < SPARE_COUNT && this.#buffer.length <= SPARE_SIZE) spare.push(this.#buffer);
    this.#buffer = EMPTY;
    this.#length = 0;
  }

  /** Makes room for `length` more bytes and returns where they begin. */
  #grow(length: number): number {
    const at = this.#length;
    this.#length += length;
    if (this.#length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#buffer.length * 2));
      larger.set(this.#buffer.subarray(0, at));
      this.#buffer = larger;
    }
    return at;
  }
}
