import { basename } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { BitmodelError, messageOf } from '../../base/index.js';
import { ROWS_INPUT, selectRows } from '../onnx/selectRows.js';
import { fileSource, memorySource } from '../onnx/wire.js';
import type { GraphInfo, WorkerOptions } from './protocol.js';

type TensorMeta = InferenceSession.TensorValueMetadata;

/** One tensor that a step hands to the next: a key, a value, or another state of fixed size. */
interface CacheSlot {
  readonly input: TensorMeta;
  readonly output: string;
  /** Shape before the first token. */
  readonly shape: readonly number[];
}

/** Inputs that a language model may ask for beside its cache. */
const KNOWN_INPUTS = new Set([
  'input_ids',
  'attention_mask',
  'position_ids',
  'token_type_ids',
  'num_logits_to_keep',
  'use_cache_branch',
  ROWS_INPUT,
]);

/** Graphs in memory beyond this size run as they are: rewriting would copy their weights. */
const MOST_REWRITTEN = 64 << 20;

/** Logits of some positions of a run. */
export interface Rows {
  /** Rows × vocabulary, in ONNX Runtime's own type. */
  readonly data: ArrayLike<number>;
  /** Which positions of the run the rows are of, ascending. */
  readonly of: readonly number[];
}

type TypedArray =
  | Float32Array
  | Float64Array
  | Uint16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array;

const ARRAYS: Readonly<Record<string, (size: number) => TypedArray>> = {
  float32: (size) => new Float32Array(size),
  float64: (size) => new Float64Array(size),
  float16: (size) => new Uint16Array(size),
  int32: (size) => new Int32Array(size),
  int64: (size) => new BigInt64Array(size),
  uint8: (size) => new Uint8Array(size),
  bool: (size) => new Uint8Array(size),
};

function makeTensor(type: string, shape: readonly number[], data?: TypedArray): Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  const make = ARRAYS[type];
  if (!make) throw unsupported(`It wants numbers of type ${type}, which can't be fed.`);
  return new Tensor(type as 'float32', (data ?? make(size)) as Float32Array, shape);
}

function unsupported(why: string): BitmodelError {
  return new BitmodelError(
    'UNSUPPORTED_GRAPH',
    `The ONNX graph is no language model we can run: ${why}`,
    {
      next: 'Name a text-generation export (input_ids in, logits out), for instance with --file',
    },
  );
}

/** `past_key_values.0.key` → `present.0.key`, `past_conv.0` → `present_conv.0`. */
function presentName(past: string): string {
  return past.replace(/^past_key_values/, 'present').replace(/^past/, 'present');
}

function cacheShape(meta: TensorMeta, options: WorkerOptions): number[] {
  return meta.shape.map((size, axis) => {
    if (typeof size === 'number') return size;
    if (axis === 0) return 1;
    if (/past|seq|total|len/i.test(size) || meta.shape.length !== 4) return 0;
    if (axis === 1 && options.keyValueHeads !== undefined) return options.keyValueHeads;
    if (axis === 3 && options.headSize !== undefined) return options.headSize;
    return 0;
  });
}

/** A loaded ONNX graph with its inputs and outputs understood. */
export class DecoderGraph {
  readonly info: GraphInfo;
  readonly #session: InferenceSession;
  readonly #inputs: ReadonlyMap<string, TensorMeta>;
  readonly #logits: TensorMeta;
  readonly #slots: readonly CacheSlot[];

  private constructor(session: InferenceSession, options: WorkerOptions) {
    this.#session = session;
    const tensors = (list: readonly InferenceSession.ValueMetadata[]): TensorMeta[] =>
      list.filter((meta): meta is TensorMeta => meta.isTensor);
    const outputs = tensors(session.outputMetadata);
    this.#inputs = new Map(tensors(session.inputMetadata).map((meta) => [meta.name, meta]));
    if (!this.#inputs.has('input_ids')) throw unsupported('it has no input "input_ids".');
    const logits =
      outputs.find(({ name }) => name === 'logits') ??
      outputs.find(({ name }) => /logits/.test(name));
    if (!logits) throw unsupported('it has no output "logits".');
    this.#logits = logits;
    this.#slots = this.#findSlots(new Set(outputs.map(({ name }) => name)), options);
    this.info = {
      vocabularySize: this.#vocabularySize(options),
      hasCache: this.#slots.length > 0,
      layers: new Set(this.#slots.map(({ input }) => /\d+/.exec(input.name)?.[0])).size,
    };
  }

  /**
   * Loads and understands a graph.
   * @throws BitmodelError `MODEL_LOAD_FAILED`, `UNSUPPORTED_GRAPH`
   */
  static async load(options: WorkerOptions): Promise<DecoderGraph> {
    const rewritten = chooseRows(options);
    if (rewritten) {
      const graph = await open(options, rewritten).catch(() => undefined);
      if (graph) return new DecoderGraph(graph, options);
    }
    try {
      return new DecoderGraph(await open(options, options.graph), options);
    } catch (thrown) {
      if (thrown instanceof BitmodelError) throw thrown;
      throw new BitmodelError(
        'MODEL_LOAD_FAILED',
        `ONNX Runtime can't load ${options.path}: ${oneLine(messageOf(thrown))}`,
        { next: 'Fetch the file again, or choose another one with --file', cause: thrown },
      );
    }
  }

  #vocabularySize(options: WorkerOptions): number {
    const last = this.#logits.shape.at(-1);
    const size = typeof last === 'number' ? last : options.vocabularySize;
    if (size === undefined)
      throw unsupported('neither it nor config.json says how many tokens there are.');
    return size;
  }

  #findSlots(outputs: ReadonlySet<string>, options: WorkerOptions): CacheSlot[] {
    const slots: CacheSlot[] = [];
    for (const input of this.#inputs.values()) {
      if (KNOWN_INPUTS.has(input.name)) continue;
      const output = presentName(input.name);
      if (output === input.name || !outputs.has(output)) {
        throw unsupported(`it has an input "${input.name}" that we don't know how to fill.`);
      }
      slots.push({ input, output, shape: cacheShape(input, options) });
    }
    return slots;
  }

  /** The cache before the first token. */
  emptyCache(): Map<string, Tensor> {
    return new Map(
      this.#slots.map(({ input, shape }) => [input.name, makeTensor(input.type, shape)]),
    );
  }

  /**
   * Runs tokens that follow `past` others.
   * @param cache as `emptyCache` or the last run left it; replaced in place
   * @param wanted positions of this run whose logits are wanted, ascending, at least one; more may come where the graph
   *   can't choose
   * @throws BitmodelError `MODEL_RUN_FAILED`
   */
  async run(
    ids: readonly number[],
    past: number,
    cache: Map<string, Tensor>,
    wanted: readonly number[],
  ): Promise<Rows> {
    const feeds = this.#feeds(ids, past, wanted);
    for (const [name, tensor] of cache) feeds[name] = tensor;
    const fetches = [this.#logits.name, ...this.#slots.map(({ output }) => output)];
    let results: InferenceSession.ReturnType;
    try {
      results = await this.#session.run(feeds, fetches);
    } catch (thrown) {
      throw new BitmodelError(
        'MODEL_RUN_FAILED',
        `The model failed while running: ${oneLine(messageOf(thrown))}`,
        { next: 'Check the files with: bitmodel model check DIR', cause: thrown },
      );
    }
    for (const { input, output } of this.#slots) {
      const fresh = results[output] as Tensor;
      cache.get(input.name)?.dispose();
      cache.set(input.name, fresh);
    }
    const logits = results[this.#logits.name] as Tensor;
    const rows = logits.size / this.info.vocabularySize;
    const of = this.#inputs.has(ROWS_INPUT)
      ? wanted
      : Array.from({ length: rows }, (_, row) => ids.length - rows + row);
    if (of.length !== rows || rows < 1) {
      throw unsupported('its logits have another width than its vocabulary.');
    }
    return { data: logits.data as unknown as ArrayLike<number>, of };
  }

  #feeds(ids: readonly number[], past: number, wanted: readonly number[]): Record<string, Tensor> {
    const count = ids.length;
    const lastOnly = wanted[0] === count - 1;
    const values: Record<string, { shape: number[]; at: (i: number) => number }> = {
      input_ids: { shape: [1, count], at: (i) => ids[i]! },
      attention_mask: { shape: [1, past + count], at: () => 1 },
      position_ids: { shape: [1, count], at: (i) => past + i },
      token_type_ids: { shape: [1, count], at: () => 0 },
      // 0 asks for the logits of all positions
      num_logits_to_keep: { shape: [], at: () => (lastOnly ? 1 : 0) },
      [ROWS_INPUT]: { shape: [wanted.length], at: (i) => wanted[i]! },
      use_cache_branch: { shape: [1], at: () => (past > 0 ? 1 : 0) },
    };
    const feeds: Record<string, Tensor> = {};
    for (const [name, { shape, at }] of Object.entries(values)) {
      const meta = this.#inputs.get(name);
      if (!meta) continue;
      const dims = meta.shape.length === 0 ? [] : shape.length === 0 ? [1] : shape;
      const tensor = makeTensor(meta.type, dims);
      const data = tensor.data as unknown as (number | bigint)[];
      for (let i = 0; i < tensor.size; i++) data[i] = meta.type === 'int64' ? BigInt(at(i)) : at(i);
      feeds[name] = tensor;
    }
    return feeds;
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

/** The graph with its rows to choose from, where that is known to be right. */
function chooseRows({ path, graph }: WorkerOptions): Uint8Array | undefined {
  if (graph && graph.length > MOST_REWRITTEN) return undefined;
  const source = graph ? memorySource(graph) : fileSource(path);
  try {
    return selectRows(source, graph ? undefined : basename(path));
  } finally {
    source.close();
  }
}

/** @param graph bytes to load in the file's place */
function open(options: WorkerOptions, graph: Uint8Array | undefined): Promise<InferenceSession> {
  const folder = options.path.replace(/[^/\\]*$/, '');
  const settings: InferenceSession.SessionOptions = {
    executionProviders: [options.provider],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: options.optimization,
    logSeverityLevel: 4,
    // a graph in memory has no folder of its own in which external data could be found
    extra: graph ? { session: { model_external_initializers_file_folder_path: folder } } : {},
  };
  return graph
    ? InferenceSession.create(graph, settings)
    : InferenceSession.create(options.path, settings);
}

function oneLine(message: string): string {
  const line = message.replace(/\s+/g, ' ').trim();
  return /[.!?]$/.test(line) ? line : `${line}.`;
}
