import { BitmodelError } from '../../base/index.js';
import { logprobsOf } from '../logprobs.js';
import { finiteArgmax } from '../sampler/argmax.js';
import { type GumbelNoise, gumbelNoise } from '../sampler/noise.js';
import { sampleToken } from '../sampler/sample.js';
import type { WorkerReply, WorkerRequest } from './protocol.js';

/** A request to generate. */
export type GenerateCall = Extract<WorkerRequest, { type: 'generate' }>;
/** Sends a message to the main thread; the buffers change hands. */
export type Send = (reply: WorkerReply, transfer?: ArrayBuffer[]) => void;

/** The output of one request, drawn token by token from the logits that somebody computes. */
export class Output {
  readonly request: GenerateCall;
  readonly #noise: GumbelNoise;
  readonly #send: Send;
  #count = 0;

  /** @throws BitmodelError `BAD_SEED` */
  constructor(request: GenerateCall, send: Send) {
    this.request = request;
    this.#noise = gumbelNoise(request.seed);
    this.#send = send;
  }

  /**
   * Draws the next token and sends it.
   * @param logits one row; nothing of it is kept
   * @returns the token, unless it is the last
   * @throws BitmodelError `BAD_LOGITS`
   */
  draw(logits: Float32Array): number | undefined {
    const { id, sampling, endIds, limit } = this.request;
    const top = finiteArgmax(logits);
    if (top < 0) throw notFinite();
    const token = sampleToken(logits, this.#count, sampling, this.#noise, top);
    this.#count += 1;
    const { logprobs: best, wantsLogits } = this.request;
    const logprobs = best === undefined ? {} : { logprobs: logprobsOf(logits, token, best) };
    const row = wantsLogits ? logits.slice() : undefined;
    this.#send(
      { type: 'token', id, token, ...logprobs, ...(row ? { logits: row } : {}) },
      row ? [row.buffer] : [],
    );
    return this.#count >= limit || endIds.includes(token) ? undefined : token;
  }
}

function notFinite(): BitmodelError {
  return new BitmodelError('BAD_LOGITS', 'The model computed logits that are not finite numbers.', {
    next: 'Use another ONNX file of the model (fp32 where fp16 overflows), or check it with: bitmodel model check DIR',
  });
}
