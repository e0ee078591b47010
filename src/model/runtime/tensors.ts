import { Tensor } from 'onnxruntime-node';
import { BitmodelError } from '../../base/index.js';

/** Elements of a tensor; binary16 as its bits. */
export type TypedArray =
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

/** How many elements a shape has. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/**
 * Zeros of one of ONNX Runtime's element types.
 * @throws BitmodelError `UNSUPPORTED_GRAPH`; RangeError where there is no memory for so many
 */
export function makeArray(type: string, size: number): TypedArray {
  const make = ARRAYS[type];
  if (!make) throw unsupported(`It wants numbers of type ${type}, which can't be fed.`);
  return make(size);
}

/** Bytes of one element. */
export function widthOf(type: string): number {
  return makeArray(type, 0).BYTES_PER_ELEMENT;
}

/**
 * A tensor over these elements, without a copy; over zeros unless given.
 * @throws BitmodelError `UNSUPPORTED_GRAPH`
 */
export function makeTensor(type: string, shape: readonly number[], data?: TypedArray): Tensor {
  const elements = data ?? makeArray(type, sizeOf(shape));
  return new Tensor(type as 'float32', elements as Float32Array, shape);
}

/** The error for a graph that is no language model as we know them. */
export function unsupported(why: string): BitmodelError {
  return new BitmodelError(
    'UNSUPPORTED_GRAPH',
    `The ONNX graph is no language model we can run: ${why}`,
    {
      next: 'Name a text-generation export (input_ids in, logits out), for instance with --file',
    },
  );
}
