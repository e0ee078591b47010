import type { PositionLogprobs } from '../logprobs.js';
import type { Sampling } from '../sampler/sampling.js';
import type { ExternalData, GraphOptimization } from '../types.js';

/** How the worker is started. */
export interface WorkerOptions {
  /** Absolute path of the ONNX file; its folder is where external data lies. */
  readonly path: string;
  /** Bytes to load in the file's place. */
  readonly graph: Uint8Array | undefined;
  /** External data in memory; their buffers are transferred. */
  readonly external?: readonly ExternalData[] | undefined;
  readonly provider: 'cpu' | 'cuda';
  readonly threads: number;
  readonly optimization: GraphOptimization;
  /** Sizes for shapes that the graph leaves open. */
  readonly keyValueHeads: number | undefined;
  readonly headSize: number | undefined;
  readonly vocabularySize: number | undefined;
  /** Most positions of a stream. */
  readonly contextLength: number;
  /** Most streams to decode in one run. */
  readonly batch: number;
  /** Fewest for which that is sooner than one after another. */
  readonly fewest: number;
}

/** What the worker learnt from the graph. */
export interface GraphInfo {
  readonly vocabularySize: number;
  readonly hasCache: boolean;
  /** Whether keys and values stay where they are from step to step. */
  readonly inPlace: boolean;
  /** Whether streams of different lengths can be computed in one run. */
  readonly batches: boolean;
  /** Layers as far as the cache tells; 0 without one. */
  readonly layers: number;
}

/** To the worker. `id` names the call that replies belong to. */
export type WorkerRequest =
  | {
      readonly type: 'generate';
      readonly id: number;
      readonly promptIds: readonly number[];
      readonly sampling: Sampling;
      readonly seed: Uint8Array;
      /** Most output tokens that the request and the context allow. */
      readonly limit: number;
      readonly endIds: readonly number[];
      /** How many of the most probable tokens to tell of with each; undefined for no log-probabilities at all. */
      readonly logprobs: number | undefined;
      /** Whether the logits that each token is drawn from are to be sent along. */
      readonly wantsLogits: boolean;
    }
  | {
      readonly type: 'prefill';
      readonly id: number;
      readonly ids: readonly number[];
      /** Whose logits are wanted, ascending. */
      readonly positions: readonly number[];
      /** Positions per run; about 128 unless stated. */
      readonly chunk: number | undefined;
      /** Those before this one run as a prompt is fed, and each from it on alone; unless stated, in even parts. */
      readonly stepFrom: number | undefined;
    }
  /** The last block of a prefill has been dealt with. */
  | { readonly type: 'ack'; readonly id: number }
  | {
      readonly type: 'feed';
      readonly id: number;
      readonly session: number;
      readonly ids: readonly number[];
    }
  | { readonly type: 'drop'; readonly session: number }
  | { readonly type: 'cancel'; readonly id: number }
  /** Asks for a sign of life, which comes between two runs. */
  | { readonly type: 'ping' }
  | { readonly type: 'close' };

/** Where the time of a generation went, from the first run for it; seconds. Steps of others are part of it. */
export interface DecodeTimes {
  readonly promptSeconds: number;
  readonly decodeSeconds: number;
}

/** From the worker. */
export type WorkerReply =
  | {
      readonly type: 'ready';
      readonly graph: GraphInfo;
      /** Most streams that it decodes in one run. */
      readonly batch: number;
    }
  | {
      readonly type: 'token';
      readonly id: number;
      readonly token: number;
      readonly logprobs?: PositionLogprobs;
      readonly logits?: Float32Array;
    }
  | {
      readonly type: 'block';
      readonly id: number;
      readonly positions: readonly number[];
      readonly logits: Float32Array;
    }
  | {
      readonly type: 'done';
      readonly id: number;
      readonly times?: DecodeTimes;
      readonly logits?: Float32Array;
    }
  | { readonly type: 'pong' }
  /** `id` is undefined when the model could not be opened. */
  | {
      readonly type: 'failed';
      readonly id: number | undefined;
      readonly code: string;
      readonly message: string;
      readonly next: string | undefined;
    };
