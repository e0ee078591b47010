import type { Tensor } from 'onnxruntime-node';
import { CACHE_ROWS, NEW_ROWS } from '../onnx/packCache.js';
import type { BoundCache, CacheTensor, KeyValueCache } from './cache.js';
import { allocate } from './memory.js';
import { makeArray, makeTensor, sizeOf, type TypedArray, widthOf } from './tensors.js';

/** Tokens by which the room for them grows at least. */
const STEP = 128;
/** How much more room is made than there was, when it is used up. */
const GROWTH = 1.5;

/** How many slots, and tokens in each. */
interface Room {
  readonly count: number;
  readonly capacity: number;
}

function inSteps(tokens: number): number {
  return Math.ceil(tokens / STEP) * STEP;
}

/**
 * Keys and values of several streams, each in its slot, in arrays of slots × heads × tokens × head size that are larger than
 * what they hold: GroupQueryAttention goes by the lengths it is told, and the graph gives out only what a run adds
 * (`packCache`), which is written behind the rest. So no cache crosses from ONNX Runtime to here. A run is over one slot,
 * or over the first so many. All tensors have one shape and type.
 */
export class CacheArena {
  readonly #tensors: readonly CacheTensor[];
  readonly #contextLength: number;
  readonly #most: number;
  /** Tokens that each slot holds; as many as there are slots. */
  #lengths: number[] = [];
  #capacity = 0;
  #arrays: TypedArray[] = [];
  /** By first slot and count: making tensors anew for each run costs more than the run's own bookkeeping. */
  #feeds = new Map<string, Readonly<Record<string, Tensor>>>();

  /**
   * @param contextLength tokens beyond which no room is ever wanted
   * @param most slots that will ever be wanted
   */
  constructor(tensors: readonly CacheTensor[], contextLength: number, most: number) {
    this.#tensors = tensors;
    this.#contextLength = contextLength;
    this.#most = most;
  }

  /** Tokens for which each slot has room. */
  get capacity(): number {
    return this.#capacity;
  }

  get slots(): number {
    return this.#lengths.length;
  }

  /**
   * Makes room for so many slots of so many tokens, and for more to come where there is memory for it.
   * @throws BitmodelError `OUT_OF_MEMORY` where there is too little for just these; then all is as before
   */
  reserve(slots: number, tokens: number): void {
    if (slots <= this.slots && tokens <= this.#capacity) return;
    const used = this.#lengths.findLastIndex((length) => length > 0) + 1;
    if (used === 0 && slots * tokens <= this.slots * this.#capacity) {
      // what is empty can be cut otherwise
      this.#lengths = Array(
        Math.min(this.#most, Math.floor((this.slots * this.#capacity) / tokens)),
      );
      this.#lengths.fill(0);
      this.#capacity = tokens;
      this.#feeds.clear();
      return;
    }
    let refusal: unknown;
    for (const room of this.#rooms(slots, tokens, used)) {
      try {
        this.#make(room);
        return;
      } catch (thrown) {
        refusal = thrown;
      }
    }
    throw refusal;
  }

  /** The rooms to try, from the most generous to what is needed; what others were promised stays theirs. */
  #rooms(slots: number, tokens: number, used: number): Room[] {
    const isLonger = tokens > this.#capacity;
    const more = Math.min(this.#capacity * GROWTH, this.#contextLength);
    const doubled = Math.max(slots, Math.min(this.slots * 2, this.#most));
    const count = Math.max(slots, used);
    return [
      {
        count: slots > this.slots ? doubled : this.slots,
        capacity: isLonger ? inSteps(Math.max(tokens, more)) : this.#capacity,
      },
      { count, capacity: isLonger ? inSteps(tokens) : this.#capacity },
      { count, capacity: isLonger || used === 0 ? tokens : this.#capacity },
    ];
  }

  #make({ count, capacity }: Room): void {
    const size = (shape: readonly number[]): number =>
      count * capacity * sizeOf(shape.toSpliced(2, 1));
    const bytes = this.#tensors.reduce(
      (sum, { type, shape }) => sum + size(shape) * widthOf(type),
      0,
    );
    const arrays = allocate(count * capacity, bytes, () =>
      this.#tensors.map(({ type, shape }) => makeArray(type, size(shape))),
    );
    for (const [i, array] of arrays.entries()) this.#carryOver(i, array, capacity);
    this.#arrays = arrays;
    this.#capacity = capacity;
    this.#lengths = Array.from({ length: count }, (_, slot) => this.#lengths[slot] ?? 0);
    this.#feeds.clear();
  }

  #carryOver(index: number, into: TypedArray, capacity: number): void {
    const from = this.#arrays[index];
    const [, heads, , size] = this.#tensors[index]!.shape as [number, number, number, number];
    for (const [slot, length] of this.#lengths.entries()) {
      if (length === 0) continue;
      for (let head = 0; head < heads; head++) {
        const at = (slot * heads + head) * size;
        const start = at * this.#capacity;
        const content = from!.subarray(start, start + length * size);
        into.set(content as never, at * capacity);
      }
    }
  }

  /**
   * For a run over the slots from `first` on, one for each row.
   * @param rows how many tokens each slot holds, and how many the run adds to each; there must be room for them
   */
  bind(first: number, pasts: readonly number[], count: number): BoundCache {
    const rows = pasts.map((past, row) => ({ slot: first + row, past }));
    return {
      feeds: {
        ...this.#tensorsOf(first, rows.length),
        [CACHE_ROWS]: this.#newRows(pasts, count),
      },
      fetches: [NEW_ROWS],
      adopt: (results) => {
        this.#put(results[NEW_ROWS] as Tensor, rows, count);
        for (const { slot, past } of rows) this.#lengths[slot] = past + count;
      },
    };
  }

  #tensorsOf(first: number, count: number): Readonly<Record<string, Tensor>> {
    const key = `${first}+${count}`;
    let feeds = this.#feeds.get(key);
    if (!feeds) {
      const [, heads, , size] = this.#tensors[0]!.shape as [number, number, number, number];
      const dims = [count, heads, this.#capacity, size];
      const each = sizeOf(dims) / count;
      feeds = Object.fromEntries(
        this.#tensors.map(({ input, type }, i) => {
          const part = this.#arrays[i]!.subarray(first * each, (first + count) * each);
          return [input, makeTensor(type, dims, part)];
        }),
      );
      this.#feeds.set(key, feeds);
    }
    return feeds;
  }

  /** Where the new tokens come to lie, as rows of the caches of all heads. */
  #newRows(pasts: readonly number[], count: number): Tensor {
    const heads = this.#tensors[0]!.shape[1]!;
    const rows = new BigInt64Array(pasts.length * heads * count);
    let at = 0;
    for (const [row, past] of pasts.entries()) {
      for (let head = 0; head < heads; head++) {
        const start = (row * heads + head) * this.#capacity + past;
        for (let i = 0; i < count; i++) rows[at++] = BigInt(start + i);
      }
    }
    return makeTensor('int64', [rows.length], rows);
  }

  /** Writes what a run added behind what the slots hold. */
  #put(fresh: Tensor, rows: readonly { slot: number; past: number }[], count: number): void {
    const [, heads, , size] = this.#tensors[0]!.shape as [number, number, number, number];
    // binary16 as its bits, whatever the run time has for it
    const { buffer, byteOffset } = fresh.data as Float32Array;
    const bytes = new Uint8Array(buffer, byteOffset);
    const width = widthOf(this.#tensors[0]!.type);
    const length = count * size * width;
    let from = 0;
    for (const array of this.#arrays) {
      const into = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
      for (const { slot, past } of rows) {
        for (let head = 0; head < heads; head++) {
          const to = ((slot * heads + head) * this.#capacity + past) * size * width;
          into.set(bytes.subarray(from, from + length), to);
          from += length;
        }
      }
    }
  }

  /** One slot, for a stream of its own runs. */
  slot(index: number): ArenaSlot {
    return new ArenaSlot(this, index);
  }

  /** Says how many tokens a slot holds now. */
  hold(slot: number, length: number): void {
    this.#lengths[slot] = length;
  }

  /** Moves what a slot holds to another one, which is lost; the first is empty then. */
  move(from: number, to: number): void {
    const length = this.#lengths[from]!;
    for (const [i, { shape }] of this.#tensors.entries()) {
      const [, heads, , size] = shape as [number, number, number, number];
      const stride = this.#capacity * size;
      for (let head = 0; head < heads; head++) {
        const source = (from * heads + head) * stride;
        this.#arrays[i]!.copyWithin((to * heads + head) * stride, source, source + length * size);
      }
    }
    this.#lengths[to] = length;
    this.#lengths[from] = 0;
  }

  /** Frees all. */
  clear(): void {
    this.#arrays = [];
    this.#lengths = [];
    this.#capacity = 0;
    this.#feeds.clear();
  }
}

/** One slot of an arena. */
export class ArenaSlot implements KeyValueCache {
  readonly #arena: CacheArena;
  /** Which slot; changes when the streams of a batch close ranks. */
  index: number;

  constructor(arena: CacheArena, index: number) {
    this.#arena = arena;
    this.index = index;
  }

  reserve(tokens: number): void {
    this.#arena.reserve(this.index + 1, tokens);
  }

  bind(past: number, count: number): BoundCache {
    this.reserve(past + count);
    return this.#arena.bind(this.index, [past], count);
  }

  close(): void {
    this.#arena.hold(this.index, 0);
  }
}
