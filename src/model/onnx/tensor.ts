import { concatBytes } from '../../base/index.js';
import { asField, contents, fieldsOf, integerField, textField } from './fields.js';

/** Field numbers of ONNX's `TensorProto`. */
const TENSOR_DIMS = 1;
const TENSOR_TYPE = 2;
const TENSOR_FLOATS = 4;
const TENSOR_NAME = 8;
const TENSOR_RAW = 9;
const TENSOR_EXTERNAL = 13;
const TENSOR_LOCATION = 14;
const IN_ANOTHER_FILE = 1;

/** The element types of `TensorProto.DataType` that are made here. */
export const ELEMENT = {
  float: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  float16: 10,
  bfloat16: 16,
} as const;

/** A tensor of binary32 numbers. */
export interface FloatTensor {
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

function dimsOf(fields: ReturnType<typeof fieldsOf>): number[] {
  const plain = fields.flatMap(({ number, value }) =>
    number === TENSOR_DIMS && value !== undefined ? [value] : [],
  );
  const packed = contents(fields, TENSOR_DIMS).flatMap((bytes) => [...varints(bytes)]);
  return [...plain, ...packed];
}

function* varints(bytes: Uint8Array): Generator<number> {
  let value = 0;
  let factor = 1;
  for (const byte of bytes) {
    value += (byte & 0x7f) * factor;
    factor *= 128;
    if (byte >= 0x80) continue;
    yield value;
    value = 0;
    factor = 1;
  }
}

/** Shape and element type of a tensor, without its elements. */
export function shapeOf(tensor: Uint8Array): { dims: number[]; type: number } {
  const fields = fieldsOf(tensor);
  const type = fields.find(({ number }) => number === TENSOR_TYPE)?.value ?? 0;
  return { dims: dimsOf(fields), type };
}

/**
 * Reads a tensor of binary32 numbers.
 * @param tensor bytes of its `TensorProto`
 * @returns undefined where it is none, or where its numbers lie in another file
 */
export function readFloats(tensor: Uint8Array): FloatTensor | undefined {
  const fields = fieldsOf(tensor);
  const { dims, type } = shapeOf(tensor);
  const size = dims.reduce((product, n) => product * n, 1);
  const raw = contents(fields, TENSOR_RAW)[0] ?? concatBytes(...contents(fields, TENSOR_FLOATS));
  if (type !== ELEMENT.float || dims.some((n) => n < 0) || raw.length !== 4 * size) {
    return undefined;
  }
  // a copy, since the bytes need not lie at a multiple of four; a Buffer's own slice would be none
  return { dims, values: new Float32Array(new Uint8Array(raw).buffer) };
}

/**
 * Bytes of a `TensorProto`.
 * @param data little-endian elements; as many as the dimensions say
 */
export function writeTensor(
  name: string,
  type: number,
  dims: readonly number[],
  data: ArrayBufferView,
): Uint8Array {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return concatBytes(
    ...dims.map((size) => integerField(TENSOR_DIMS, size)),
    integerField(TENSOR_TYPE, type),
    ...textField(TENSOR_NAME, name),
    ...asField(TENSOR_RAW, [raw]),
  );
}

/** Bytes of a `TensorProto` whose numbers lie in another file beside the graph's. */
export function writeExternalTensor(
  name: string,
  type: number,
  dims: readonly number[],
  place: { readonly location: string; readonly offset: number; readonly length: number },
): Uint8Array {
  const entries = Object.entries(place).flatMap(([key, value]) =>
    asField(TENSOR_EXTERNAL, [...textField(1, key), ...textField(2, String(value))]),
  );
  return concatBytes(
    ...dims.map((size) => integerField(TENSOR_DIMS, size)),
    integerField(TENSOR_TYPE, type),
    ...textField(TENSOR_NAME, name),
    ...entries,
    integerField(TENSOR_LOCATION, IN_ANOTHER_FILE),
  );
}
