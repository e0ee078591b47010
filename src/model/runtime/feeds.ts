import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { CACHE_ROWS } from '../onnx/packCache.js';
import { ROWS_INPUT } from '../onnx/selectRows.js';
import { makeArray, makeTensor, type TypedArray } from './tensors.js';

/** What ONNX Runtime says of an input or output. */
export type TensorMeta = InferenceSession.TensorValueMetadata;

/** What a run computes of one stream. */
export interface RunRow {
  readonly ids: readonly number[];
  /** Tokens of the stream that came before. */
  readonly past: number;
}

/** Inputs that a language model may ask for beside its cache. */
export const KNOWN_INPUTS: ReadonlySet<string> = new Set([
  'input_ids',
  'attention_mask',
  'position_ids',
  'token_type_ids',
  'num_logits_to_keep',
  'use_cache_branch',
  ROWS_INPUT,
  CACHE_ROWS,
]);

function fill(data: TypedArray, value: number, start: number, end: number): void {
  if (data instanceof BigInt64Array) data.fill(BigInt(value), start, end);
  else data.fill(value, start, end);
}

/** Makes what a graph is fed beside its cache. */
export class Feeds {
  readonly #inputs: ReadonlyMap<string, TensorMeta>;
  /** The mask of one row, with room for more. */
  #ones: TypedArray | undefined;

  constructor(inputs: ReadonlyMap<string, TensorMeta>) {
    this.#inputs = inputs;
  }

  /**
   * @param rows with as many tokens each; those of a batch may follow upon different numbers of others
   * @param wanted places in the run whose logits are wanted, ascending
   */
  of(rows: readonly RunRow[], wanted: readonly number[]): Record<string, Tensor> {
    const count = rows[0]!.ids.length;
    const feeds: Record<string, Tensor> = {};
    const put = (name: string, shape: readonly number[], at: (i: number) => number): void => {
      const meta = this.#inputs.get(name);
      if (!meta) return;
      const dims = meta.shape.length === 0 ? [] : shape.length === 0 ? [1] : shape;
      const tensor = makeTensor(meta.type, dims);
      const data = tensor.data as unknown as TypedArray;
      for (let i = 0; i < tensor.size; i++) fill(data, at(i), i, i + 1);
      feeds[name] = tensor;
    };
    const each = [rows.length, count];
    const row = (i: number): RunRow => rows[Math.floor(i / count)]!;
    const lastOnly = wanted[0] === count - 1;
    put('input_ids', each, (i) => row(i).ids[i % count]!);
    put('position_ids', each, (i) => row(i).past + (i % count));
    put('token_type_ids', each, () => 0);
    // 0 asks for the logits of all positions
    put('num_logits_to_keep', [], () => (lastOnly ? 1 : 0));
    put(ROWS_INPUT, [wanted.length], (i) => wanted[i]!);
    put('use_cache_branch', [1], () => (rows[0]!.past > 0 ? 1 : 0));
    this.#putMask(feeds, rows, count);
    return feeds;
  }

  /** Ones as far as each row goes, and zeros from there to the end of the longest. */
  #putMask(feeds: Record<string, Tensor>, rows: readonly RunRow[], count: number): void {
    const meta = this.#inputs.get('attention_mask');
    if (!meta) return;
    const width = Math.max(...rows.map(({ past }) => past)) + count;
    const mask = this.#onesOf(meta.type, rows.length * width, rows.length === 1);
    for (const [row, { past }] of rows.entries()) {
      fill(mask, 0, row * width + past + count, (row + 1) * width);
    }
    feeds.attention_mask = makeTensor(meta.type, [rows.length, width], mask);
  }

  /** @param isKept whether nobody writes to them, so that runs that were prepared at the same time can share them */
  #onesOf(type: string, size: number, isKept: boolean): TypedArray {
    if (!isKept) return makeOnes(type, size);
    if (this.#ones === undefined || this.#ones.length < size) this.#ones = makeOnes(type, size * 2);
    return this.#ones.subarray(0, size);
  }
}

function makeOnes(type: string, size: number): TypedArray {
  const ones = makeArray(type, size);
  fill(ones, 1, 0, size);
  return ones;
}
