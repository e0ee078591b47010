import { BitmodelError } from '../../base/index.js';

const TEXT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads a bounded byte string from front to back. Every read is length-checked before anything is allocated.
 * @throws BitmodelError `BAD_ENCODING` when bytes run out, a var-int is not canonical, a list, text or flag is not what it
 *   may be, or bytes are left over
 */
export class ByteReader {
  #offset = 0;
  readonly #bytes: Uint8Array;

  /** What is read of some bytes, which must be all of them. */
  static whole<T>(bytes: Uint8Array, read: (reader: ByteReader) => T): T {
    const reader = new ByteReader(bytes);
    const value = read(reader);
    reader.end();
    return value;
  }

  constructor(bytes: Uint8Array) {
    // a Buffer's slice would share its memory instead of copying
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes still to read. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** The next `length` bytes, copied, so that a small field does not keep a whole block alive. */
  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.slice(start, start + length);
  }

  u8(): number {
    return this.#bytes[this.#advance(1)]!;
  }

  u16(): number {
    const at = this.#advance(2);
    return this.#bytes[at]! | (this.#bytes[at + 1]! << 8);
  }

  u32(): number {
    return this.i32() >>> 0;
  }

  i32(): number {
    const at = this.#advance(4);
    const bytes = this.#bytes;
    return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  }

  u64(): bigint {
    const low = this.u32();
    const high = this.u32();
    // most amounts are small: one conversion is cheaper than two and a shift
    if (high < 0x20_0000) return BigInt(high * 0x1_0000_0000 + low);
    return (BigInt(high) << 32n) | BigInt(low);
  }

  /** Bitcoin's CompactSize; only the shortest form is taken. */
  varInt(): number {
    const first = this.u8();
    if (first < 0xfd) return first;
    if (first === 0xfd) return this.#canonical(this.u16(), 0xfd);
    if (first === 0xfe) return this.#canonical(this.u32(), 0x1_0000);
    const value = this.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw bad('a length is beyond any message');
    return this.#canonical(Number(value), 0x1_0000_0000);
  }

  /** Bitcoin's CompactSize over its whole range, for amounts; only the shortest form is taken. */
  bigVarInt(): bigint {
    if (this.#bytes[this.#offset] !== 0xff) return BigInt(this.varInt());
    this.#advance(1);
    const value = this.u64();
    if (value < 0x1_0000_0000n) throw bad('a var-int is longer than it must be');
    return value;
  }

  /** A count of items, each of at least `minimumSize` bytes: a count the rest can't hold is refused at once. */
  count(minimumSize: number): number {
    const count = this.varInt();
    if (count * minimumSize > this.remaining)
      throw bad('a count promises more than the bytes hold');
    return count;
  }

  /** Bytes behind a var-int length. */
  varBytes(): Uint8Array {
    return this.bytes(this.varInt());
  }

  /** A truth value: a byte that is 1 or 0. */
  flag(): boolean {
    const value = this.u8();
    if (value > 1) throw bad('a flag is neither set nor unset');
    return value === 1;
  }

  /**
   * Items behind a var-int count.
   * @param minimumSize bytes that each of them takes at least
   * @param most items that there may be
   */
  list<T>(minimumSize: number, most: number, read: (reader: ByteReader) => T): T[] {
    const count = this.count(minimumSize);
    if (count > most) throw bad(`a list of ${count} is longer than ${most}`);
    return Array.from({ length: count }, () => read(this));
  }

  /** Well-formed UTF-8 of at most `most` bytes behind a var-int length. */
  text(most: number): string {
    const length = this.varInt();
    if (length > most) throw bad('a text is too long');
    try {
      return TEXT.decode(this.bytes(length));
    } catch (thrown) {
      if (thrown instanceof BitmodelError) throw thrown;
      throw bad('a text is not UTF-8');
    }
  }

  /** Demands that everything was read. */
  end(): void {
    if (this.remaining !== 0) throw bad(`${this.remaining} bytes are left over`);
  }

  #advance(length: number): number {
    if (length > this.remaining) throw bad('the bytes end too early');
    const start = this.#offset;
    this.#offset += length;
    return start;
  }

  #canonical(value: number, least: number): number {
    if (value < least) throw bad('a var-int is longer than it must be');
    return value;
  }
}

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_ENCODING', `These bytes are not a valid encoding: ${why}.`);
}
