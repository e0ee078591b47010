import { parentPort, workerData } from 'node:worker_threads';
import { BitmodelError, messageOf } from '../base/index.js';
import { logprobsOf } from './logprobs.js';
import { DecoderGraph } from './runtime/DecoderGraph.js';
import type { WorkerOptions, WorkerReply, WorkerRequest } from './runtime/protocol.js';
import { TokenStream } from './runtime/TokenStream.js';
import { gumbelNoise } from './sampler/noise.js';
import { sampleToken } from './sampler/sample.js';

/** Output tokens for which room is made at once; more as they come. */
const ROOM = 256;

/**
 * The thread that runs a model, since ONNX Runtime blocks the event loop it runs on. The decode loop is here; tokens and
 * logits go out as messages.
 */
class ModelWorker {
  readonly #graph: DecoderGraph;
  readonly #sessions = new Map<number, TokenStream>();
  readonly #cancelled = new Set<number>();
  readonly #running = new Set<number>();
  readonly #acks = new Map<number, () => void>();
  #closing = false;

  constructor(graph: DecoderGraph) {
    this.#graph = graph;
  }

  async handle(request: WorkerRequest): Promise<void> {
    if (request.type === 'close') return this.#close();
    if (request.type === 'drop') {
      this.#sessions.get(request.session)?.close();
      this.#sessions.delete(request.session);
      return;
    }
    if (request.type === 'ack') return this.#acks.get(request.id)?.();
    if (request.type === 'cancel') {
      if (this.#running.has(request.id)) this.#cancelled.add(request.id);
      this.#acks.get(request.id)?.();
      return;
    }
    this.#running.add(request.id);
    try {
      if (request.type === 'generate') await this.#generate(request);
      else if (request.type === 'prefill') await this.#prefill(request);
      else await this.#feed(request);
    } catch (thrown) {
      send(failure(request.id, thrown));
    } finally {
      this.#running.delete(request.id);
      this.#cancelled.delete(request.id);
      this.#acks.delete(request.id);
    }
  }

  async #generate(request: WorkerRequest & { type: 'generate' }): Promise<void> {
    const { id, promptIds, sampling, limit } = request;
    const noise = gumbelNoise(request.seed);
    const cancelled = (): boolean => this.#cancelled.has(id);
    const stream = new TokenStream(this.#graph);
    try {
      const started = performance.now();
      stream.reserve(promptIds.length + Math.min(limit, ROOM));
      let logits = await stream.feed(promptIds, true, cancelled);
      const prefilled = performance.now();
      for (let position = 0; !cancelled(); position++) {
        assertFinite(logits);
        const token = sampleToken(logits, position, sampling, noise);
        const { logprobs: best } = request;
        const logprobs = best === undefined ? {} : { logprobs: logprobsOf(logits, token, best) };
        send({ type: 'token', id, token, ...logprobs });
        if (position + 1 >= limit || request.endIds.includes(token)) break;
        logits = await stream.feed([token], true, cancelled);
      }
      const times = {
        promptSeconds: (prefilled - started) / 1000,
        decodeSeconds: (performance.now() - prefilled) / 1000,
      };
      this.#assertOpen();
      send({ type: 'done', id, times });
    } finally {
      stream.close();
    }
  }

  async #prefill({
    id,
    ids,
    positions,
    chunk,
    stepFrom,
  }: WorkerRequest & { type: 'prefill' }): Promise<void> {
    const cancelled = (): boolean => this.#cancelled.has(id);
    const stream = new TokenStream(this.#graph);
    let acknowledged = Promise.resolve();
    const emit = async (block: readonly number[], logits: Float32Array): Promise<void> => {
      // one block may be under way while the next is computed, not more
      await acknowledged;
      if (cancelled()) return;
      acknowledged = new Promise((resolve) => this.#acks.set(id, resolve));
      send({ type: 'block', id, positions: block, logits }, [logits.buffer as ArrayBuffer]);
    };
    try {
      await stream.prefill(ids, positions, { chunk, stepFrom }, emit, cancelled);
      if (!cancelled()) await acknowledged;
      this.#assertOpen();
      send({ type: 'done', id });
    } finally {
      stream.close();
    }
  }

  async #feed({ id, session, ids }: WorkerRequest & { type: 'feed' }): Promise<void> {
    const stream = this.#sessions.get(session) ?? new TokenStream(this.#graph);
    this.#sessions.set(session, stream);
    const logits = await stream.feed(ids);
    send({ type: 'done', id, logits }, [logits.buffer as ArrayBuffer]);
  }

  /** A call that closing cut short did not finish. */
  #assertOpen(): void {
    if (!this.#closing) return;
    throw new BitmodelError('MODEL_CLOSED', 'The model was closed.', { next: 'Open it again' });
  }

  async #close(): Promise<void> {
    this.#closing = true;
    for (const id of this.#running) this.#cancelled.add(id);
    for (const resolve of this.#acks.values()) resolve();
    // let a run in progress come to its end: freeing its session under it would crash the process
    while (this.#running.size > 0) await new Promise((resolve) => setImmediate(resolve));
    for (const stream of this.#sessions.values()) stream.close();
    await this.#graph.release();
    parentPort!.close();
  }
}

function assertFinite(logits: Float32Array): void {
  for (const logit of logits) {
    if (Number.isFinite(logit)) continue;
    throw new BitmodelError(
      'BAD_LOGITS',
      'The model computed logits that are not finite numbers.',
      {
        next: 'Use another ONNX file of the model (fp32 where fp16 overflows), or check it with: bitmodel model check DIR',
      },
    );
  }
}

function send(reply: WorkerReply, transfer: ArrayBuffer[] = []): void {
  parentPort!.postMessage(reply, transfer);
}

function failure(id: number | undefined, thrown: unknown): WorkerReply {
  const known = thrown instanceof BitmodelError ? thrown : undefined;
  return {
    type: 'failed',
    id,
    code: known?.code ?? 'MODEL_RUN_FAILED',
    message: known?.message ?? `The model failed while running: ${messageOf(thrown)}`,
    next: known?.next,
  };
}

try {
  const graph = await DecoderGraph.load(workerData as WorkerOptions);
  const worker = new ModelWorker(graph);
  parentPort!.on('message', (request: WorkerRequest) => void worker.handle(request));
  send({ type: 'ready', graph: graph.info });
} catch (thrown) {
  send(failure(undefined, thrown));
}
