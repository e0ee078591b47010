import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { BitmodelError, messageOf } from '../../base/index.js';
import { presentName } from '../onnx/attention.js';
import { CACHE_ROWS, NEW_ROWS } from '../onnx/packCache.js';
import { ROWS_INPUT } from '../onnx/selectRows.js';
import { CacheArena } from './CacheArena.js';
import type { BoundCache, CacheTensor, KeyValueCache } from './cache.js';
import { Feeds, KNOWN_INPUTS, type RunRow, type TensorMeta } from './feeds.js';
import { GrowingCache } from './GrowingCache.js';
import { copyFloats } from './half.js';
import { type OpenGraph, oneLine, openGraph } from './openGraph.js';
import type { GraphInfo, WorkerOptions } from './protocol.js';
import { unsupported } from './tensors.js';

/** Logits of some positions of a run. */
export interface Rows {
  /** Rows × vocabulary, in ONNX Runtime's own type. */
  readonly data: ArrayLike<number>;
  /** Which positions of the run the rows are of, ascending. */
  readonly of: readonly number[];
}

/** How a run is made. */
export interface RunOptions {
  /** Positions of this run whose logits are wanted, ascending, at least one; more may come where the graph can't choose. */
  readonly wanted: readonly number[];
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
  readonly #feeds: Feeds;
  readonly #logits: TensorMeta;
  readonly #tensors: readonly CacheTensor[];
  readonly #contextLength: number;

  private constructor({ session, attention }: OpenGraph, options: WorkerOptions) {
    this.#session = session;
    this.#contextLength = options.contextLength;
    const tensors = (list: readonly InferenceSession.ValueMetadata[]): TensorMeta[] =>
      list.filter((meta): meta is TensorMeta => meta.isTensor);
    const outputs = tensors(session.outputMetadata);
    this.#inputs = new Map(tensors(session.inputMetadata).map((meta) => [meta.name, meta]));
    if (!this.#inputs.has('input_ids')) throw unsupported('it has no input "input_ids".');
    this.#feeds = new Feeds(this.#inputs);
    const logits =
      outputs.find(({ name }) => name === 'logits') ??
      outputs.find(({ name }) => /logits/.test(name));
    if (!logits) throw unsupported('it has no output "logits".');
    this.#logits = logits;
    this.#tensors = this.#findCache(new Set(outputs.map(({ name }) => name)), options);
    const inPlace = this.#inputs.has(CACHE_ROWS);
    this.info = {
      vocabularySize: this.#vocabularySize(options),
      hasCache: this.#tensors.length > 0,
      inPlace,
      batches: inPlace && attention.batches,
      layers: new Set(this.#tensors.map(({ input }) => /\d+/.exec(input)?.[0])).size,
    };
  }

  /**
   * Loads and understands a graph.
   * @throws BitmodelError `MODEL_LOAD_FAILED`, `UNSUPPORTED_GRAPH`
   */
  static load(options: WorkerOptions): Promise<DecoderGraph> {
    return openGraph(options, (graph) => new DecoderGraph(graph, options));
  }

  #vocabularySize(options: WorkerOptions): number {
    const last = this.#logits.shape.at(-1);
    const size = typeof last === 'number' ? last : options.vocabularySize;
    if (size === undefined)
      throw unsupported('neither it nor config.json says how many tokens there are.');
    return size;
  }

  #findCache(outputs: ReadonlySet<string>, options: WorkerOptions): CacheTensor[] {
    const tensors: CacheTensor[] = [];
    for (const input of this.#inputs.values()) {
      if (KNOWN_INPUTS.has(input.name)) continue;
      const output = presentName(input.name);
      if (output === input.name || !(outputs.has(output) || outputs.has(NEW_ROWS))) {
        throw unsupported(`it has an input "${input.name}" that we don't know how to fill.`);
      }
      const shape = cacheShape(input, options);
      tensors.push({ input: input.name, output, type: input.type, shape });
    }
    return tensors;
  }

  /** A cache before the first token, of one stream. */
  newCache(): KeyValueCache {
    if (!this.info.inPlace) return new GrowingCache(this.#tensors);
    return this.newArena(1).slot(0);
  }

  /** Room for the caches of several streams; only for graphs that keep theirs in place. */
  newArena(most: number): CacheArena {
    return new CacheArena(this.#tensors, this.#contextLength, most);
  }

  /**
   * Runs tokens of one stream.
   * @param cache as `newCache` made it or the last run left it
   * @throws BitmodelError `MODEL_RUN_FAILED`, `OUT_OF_MEMORY`
   */
  run(row: RunRow, cache: KeyValueCache, options: RunOptions): Promise<Rows> {
    return this.#execute([row], cache.bind(row.past, row.ids.length), options);
  }

  /**
   * Runs one token each of several streams, which lie in slots of an arena one after another, with room for them.
   * @param first slot
   * @returns rows × vocabulary: the logits after each
   * @throws BitmodelError `MODEL_RUN_FAILED`
   */
  async runBatch(rows: readonly RunRow[], arena: CacheArena, first = 0): Promise<Float32Array> {
    const pasts = rows.map(({ past }) => past);
    const { data } = await this.#execute(rows, arena.bind(first, pasts, 1), { wanted: [0] });
    return copyFloats(data, 0, rows.length * this.info.vocabularySize);
  }

  async #execute(
    rows: readonly RunRow[],
    cache: BoundCache,
    { wanted }: RunOptions,
  ): Promise<Rows> {
    const { ids } = rows[0]!;
    const feeds = { ...cache.feeds, ...this.#feeds.of(rows, wanted) };
    let results: InferenceSession.ReturnType;
    try {
      results = await this.#session.run(feeds, [this.#logits.name, ...cache.fetches]);
    } catch (thrown) {
      throw new BitmodelError(
        'MODEL_RUN_FAILED',
        `The model failed while running: ${oneLine(messageOf(thrown))}`,
        { next: 'Check the files with: bitmodel model check DIR', cause: thrown },
      );
    }
    cache.adopt(results);
    const logits = results[this.#logits.name] as Tensor;
    const count = logits.size / this.info.vocabularySize / rows.length;
    const of = this.#inputs.has(ROWS_INPUT)
      ? wanted
      : Array.from({ length: count }, (_, row) => ids.length - count + row);
    if (of.length !== count || count < 1) {
      throw unsupported('its logits have another width than its vocabulary.');
    }
    return { data: logits.data as unknown as ArrayLike<number>, of };
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}
