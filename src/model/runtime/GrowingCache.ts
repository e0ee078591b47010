import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { BoundCache, CacheTensor, KeyValueCache } from './cache.js';
import { makeTensor } from './tensors.js';

/** A cache that each run makes anew with its tokens at the end: whatever comes out of one goes into the next. */
export class GrowingCache implements KeyValueCache {
  readonly #tensors: readonly CacheTensor[];
  readonly #current: Map<string, Tensor>;

  constructor(tensors: readonly CacheTensor[]) {
    this.#tensors = tensors;
    this.#current = new Map(
      tensors.map(({ input, type, shape }) => [input, makeTensor(type, shape)]),
    );
  }

  /** Nothing can be made before a run makes it. */
  reserve(): void {}

  bind(): BoundCache {
    return {
      feeds: Object.fromEntries(this.#current),
      fetches: this.#tensors.map(({ output }) => output),
      adopt: (results) => this.#adopt(results),
    };
  }

  #adopt(results: InferenceSession.ReturnType): void {
    for (const { input, output } of this.#tensors) {
      this.#current.get(input)?.dispose();
      this.#current.set(input, results[output] as Tensor);
    }
  }

  close(): void {
    for (const tensor of this.#current.values()) tensor.dispose();
    this.#current.clear();
  }
}
