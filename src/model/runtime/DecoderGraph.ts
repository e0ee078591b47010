import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { BitmodelError, messageOf } from '../../base/index.js';
import { presentName } from '../onnx/attention.js';
import { ROWS_INPUT } from '../onnx/selectRows.js';
import { ArenaSlot, CacheArena } from './CacheArena.js';
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
  /** Whether the logits are done with before the next run, so that their memory can serve again. */
  readonly passing?: boolean;
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

const isKeyOrValue = ({ shape }: CacheTensor): boolean =>
  shape.length === 4 && shape[0] === 1 && shape[1]! > 0 && shape[2] === 0 && shape[3]! > 0;

/** A loaded ONNX graph with its inputs and outputs understood. */
export class DecoderGraph {
  readonly info: GraphInfo;
  readonly #session: InferenceSession;
  readonly #inputs: ReadonlyMap<string, TensorMeta>;
  readonly #feeds: Feeds;
  readonly #logits: TensorMeta;
  readonly #tensors: readonly CacheTensor[];
  readonly #contextLength: number;
  readonly #onCpu: boolean;
  /** Logits that were done with, by how many rows they are of. */
  readonly #spent = new Map<number, Tensor>();

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
    // on a GPU, tensors are copied there and back at each run, wherever they lie here
    this.#onCpu = options.provider === 'cpu';
    const inPlace = this.#onCpu && attention.inPlace && this.#tensors.every(isKeyOrValue);
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
      if (output === input.name || !outputs.has(output)) {
        throw unsupported(`it has an input "${input.name}" that we don't know how to fill.`);
      }
      const shape = cacheShape(input, options);
      tensors.push({ input: input.name, output, type: input.type, shape });
    }
    return tensors;
  }

  /** A cache before the first token, of one stream. */
  newCache(): KeyValueCache {
    if (!this.info.inPlace) return new GrowingCache(this.#tensors, this.#onCpu);
    return new ArenaSlot(this.newArena(1), this.#tensors, 0);
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
  async run(row: RunRow, cache: KeyValueCache, options: RunOptions): Promise<Rows> {
    const { past, ids } = row;
    const execute = (): Promise<Rows> =>
      this.#execute([row], cache.bind(past, ids.length), options);
    try {
      return await execute();
    } catch (thrown) {
      // the graph may make other shapes than it seemed to, which do not fit where they were to go
      if (thrown instanceof BitmodelError || !cache.fallBack(past)) throw failed(thrown);
      return execute().catch((again) => {
        throw failed(again);
      });
    }
  }

  /**
   * Runs one token each of several streams, which lie in the first slots of an arena, with room for them.
   * @returns rows × vocabulary: the logits after each, until the next run
   * @throws BitmodelError `MODEL_RUN_FAILED`
   */
  async runBatch(rows: readonly RunRow[], arena: CacheArena): Promise<Float32Array> {
    const adopt = (): void => {
      for (const [slot, { past, ids }] of rows.entries()) arena.hold(slot, past + ids.length);
    };
    const cache = { ...arena.bind(0, rows.length), adopt };
    const { data } = await this.#execute(rows, cache, { wanted: [0], passing: true }).catch(
      (thrown) => {
        throw failed(thrown);
      },
    );
    return copyFloats(data, 0, rows.length * this.info.vocabularySize);
  }

  async #execute(rows: readonly RunRow[], cache: BoundCache, options: RunOptions): Promise<Rows> {
    const { ids } = rows[0]!;
    const chooses = this.#inputs.has(ROWS_INPUT);
    const { wanted, passing } = options;
    const isSingle = passing === true && wanted.length === 1 && (chooses || ids.length === 1);
    const fetches = {
      [this.#logits.name]: (isSingle ? this.#spent.get(rows.length) : undefined) ?? null,
      ...cache.fetches,
    };
    const feeds = { ...this.#feeds.of(rows, wanted), ...cache.feeds };
    const results = await this.#session.run(feeds, fetches as InferenceSession.FetchesType);
    cache.adopt(results);
    const logits = results[this.#logits.name] as Tensor;
    if (isSingle) this.#spent.set(rows.length, logits);
    const count = logits.size / this.info.vocabularySize / rows.length;
    const of = chooses
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

function failed(thrown: unknown): BitmodelError {
  if (thrown instanceof BitmodelError) return thrown;
  return new BitmodelError(
    'MODEL_RUN_FAILED',
    `The model failed while running: ${oneLine(messageOf(thrown))}`,
    { next: 'Check the files with: bitmodel model check DIR', cause: thrown },
  );
}
