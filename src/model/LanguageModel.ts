import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { BitmodelError, EXIT } from '../base/index.js';
import { type ModelConfig, readModelConfig } from './config.js';
import { contextLengthOf, readGraph } from './facts.js';
import { FinishDetector } from './finish.js';
import { type GraphFacts, numericType } from './onnx/facts.js';
import { renamed } from './onnx/renamed.js';
import { fileSource, memorySource } from './onnx/wire.js';
import { providerFor } from './runtime/provider.js';
import { Session } from './runtime/Session.js';
import { WorkerChannel } from './runtime/WorkerChannel.js';
import { checkSampling } from './sampler/sampling.js';
import { loadTokenizer } from './tokenizer.js';
import type {
  DecodeSession,
  FinishReason,
  GenerateOptions,
  GenerateRequest,
  Generation,
  ModelInfo,
  OpenOptions,
  PrefillOptions,
  Tokenizer,
} from './types.js';

/** Rows for which unfolding the weights once takes less time than computing each row with folded ones: measured for 4 bits. */
const FEWEST_UNFOLDED = 3;
/** `accuracy_level` of MatMulNBits whose products are of integers of 8 bits. */
const INT8_ACTIVATIONS = 4;

/** Most streams that can be decoded in one run. */
export const MOST_BATCH = 64;

/**
 * A language model that runs in a thread of its own (DESIGN 7, "Run time"). Deterministic: the same request gives the same
 * ids on the same device with the same number of threads; in a batch, up to roundings of other kernels, which depend on how
 * many rows a run has.
 */
export class LanguageModel {
  readonly info: ModelInfo;
  readonly tokenizer: Tokenizer;
  #channel: WorkerChannel;
  /** Makes another channel of the same; only where one can die without this process. */
  readonly #restart: (() => Promise<WorkerChannel>) | undefined;
  #restarting: Promise<WorkerChannel> | undefined;
  #isClosed = false;
  #nextSession = 1;

  private constructor(
    info: ModelInfo,
    tokenizer: Tokenizer,
    channel: WorkerChannel,
    restart: (() => Promise<WorkerChannel>) | undefined,
  ) {
    this.info = info;
    this.tokenizer = tokenizer;
    this.#channel = channel;
    this.#restart = restart;
  }

  /**
   * Opens a model of the onnx-community or ONNX Runtime GenAI layout.
   * @throws BitmodelError `NOT_A_FOLDER`, `MODEL_FILE_MISSING`, `BAD_MODEL_CONFIG`, `BAD_ONNX`, `EXTERNAL_DATA_MISSING`,
   *   `BAD_EXTERNAL_DATA`, `BAD_MODEL_FILE`,
   *   `BAD_BATCH`, `MODEL_LOAD_FAILED`, `UNSUPPORTED_GRAPH`, `TOKENIZER_MISSING`, `BAD_TOKENIZER`, `TOKENIZER_MISMATCH`, `CUDA_MISSING`,
   *   `CUDA_FAILED`
   */
  static async open(dir: string, options: OpenOptions = {}): Promise<LanguageModel> {
    const batch = batchOf(options);
    const config = readModelConfig(dir, options.file);
    const path = join(dir, config.file);
    const facts = readGraph(path, options.graph);
    const contextLength = contextLengthOf(config, path, options.graph);
    const tokenizer = loadTokenizer(dir);
    let provider = providerFor(options.device ?? 'cpu');
    let cudaFailure: string | undefined;
    const graph = withUsualNames(path, options.graph, config);
    const start = async (): Promise<WorkerChannel> =>
      WorkerChannel.start(
        {
          path,
          graph,
          external: await options.external?.(),
          provider,
          threads: options.threads ?? availableParallelism(),
          optimization: options.optimization ?? 'all',
          keyValueHeads: config.keyValueHeads,
          headSize: config.headSize,
          vocabularySize: config.vocabularySize,
          contextLength,
          // what a row of a run-dependent graph computes would hang on the other rows
          batch: facts.runDependent ? 1 : batch,
          fewest: unfolds(facts) ? FEWEST_UNFOLDED : 2,
        },
        options.isolate,
        options.longestSilence,
      );
    const channel = await start().catch((thrown: unknown) => {
      const isCuda = thrown instanceof BitmodelError && thrown.code === 'CUDA_FAILED';
      if (!isCuda || options.device !== 'auto') throw thrown;
      // what is installed may still lack a driver, or a library
      cudaFailure = thrown.message;
      provider = 'cpu';
      return start();
    });
    const { vocabularySize, hasCache, layers } = channel.graph;
    if (tokenizer.size > vocabularySize) {
      await channel.close();
      throw mismatch(tokenizer, config, vocabularySize);
    }
    const info: ModelInfo = {
      dir,
      file: config.file,
      vocabularySize,
      contextLength,
      endIds: config.endIds,
      layers: config.layers ?? layers,
      hasCache,
      numericClass: `${numericType(facts)}/${facts.accuracyLevel}/${provider}`,
      runDependent: facts.runDependent,
      batch: channel.batch,
      ...(cudaFailure === undefined ? {} : { cudaFailure }),
      architecture: config.architecture,
    };
    return new LanguageModel(info, tokenizer, channel, options.isolate ? start : undefined);
  }

  /**
   * Generates an output: greedy, or drawn by the noise that the seed fixes. Several at the same time share runs where
   * `info.batch` is above 1, else they take turns.
   * @throws BitmodelError `EMPTY_PROMPT`, `PROMPT_TOO_LONG`, `BAD_TOKEN_ID`, `BAD_SAMPLING`, `BAD_SEED`, `BAD_MAX_TOKENS`,
   *   `BAD_LOGITS`, `OUT_OF_MEMORY`, `MODEL_RUN_FAILED`, `MODEL_WORKER_DIED`
   */
  async generate(request: GenerateRequest, options: GenerateOptions = {}): Promise<Generation> {
    const { promptIds, sampling, seed, maxTokens, stop } = request;
    checkSampling(sampling);
    if (seed.length !== 32) throw new BitmodelError('BAD_SEED', 'A seed has 32 bytes.');
    if (!Number.isInteger(maxTokens) || maxTokens < 1) {
      throw new BitmodelError('BAD_MAX_TOKENS', 'An output has at least one token.', {
        exitCode: EXIT.usage,
      });
    }
    const contextLeft = this.#roomAfter(promptIds);
    const { endIds } = this.info;
    const decode = (ids: readonly number[]): string => this.tokenizer.decode(ids);
    const detector = new FinishDetector({ endIds, maxTokens, contextLeft, stop, decode });
    const ids: number[] = [];
    let text = '';
    let finish: FinishReason | undefined;
    const channel = await this.#live();
    const done = await channel.call(
      {
        type: 'generate',
        promptIds,
        sampling,
        seed,
        endIds,
        limit: Math.min(maxTokens, contextLeft),
        logprobs: options.logprobs,
        wantsLogits: options.onLogits !== undefined,
      },
      {
        signal: options.signal,
        onToken: ({ token: id, logprobs, logits }, cancel) => {
          // the worker may be a token ahead of a stop text found here
          if (finish) return;
          if (logits) options.onLogits?.(ids.length, logits);
          const step = detector.push(id);
          text += step.delta;
          finish = step.finish;
          ids.push(id);
          if (finish === 'stop') cancel();
          options.onToken?.(id, step.delta, ids.length - 1, logprobs);
        },
      },
    );
    return { ids, text, finish: finish!, ...done.times! };
  }

  /**
   * Computes the logits of known tokens in one pass: row i are the logits after token i. Chunks with KV cache keep memory flat,
   * and logits that nobody wants are not computed where the graph's end is one that can be told so.
   * @throws BitmodelError `EMPTY_PROMPT`, `PROMPT_TOO_LONG`, `BAD_TOKEN_ID`, `MODEL_RUN_FAILED`, `MODEL_WORKER_DIED`;
   *   whatever `onLogits` throws
   */
  async prefill(ids: readonly number[], options: PrefillOptions): Promise<void> {
    this.#checkIds(ids);
    if (ids.length > this.info.contextLength) throw this.#tooLong(ids.length);
    const from = options.from ?? 0;
    const positions =
      options.positions ?? Array.from({ length: ids.length - from }, (_, i) => from + i);
    const { onLogits } = options;
    const channel = await this.#live();
    await channel.call(
      { type: 'prefill', ids, positions, chunk: options.chunk, stepFrom: options.stepFrom },
      { signal: options.signal, onBlock: (block, logits) => onLogits(block[0]!, logits, block) },
    );
  }

  /** A token stream of one's own, for decoders other than `generate`. */
  async session(): Promise<DecodeSession> {
    const session = this.#nextSession++;
    const channel = await this.#live();
    return new Session({
      feed: async (ids) => (await channel.call({ type: 'feed', session, ids })).logits!,
      check: (ids, length) => {
        this.#checkIds(ids);
        if (length + ids.length > this.info.contextLength) throw this.#tooLong(length + ids.length);
      },
      drop: () => channel.drop(session),
    });
  }

  /** Text of output ids, without a final end token: what `Generation.text` holds. */
  text(ids: readonly number[]): string {
    const last = ids.at(-1);
    const ended = last !== undefined && this.info.endIds.includes(last);
    return this.tokenizer.decode(ended ? ids.slice(0, -1) : ids);
  }

  /** Ends the thread and frees the model. Calls in progress end with `MODEL_CLOSED`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#channel.close();
    // one that was being started while this was closed
    await this.#restarting?.then((channel) => channel.close()).catch(() => undefined);
  }

  /** What runs the model, started anew where it died. */
  async #live(): Promise<WorkerChannel> {
    if (!this.#restart || this.#isClosed || !this.#channel.isDead) return this.#channel;
    this.#restarting ??= this.#restart().finally(() => {
      this.#restarting = undefined;
    });
    this.#channel = await this.#restarting;
    return this.#channel;
  }

  #checkIds(ids: readonly number[]): void {
    if (ids.length === 0) {
      throw new BitmodelError('EMPTY_PROMPT', 'There are no tokens to start from.', {
        next: 'Give a prompt that is not empty',
        exitCode: EXIT.usage,
      });
    }
    const { vocabularySize } = this.info;
    const bad = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
    if (bad === undefined) return;
    throw new BitmodelError(
      'BAD_TOKEN_ID',
      `The token id ${bad} is not in the model's vocabulary of ${vocabularySize}.`,
      { next: "Use the model's own tokenizer" },
    );
  }

  #roomAfter(promptIds: readonly number[]): number {
    this.#checkIds(promptIds);
    const room = this.info.contextLength - promptIds.length;
    if (room < 1) throw this.#tooLong(promptIds.length);
    return room;
  }

  #tooLong(count: number): BitmodelError {
    const { contextLength } = this.info;
    return new BitmodelError(
      'PROMPT_TOO_LONG',
      `${count} tokens do not fit into the model's context of ${contextLength} with room for an answer.`,
      { next: 'Shorten the prompt, or use a model with a longer context', exitCode: EXIT.usage },
    );
  }
}

/** Whether products of several rows unfold the weights to binary32 at each run, as those of one row need not. */
function unfolds({ blockBits, accuracyLevel }: GraphFacts): boolean {
  return blockBits !== undefined && accuracyLevel < INT8_ACTIVATIONS;
}

/** @throws BitmodelError `BAD_BATCH` */
function batchOf({ batch = 1 }: OpenOptions): number {
  if (Number.isInteger(batch) && batch >= 1 && batch <= MOST_BATCH) return batch;
  throw new BitmodelError('BAD_BATCH', `A batch has 1 to ${MOST_BATCH} rows.`, {
    exitCode: EXIT.usage,
  });
}

/** The graph to run: as it came, unless it calls its inputs and outputs otherwise than we do. */
function withUsualNames(
  path: string,
  graph: Uint8Array | undefined,
  { tensorNames }: ModelConfig,
): Uint8Array | undefined {
  if (tensorNames === undefined) return graph;
  const source = graph ? memorySource(graph) : fileSource(path);
  try {
    return renamed(source, graph ? undefined : basename(path), tensorNames);
  } finally {
    source.close();
  }
}

function mismatch(
  tokenizer: Tokenizer,
  config: ModelConfig,
  vocabularySize: number,
): BitmodelError {
  return new BitmodelError(
    'TOKENIZER_MISMATCH',
    `The tokenizer in ${config.dir} has ids up to ${tokenizer.size - 1}, but ${config.file} knows only ${vocabularySize} tokens.`,
    { next: 'Fetch the tokenizer.json that belongs to this model' },
  );
}
