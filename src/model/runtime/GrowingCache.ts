import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { BoundCache, CacheTensor, KeyValueCache } from './cache.js';
import { allocate } from './memory.js';
import { makeArray, makeTensor, sizeOf, type TypedArray, widthOf } from './tensors.js';

/** Axis along which keys and values grow: rows × heads × tokens × head size. */
const TOKENS = 2;
/** Tokens by which the room for them grows at least. */
const STEP = 128;
/** How much more room is made than there was, when it is used up. */
const GROWTH = 1.5;

/**
 * A cache that each run makes anew with its tokens at the end, as graphs without GroupQueryAttention do. The results go by
 * turns into two sets of arrays that stay; where a graph makes other shapes than expected, into tensors of ONNX Runtime's
 * own, which are copied on their way out.
 */
export class GrowingCache implements KeyValueCache {
  readonly #tensors: readonly CacheTensor[];
  readonly #current: Map<string, Tensor>;
  /** Where the present ones lie, and where the next go. */
  #arrays: readonly [TypedArray[], TypedArray[]] | undefined;
  #capacity = 0;
  /** Whether results go into arrays of our own. */
  #isPrepared: boolean;

  /** @param prepares whether arrays may be prepared for the results */
  constructor(tensors: readonly CacheTensor[], prepares: boolean) {
    this.#tensors = tensors;
    this.#isPrepared = prepares && tensors.every(growsByTokens);
    this.#current = new Map(
      tensors.map(({ input, type, shape }) => [input, makeTensor(type, shape)]),
    );
  }

  reserve(tokens: number): void {
    if (!this.#isPrepared || tokens <= this.#capacity) return;
    const capacity = Math.ceil(Math.max(tokens, this.#capacity * GROWTH) / STEP) * STEP;
    const sizes = this.#tensors.map(({ shape }) => sizeOf(grown(shape, capacity)));
    const bytes = this.#tensors.map(({ type }, i) => sizes[i]! * widthOf(type));
    // the old arrays live on in the tensors over them until a run has taken over what they hold
    const make = (): TypedArray[] => this.#tensors.map(({ type }, i) => makeArray(type, sizes[i]!));
    const all = 2 * bytes.reduce((sum, size) => sum + size, 0);
    this.#arrays = allocate(capacity, all, () => [make(), make()]);
    this.#capacity = capacity;
  }

  bind(past: number, count: number): BoundCache {
    const adopt = (results: InferenceSession.ReturnType): void => this.#adopt(results);
    const feeds = Object.fromEntries(this.#current);
    if (!this.#isPrepared) {
      const fetches = Object.fromEntries(this.#tensors.map(({ output }) => [output, null]));
      return { feeds, fetches, adopt };
    }
    this.reserve(past + count);
    const [, next] = this.#arrays!;
    const fetches = this.#tensors.map(({ output, type, shape }, i) => {
      const dims = grown(shape, past + count);
      return [output, makeTensor(type, dims, next[i]!.subarray(0, sizeOf(dims)))] as const;
    });
    return { feeds, fetches: Object.fromEntries(fetches), adopt };
  }

  #adopt(results: InferenceSession.ReturnType): void {
    for (const { input, output } of this.#tensors) {
      this.#current.get(input)?.dispose();
      this.#current.set(input, results[output] as Tensor);
    }
    if (this.#arrays) this.#arrays = [this.#arrays[1], this.#arrays[0]];
  }

  fallBack(): boolean {
    const wasPrepared = this.#isPrepared;
    this.#isPrepared = false;
    this.#arrays = undefined;
    return wasPrepared;
  }

  close(): void {
    for (const tensor of this.#current.values()) tensor.dispose();
    this.#current.clear();
    this.#arrays = undefined;
  }
}

function growsByTokens({ shape }: CacheTensor): boolean {
  return shape.length === 4 && shape.every((size, axis) => (size === 0) === (axis === TOKENS));
}

function grown(shape: readonly number[], tokens: number): number[] {
  return shape.map((size, axis) => (axis === TOKENS ? tokens : size));
}
