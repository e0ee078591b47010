import type { InferenceSession, Tensor } from 'onnxruntime-node';

/** One tensor that a run hands to the next: a key, a value, or another state of fixed size. */
export interface CacheTensor {
  readonly input: string;
  readonly output: string;
  readonly type: string;
  /** Shape before the first token. */
  readonly shape: readonly number[];
}

/** Where a run finds its cache, and what it makes of it. */
export interface BoundCache {
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** Names of the outputs to take. */
  readonly fetches: readonly string[];
  /** Takes over what the run made. */
  adopt(results: InferenceSession.ReturnType): void;
}

/** The keys and values of one stream. */
export interface KeyValueCache {
  /**
   * Makes room for so many tokens, so that `bind` need not do it step by step.
   * @throws BitmodelError `OUT_OF_MEMORY`
   */
  reserve(tokens: number): void;
  /**
   * For a run of `count` tokens after `past` others.
   * @throws BitmodelError `OUT_OF_MEMORY`
   */
  bind(past: number, count: number): BoundCache;
  /** Frees it. */
  close(): void;
}
