import type { Tensor } from 'onnxruntime-node';
import type { BoundCache, CacheTensor, KeyValueCache } from './cache.js';
import { GrowingCache } from './GrowingCache.js';
import { allocate } from './memory.js';
import { makeArray, makeTensor, sizeOf, type TypedArray, widthOf } from './tensors.js';

/** Tokens by which the room for them grows at least. */
const STEP = 128;
/** How much more room is made than there was, when it is used up. */
const GROWTH = 1.5;

/**
 * Keys and values of several streams, each in its slot, in arrays of slots × heads × tokens × head size that are larger than
 * what they hold: GroupQueryAttention writes what a run adds into the very arrays it reads, and goes by the lengths it is
 * told. So nothing is copied from step to step. A run is over one slot, or over the first so many.
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
  #bound = new Map<string, Pick<BoundCache, 'feeds' | 'fetches'>>();

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
   * Makes room for so many slots of so many tokens.
   * @throws BitmodelError `OUT_OF_MEMORY`; then all is as before
   */
  reserve(slots: number, tokens: number): void {
    if (slots <= this.slots && tokens <= this.#capacity) return;
    const count =
      slots > this.slots ? Math.max(slots, Math.min(this.slots * 2, this.#most)) : this.slots;
    const capacity = tokens > this.#capacity ? this.#roomFor(tokens) : this.#capacity;
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
    this.#bound.clear();
  }

  #roomFor(tokens: number): number {
    const more = Math.min(this.#capacity * GROWTH, this.#contextLength);
    return Math.ceil(Math.max(tokens, more) / STEP) * STEP;
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

  /** For a run over `count` slots from `first` on. */
  bind(first: number, count: number): Pick<BoundCache, 'feeds' | 'fetches'> {
    const key = `${first}+${count}`;
    const bound = this.#bound.get(key) ?? this.#bindAnew(first, count);
    this.#bound.set(key, bound);
    return bound;
  }

  #bindAnew(first: number, count: number): Pick<BoundCache, 'feeds' | 'fetches'> {
    const feeds: Record<string, Tensor> = {};
    const fetches: Record<string, Tensor> = {};
    for (const [i, { input, output, type, shape }] of this.#tensors.entries()) {
      const dims = [count, shape[1]!, this.#capacity, shape[3]!];
      const each = sizeOf(dims) / count;
      const part = this.#arrays[i]!.subarray(first * each, (first + count) * each);
      const tensor = makeTensor(type, dims, part);
      feeds[input] = tensor;
      fetches[output] = tensor;
    }
    return { feeds, fetches };
  }

  /** One slot, for a stream of its own runs. */
  slot(index: number): ArenaSlot {
    return new ArenaSlot(this, undefined, index);
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
    this.#bound.clear();
  }
}

/** One slot of an arena. */
export class ArenaSlot implements KeyValueCache {
  readonly #arena: CacheArena;
  readonly #otherwise: readonly CacheTensor[] | undefined;
  /** Which slot; changes when the streams of a batch close ranks. */
  index: number;
  /** Used instead where the graph turns out to be another than it seemed. */
  #other: GrowingCache | undefined;

  /** @param otherwise of what to make another cache, should the graph be another than it seems */
  constructor(arena: CacheArena, otherwise: readonly CacheTensor[] | undefined, index: number) {
    this.#arena = arena;
    this.#otherwise = otherwise;
    this.index = index;
  }

  reserve(tokens: number): void {
    if (this.#other) this.#other.reserve(tokens);
    else this.#arena.reserve(this.index + 1, tokens);
  }

  bind(past: number, count: number): BoundCache {
    if (this.#other) return this.#other.bind(past, count);
    this.reserve(past + count);
    const adopt = (): void => this.#arena.hold(this.index, past + count);
    return { ...this.#arena.bind(this.index, 1), adopt };
  }

  fallBack(past: number): boolean {
    if (this.#other !== undefined || this.#otherwise === undefined || past > 0) return false;
    this.#other = new GrowingCache(this.#otherwise, false);
    return true;
  }

  close(): void {
    this.#other?.close();
    this.#arena.hold(this.index, 0);
  }
}
