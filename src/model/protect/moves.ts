import { BitmodelError } from '../../base/index.js';
import { drawOrder, drawSubset, RandomNumbers } from './random.js';

/**
 * How a row of `total` elements is rearranged: those at `taken` are removed, and the element that was `taken[order[j]]` is put
 * to where it is at `placed[j]` afterwards. All others keep their order, so each is shifted by the number of elements put in
 * before it less the number taken out before it (DESIGN 7, "Protection").
 */
export interface Moves {
  readonly total: number;
  /** Ascending, before. */
  readonly taken: Float64Array;
  /** Ascending, afterwards. */
  readonly placed: Float64Array;
  readonly order: Uint32Array;
}

/** Fewest parameters that are moved, unless stated. */
const LEAST_MOVES = 64;

/** Parameters for each that is moved, unless stated; docs/protection.md says why. */
export const PARAMETERS_PER_MOVE = 1000;

/** How many of a model's parameters are moved, unless stated. */
export function defaultMoves(parameters: number): number {
  return Math.min(parameters, Math.max(LEAST_MOVES, Math.ceil(parameters / PARAMETERS_PER_MOVE)));
}

/** @param count at most `total` */
export function drawMoves(count: number, total: number): Moves {
  const random = new RandomNumbers();
  return {
    total,
    taken: drawSubset(count, total, random),
    placed: drawSubset(count, total, random),
    order: drawOrder(count, random),
  };
}

/** What puts everything back. */
export function inverseOf({ total, taken, placed, order }: Moves): Moves {
  const inverse = new Uint32Array(order.length);
  for (let j = 0; j < order.length; j++) inverse[order[j]!] = j;
  return { total, taken: placed, placed: taken, order: inverse };
}

/** Bytes of a list's head: elements of the row, and how many of them are moved, both u64. */
const HEAD = 16;
/** Most bytes of a whole number below 2⁵³ in groups of seven bits. */
const LONGEST = 8;

function wrong(why: string): BitmodelError {
  return new BitmodelError('BAD_POSITIONS', `The positions of the protection are wrong: ${why}.`, {
    next: 'Fetch the protected model again',
  });
}

function writeAscending(into: Buffer, offset: number, values: Float64Array): number {
  let at = offset;
  let last = -1;
  for (const value of values) {
    let step = value - last - 1;
    last = value;
    while (step >= 0x80) {
      into[at++] = (step % 0x80) | 0x80;
      step = Math.floor(step / 0x80);
    }
    into[at++] = step;
  }
  return at;
}

/**
 * Bytes of several rows' moves, one after the other: total and count, u64 little-endian each; the distances between
 * neighbours of `taken` and of `placed` less one, as LEB128; `order`, u32 little-endian each.
 */
export function encodeMoves(lists: readonly Moves[]): Uint8Array {
  const room = lists.reduce((sum, { order }) => sum + HEAD + order.length * (2 * LONGEST + 4), 0);
  const bytes = Buffer.alloc(room);
  let at = 0;
  for (const { total, taken, placed, order } of lists) {
    bytes.writeBigUInt64LE(BigInt(total), at);
    bytes.writeBigUInt64LE(BigInt(order.length), at + 8);
    at = writeAscending(bytes, at + HEAD, taken);
    at = writeAscending(bytes, at, placed);
    for (const index of order) at = bytes.writeUInt32LE(index, at);
  }
  return new Uint8Array(bytes.subarray(0, at));
}

/** Reads one list after the other. */
class MovesReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get ended(): boolean {
    return this.#at === this.#bytes.length;
  }

  #u64(): number {
    if (this.#at + 8 > this.#bytes.length) throw wrong('they end too early');
    const value = Number(this.#bytes.readBigUInt64LE(this.#at));
    this.#at += 8;
    if (!Number.isSafeInteger(value)) throw wrong('a number is too large');
    return value;
  }

  #leb128(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < LONGEST; i++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw wrong('they end too early');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0 && i > 0) throw wrong('a number is longer than it need be');
        return value;
      }
      scale *= 0x80;
    }
    throw wrong('a number is too large');
  }

  #ascending(count: number, total: number): Float64Array {
    const values = new Float64Array(count);
    let last = -1;
    for (let i = 0; i < count; i++) {
      last += this.#leb128() + 1;
      if (last >= total) throw wrong('a position lies behind the end');
      values[i] = last;
    }
    return values;
  }

  #order(count: number): Uint32Array {
    if (this.#at + 4 * count > this.#bytes.length) throw wrong('they end too early');
    const order = new Uint32Array(count);
    const seen = new Uint8Array(count);
    for (let i = 0; i < count; i++) {
      const index = this.#bytes.readUInt32LE(this.#at + 4 * i);
      if (index >= count || seen[index] === 1) throw wrong('an element is moved twice');
      seen[index] = 1;
      order[i] = index;
    }
    this.#at += 4 * count;
    return order;
  }

  next(): Moves {
    const total = this.#u64();
    const count = this.#u64();
    // each move takes six bytes at least, so that no count makes us take memory that its bytes don't pay for
    if (count > total || count * 6 > this.#bytes.length - this.#at) {
      throw wrong('there are more moves than elements or bytes');
    }
    const taken = this.#ascending(count, total);
    const placed = this.#ascending(count, total);
    return { total, taken, placed, order: this.#order(count) };
  }
}

/**
 * Reads what {@link encodeMoves} wrote.
 * @throws BitmodelError `BAD_POSITIONS`
 */
export function decodeMoves(bytes: Uint8Array): Moves[] {
  const reader = new MovesReader(bytes);
  const lists: Moves[] = [];
  while (!reader.ended) lists.push(reader.next());
  return lists;
}
