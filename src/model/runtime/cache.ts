import type { InferenceSession, Tensor } from 'onnxruntime-node';

/** One tensor that a run hands to the next: a key, a value, or another state of fixed size. */
export interface CacheTensor {
  readonly input: string;
  readonly output: string;
  readonly type: string;
  /** Shape before the first token. */
  readonly shape: readonly number[];
}

/** Where a run finds its cache, and where it puts what it makes. */
export interface BoundCache {
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** null where ONNX Runtime is to make a tensor of its own. */
  readonly fetches: Readonly<Record<string, Tensor | null>>;
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
  /**
   * After a run that failed: leaves it to ONNX Runtime from now on where results go.
   * @returns whether that was otherwise until now, so that the run may be tried again
   */
  fallBack(past: number): boolean;
  /** Frees it. */
  close(): void;
}
