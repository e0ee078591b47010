import type { Tensor } from 'onnxruntime-node';
import type { DecoderGraph } from './DecoderGraph.js';
import { copyFloats } from './half.js';

/** Positions of one run; bounds the memory that logits take. */
export const CHUNK = 128;

/**
 * One stream of tokens with its KV cache. Graphs without a cache are given all tokens again at each step.
 */
export class TokenStream {
  readonly #graph: DecoderGraph;
  readonly #cache: Map<string, Tensor>;
  /** All tokens so far; kept only for graphs without a cache. */
  #all: number[] = [];
  #length = 0;

  constructor(graph: DecoderGraph) {
    this.#graph = graph;
    this.#cache = graph.emptyCache();
  }

  get length(): number {
    return this.#length;
  }

  /** Appends tokens. @returns a copy of the logits after the last */
  async feed(
    ids: readonly number[],
    cancelled: () => boolean = () => false,
  ): Promise<Float32Array> {
    let last = new Float32Array(0);
    const size = this.#graph.info.hasCache ? CHUNK : ids.length;
    for (let start = 0; start < ids.length && !cancelled(); start += size) {
      const { data, rows } = await this.#run(ids.slice(start, start + size), true);
      const width = this.#graph.info.vocabularySize;
      last = copyFloats(data, (rows - 1) * width, rows * width) as Float32Array<ArrayBuffer>;
    }
    return last;
  }

  /**
   * Appends tokens and hands over the logits of each position from `from` on, block by block.
   * @param emit gets the first position and the rows of a block; awaited before the next but one run
   */
  async prefill(
    ids: readonly number[],
    from: number,
    chunk: number,
    emit: (first: number, logits: Float32Array) => Promise<void>,
    cancelled: () => boolean,
  ): Promise<void> {
    const width = this.#graph.info.vocabularySize;
    const size = this.#graph.info.hasCache ? chunk : ids.length;
    for (let start = 0; start < ids.length && !cancelled(); start += size) {
      const part = ids.slice(start, start + size);
      const wanted = start + part.length > from;
      const { data } = await this.#run(part, !wanted);
      // a graph without a cache gives all rows in one run; they still go out in blocks
      for (let at = Math.max(start, from); at < start + part.length; at += chunk) {
        const end = Math.min(at + chunk, start + part.length);
        await emit(at, copyFloats(data, (at - start) * width, (end - start) * width));
      }
    }
  }

  async #run(ids: readonly number[], lastOnly: boolean) {
    const { hasCache } = this.#graph.info;
    if (!hasCache) this.#all.push(...ids);
    const result = hasCache
      ? await this.#graph.run(ids, this.#length, this.#cache, lastOnly)
      : await this.#graph.run(this.#all, 0, this.#cache, lastOnly);
    this.#length += ids.length;
    return result;
  }

  /** Frees the cache. */
  close(): void {
    for (const tensor of this.#cache.values()) tensor.dispose();
    this.#cache.clear();
    this.#all = [];
  }
}
