import { BitmodelError } from '../../base/index.js';
import type { KeyValueCache } from './cache.js';
import type { DecoderGraph, Rows, RunOptions } from './DecoderGraph.js';
import { copyFloats } from './half.js';

/** Positions of one run, about; bounds the memory that logits take. */
const CHUNK = 128;

/** Even parts of about `CHUNK` positions: a run of a few left over would cost nearly as much as a whole one. */
function chunkFor(length: number): number {
  return Math.ceil(length / Math.max(1, Math.round(length / CHUNK)));
}

/** The runs in which a prompt is fed. */
export function promptParts(ids: readonly number[]): (readonly number[])[] {
  const size = chunkFor(ids.length);
  return Array.from({ length: Math.ceil(ids.length / size) }, (_, i) =>
    ids.slice(i * size, (i + 1) * size),
  );
}

/** How a prefill is divided. */
export interface RunSizes {
  /** Positions per run; about 128 unless stated. */
  readonly chunk: number | undefined;
  /** Those before it run as `feed` runs a prompt, and each from it on alone, as decoding does; `chunk` then says nothing. */
  readonly stepFrom: number | undefined;
}

/**
 * One stream of tokens with its KV cache. Graphs without a cache are given all tokens again at each step.
 */
export class TokenStream {
  readonly #graph: DecoderGraph;
  readonly #cache: KeyValueCache;
  /** All tokens so far; kept only for graphs without a cache. */
  #all: number[] = [];
  #length = 0;
  /** Part of what it was given has failed: nothing that came after would stand behind the right tokens. */
  #hasFailed = false;

  /** @param cache empty; one of its own unless given */
  constructor(graph: DecoderGraph, cache: KeyValueCache = graph.newCache()) {
    this.#graph = graph;
    this.#cache = cache;
  }

  get length(): number {
    return this.#length;
  }

  /**
   * Makes room for so many tokens at once.
   * @throws BitmodelError `OUT_OF_MEMORY`
   */
  reserve(tokens: number): void {
    this.#cache.reserve(tokens);
  }

  /**
   * Appends tokens.
   * @returns the logits after the last
   * @throws BitmodelError `MODEL_RUN_FAILED`, `OUT_OF_MEMORY`, and from then on `SESSION_FAILED`
   */
  async feed(
    ids: readonly number[],
    cancelled: () => boolean = () => false,
  ): Promise<Float32Array> {
    let last = new Float32Array(0);
    for (const part of this.#graph.info.hasCache ? promptParts(ids) : [ids]) {
      if (cancelled()) break;
      const wanted = [part.length - 1];
      last = this.#pick(await this.#run(part, { wanted }), wanted);
    }
    return last;
  }

  /**
   * Appends tokens and hands over the logits of some positions, block by block.
   * @param positions whose logits are wanted, ascending
   * @param runs into which runs the positions are divided
   * @param emit gets the positions of a block and their rows; awaited before the next but one run
   */
  async prefill(
    ids: readonly number[],
    positions: readonly number[],
    runs: RunSizes,
    emit: (positions: readonly number[], logits: Float32Array) => Promise<void>,
    cancelled: () => boolean,
  ): Promise<void> {
    const chunk = runs.chunk ?? chunkFor(ids.length);
    this.reserve(this.#length + ids.length);
    let next = 0;
    for (let start = 0; start < ids.length && !cancelled(); ) {
      const part = ids.slice(start, this.#endOf(start, ids.length, chunk, runs.stepFrom));
      const first = next;
      while (next < positions.length && positions[next]! < start + part.length) next += 1;
      const wanted = positions.slice(first, next).map((position) => position - start);
      const rows = await this.#run(part, {
        wanted: wanted.length > 0 ? wanted : [part.length - 1],
      });
      // a graph without a cache gives all rows in one run; they still go out in blocks
      for (let at = 0; at < wanted.length; at += chunk) {
        const block = wanted.slice(at, at + chunk);
        await emit(positions.slice(first + at, first + at + block.length), this.#pick(rows, block));
      }
      start += part.length;
    }
  }

  /** Where the run ends that begins at `start`. */
  #endOf(start: number, total: number, chunk: number, stepFrom: number | undefined): number {
    if (stepFrom !== undefined && start >= stepFrom) return start + 1;
    const end = stepFrom === undefined ? total : Math.min(stepFrom, total);
    if (!this.#graph.info.hasCache) return end;
    return Math.min(start + (stepFrom === undefined ? chunk : chunkFor(end)), end);
  }

  /** The rows of these positions of a run, without a copy where they are all that there is. */
  #pick({ data, of }: Rows, positions: readonly number[]): Float32Array<ArrayBuffer> {
    const width = this.#graph.info.vocabularySize;
    const from = of.indexOf(positions[0]!);
    const isRun = of[from + positions.length - 1] === positions.at(-1);
    if (isRun) return copyFloats(data, from * width, (from + positions.length) * width);
    const picked = new Float32Array(positions.length * width);
    positions.forEach((position, i) => {
      const row = of.indexOf(position);
      picked.set(copyFloats(data, row * width, (row + 1) * width), i * width);
    });
    return picked;
  }

  async #run(ids: readonly number[], options: RunOptions): Promise<Rows> {
    if (this.#hasFailed) {
      throw new BitmodelError(
        'SESSION_FAILED',
        'A part of what this session was given failed before, so it can not go on.',
        { next: 'Start a new session' },
      );
    }
    try {
      const rows = await this.#compute(ids, options);
      this.#length += ids.length;
      return rows;
    } catch (thrown) {
      this.#hasFailed = true;
      this.close();
      throw thrown;
    }
  }

  async #compute(ids: readonly number[], options: RunOptions): Promise<Rows> {
    const past = this.#length;
    if (this.#graph.info.hasCache) return this.#graph.run({ ids, past }, this.#cache, options);
    this.#all.push(...ids);
    const wanted = options.wanted.map((row) => past + row);
    const run = { ids: this.#all, past: 0 };
    const { data, of } = await this.#graph.run(run, this.#cache, { ...options, wanted });
    return { data, of: of.map((row) => row - past) };
  }

  /** Frees the cache. */
  close(): void {
    this.#cache.close();
    this.#all = [];
  }
}
