import { parentPort, workerData } from 'node:worker_threads';
import { BitmodelError, messageOf } from '../base/index.js';
import { DecodeBatch } from './runtime/DecodeBatch.js';
import { DecoderGraph } from './runtime/DecoderGraph.js';
import { decodeAlone } from './runtime/decodeAlone.js';
import { Output } from './runtime/Output.js';
import { probeBatch } from './runtime/probeBatch.js';
import type { WorkerOptions, WorkerReply, WorkerRequest } from './runtime/protocol.js';
import { TokenStream } from './runtime/TokenStream.js';

/**
 * The thread that runs a model, since ONNX Runtime blocks the event loop it runs on. The decode loop is here; tokens and
 * logits go out as messages.
 */
class ModelWorker {
  readonly #graph: DecoderGraph;
  readonly #batch: DecodeBatch | undefined;
  readonly #sessions = new Map<number, TokenStream>();
  readonly #cancelled = new Set<number>();
  readonly #running = new Set<number>();
  readonly #acks = new Map<number, () => void>();
  #closing = false;

  constructor(graph: DecoderGraph, batch: DecodeBatch | undefined) {
    this.#graph = graph;
    this.#batch = batch;
  }

  async handle(request: WorkerRequest): Promise<void> {
    if (request.type === 'close') return this.#close();
    if (request.type === 'drop') {
      this.#sessions.get(request.session)?.close();
      this.#sessions.delete(request.session);
      return;
    }
    if (request.type === 'ping') return send({ type: 'pong' });
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
    const { id } = request;
    const output = new Output(request, send);
    const cancelled = (): boolean => this.#cancelled.has(id);
    const times = this.#batch
      ? await this.#batch.generate(output, cancelled)
      : await decodeAlone(this.#graph, output, cancelled);
    this.#assertOpen();
    send({ type: 'done', id, times });
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
  const options = workerData as WorkerOptions;
  const graph = await DecoderGraph.load(options);
  const isBatched = options.batch > 1 && graph.info.batches && (await probeBatch(graph));
  const batch = isBatched ? new DecodeBatch(graph, options.batch, options.fewest) : undefined;
  const worker = new ModelWorker(graph, batch);
  parentPort!.on('message', (request: WorkerRequest) => void worker.handle(request));
  send({ type: 'ready', graph: graph.info, batch: isBatched ? options.batch : 1 });
} catch (thrown) {
  send(failure(undefined, thrown));
}
