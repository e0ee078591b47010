import { Worker } from 'node:worker_threads';
import { BitmodelError, messageOf } from '../../base/index.js';
import { IsolatedWorker, type ModelThread } from './IsolatedWorker.js';
import { THREAD_LIMITS } from './limits.js';
import type { GraphInfo, WorkerOptions, WorkerReply, WorkerRequest } from './protocol.js';
import { disableTelemetry } from './telemetry.js';

type Reply<Type extends WorkerReply['type']> = Extract<WorkerReply, { type: Type }>;

/** A token of an output as the worker draws it. */
export type Drawn = Reply<'token'>;

/** Longest silence of a process while it is asked for something: one run of ONNX Runtime takes seconds, loading minutes. */
const LONGEST_SILENCE_MS = 10 * 60_000;
const PING_MS = 5000;
/** A process that is to close gets this long to end by itself. */
const CLOSING_MS = 5000;

/** What a call gets back while it runs and when it ends. */
interface PendingCall {
  readonly onToken?: (drawn: Drawn) => void;
  readonly onBlock?: (positions: readonly number[], logits: Float32Array) => void;
  readonly resolve: (reply: Reply<'done'>) => void;
  readonly reject: (error: unknown) => void;
}

/** A request without its id, which the channel gives. */
type Unnumbered<T> = T extends { readonly id: number } ? Omit<T, 'id'> : never;
/** A call as it goes to the worker thread. */
export type Call = Unnumbered<Extract<WorkerRequest, { type: 'generate' | 'prefill' | 'feed' }>>;

/** Who is told of a call on its way, and who can end it. */
export interface CallHooks {
  readonly onToken?: (drawn: Drawn, cancel: () => void) => void;
  readonly onBlock?: (positions: readonly number[], logits: Float32Array) => void | Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/** The main thread's end of a model worker. A worker that dies turns into an error of every call, never of the process. */
export class WorkerChannel {
  readonly graph: GraphInfo;
  /** Most streams that are decoded in one run. */
  readonly batch: number;
  readonly #worker: ModelThread;
  /** Looks after a process; a thread that hangs can't be helped. */
  readonly #watch: NodeJS.Timeout | undefined;
  #heard = performance.now();
  readonly #pending = new Map<number, PendingCall>();
  #nextId = 1;
  #dead: BitmodelError | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    worker: ModelThread,
    { graph, batch }: Reply<'ready'>,
    longestSilence: number,
  ) {
    this.#worker = worker;
    this.graph = graph;
    this.batch = batch;
    worker.on('message', (reply: WorkerReply) => this.#receive(reply));
    worker.on('error', (error: Error) => this.#die(messageOf(error)));
    worker.on('exit', (code: number | string) => this.#die(endOf(code)));
    if (worker instanceof IsolatedWorker) {
      this.#watch = setInterval(
        () => this.#look(longestSilence),
        Math.min(PING_MS, longestSilence / 4),
      ).unref();
    }
  }

  /**
   * Starts a worker and waits until it has loaded its model.
   * @param isolate in a process of its own
   * @param longestSilence milliseconds that such a process may take to load, or leave a call without a sign of life
   * @throws BitmodelError what the worker says, or `MODEL_WORKER_DIED`
   */
  static async start(
    options: WorkerOptions,
    isolate = false,
    longestSilence = LONGEST_SILENCE_MS,
  ): Promise<WorkerChannel> {
    const worker: ModelThread = isolate ? new IsolatedWorker(options) : startThread(options);
    const giveUp = isolate ? setTimeout(() => worker.terminate(), longestSilence) : undefined;
    try {
      const ready = await new Promise<Reply<'ready'>>((resolve, reject) => {
        worker.once('message', (reply: WorkerReply) => {
          if (reply.type === 'ready') resolve(reply);
          else if (reply.type === 'failed') reject(errorOf(reply));
        });
        worker.once('error', (error: Error) => reject(died(messageOf(error))));
        worker.once('exit', (code: number | string) => reject(died(endOf(code))));
      });
      return new WorkerChannel(worker, ready, longestSilence);
    } catch (thrown) {
      await worker.terminate();
      throw thrown;
    } finally {
      clearTimeout(giveUp);
    }
  }

  /**
   * Makes a call and waits for its end.
   * @throws BitmodelError of the worker; the signal's `AbortError`; whatever a hook throws
   */
  async call(request: Call, hooks: CallHooks = {}): Promise<Reply<'done'>> {
    hooks.signal?.throwIfAborted();
    if (this.#dead) throw this.#dead;
    if (this.#closing) throw closed();
    const id = this.#nextId++;
    const cancel = (): void => this.#post({ type: 'cancel', id });
    let failure: { readonly thrown: unknown } | undefined;
    const stopWith = (thrown: unknown): void => {
      failure ??= { thrown };
      cancel();
    };
    const onAbort = (): void => stopWith(hooks.signal?.reason);
    hooks.signal?.addEventListener('abort', onAbort);
    let blocks = Promise.resolve();
    try {
      const done = await new Promise<Reply<'done'>>((resolve, reject) => {
        this.#pending.set(id, {
          resolve,
          reject,
          onToken: (drawn) => {
            if (failure) return;
            try {
              hooks.onToken?.(drawn, cancel);
            } catch (thrown) {
              stopWith(thrown);
            }
          },
          onBlock: (positions, logits) => {
            blocks = blocks
              .then(() => (failure ? undefined : hooks.onBlock?.(positions, logits)))
              .catch(stopWith)
              .then(() => this.#post({ type: 'ack', id }));
          },
        });
        this.#post({ ...request, id });
      });
      await blocks;
      if (failure) throw failure.thrown;
      return done;
    } finally {
      this.#pending.delete(id);
      hooks.signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Whether it ended by itself, and no call can succeed any more. */
  get isDead(): boolean {
    return this.#dead !== undefined;
  }

  /** Frees a session's cache. */
  drop(session: number): void {
    this.#post({ type: 'drop', session });
  }

  /** Ends the worker after the run in progress. */
  close(): Promise<void> {
    this.#closing ??= this.#dead
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.#worker.once('exit', () => resolve());
          this.#worker.postMessage({ type: 'close' });
          if (this.#watch) setTimeout(() => this.#worker.terminate(), CLOSING_MS).unref();
        });
    return this.#closing;
  }

  #post(request: WorkerRequest): void {
    if (!this.#dead) this.#worker.postMessage(request);
  }

  #receive(reply: WorkerReply): void {
    this.#heard = performance.now();
    if (reply.type === 'ready' || reply.type === 'pong' || reply.id === undefined) return;
    const call = this.#pending.get(reply.id);
    if (reply.type === 'token') call?.onToken?.(reply);
    else if (reply.type === 'block') call?.onBlock?.(reply.positions, reply.logits);
    else if (reply.type === 'done') call?.resolve(reply);
    else call?.reject(errorOf(reply));
  }

  /** Ends a process that has not been heard of for too long while somebody waits for it. */
  #look(longest: number): void {
    if (this.#pending.size === 0) this.#heard = performance.now();
    const silent = performance.now() - this.#heard;
    if (silent <= longest) {
      this.#post({ type: 'ping' });
      return;
    }
    this.#die(`it has not answered for ${Math.round(silent / 1000)} seconds`);
    void this.#worker.terminate();
  }

  #die(why: string): void {
    clearInterval(this.#watch);
    this.#dead ??= this.#closing ? closed() : died(why);
    for (const call of this.#pending.values()) call.reject(this.#dead);
  }
}

function startThread(options: WorkerOptions): Worker {
  disableTelemetry();
  return new Worker(new URL('../worker.js', import.meta.url), {
    workerData: options,
    // weights that are unlocked in memory are there once
    transferList: (options.external ?? []).map(({ data }) => data.buffer as ArrayBuffer),
    resourceLimits: THREAD_LIMITS,
    // options for a script on the command line, such as --input-type, would be errors here
    execArgv: [],
  });
}

function endOf(code: number | string): string {
  return typeof code === 'number' ? `it ended with code ${code}` : `it was ended by ${code}`;
}

function errorOf(reply: Reply<'failed'>): BitmodelError {
  return new BitmodelError(reply.code, reply.message, reply.next ? { next: reply.next } : {});
}

function died(why: string): BitmodelError {
  return new BitmodelError('MODEL_WORKER_DIED', `What runs the model died: ${why}.`, {
    next: 'Open the model again; if it happens again, free some memory',
  });
}

function closed(): BitmodelError {
  return new BitmodelError('MODEL_CLOSED', 'The model was closed.', { next: 'Open it again' });
}
