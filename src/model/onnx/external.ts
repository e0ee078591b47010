import { closeSync, readSync } from 'node:fs';
import {
  BitmodelError,
  concatBytes,
  messageOf,
  type OpenFile,
  openWithin,
} from '../../base/index.js';
import { asField, contents, type Field, fieldsOf, others, texts } from './fields.js';
import { readOnnx, writeOnnx } from './graph.js';

/** Field numbers of `TensorProto` and its `StringStringEntryProto`. */
const TENSOR_RAW = 9;
const TENSOR_EXTERNAL = 13;
const TENSOR_LOCATION = 14;
const ENTRY_KEY = 1;
const ENTRY_VALUE = 2;
/** Protobuf messages, and so ONNX files, are smaller than 2 GiB. */
const MOST_BYTES = 2 ** 31 - 1;

function badData(why: string, cause?: unknown): BitmodelError {
  return new BitmodelError('EXTERNAL_DATA_MISSING', `The model's weights can't be read: ${why}.`, {
    next: 'Fetch the .onnx_data files that belong to the graph, too',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** A whole number of bytes as an entry states it. */
function bytesOf(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw badData('an offset or a length is no whole number');
}

function opened(folder: string, location: string): OpenFile {
  try {
    return openWithin(folder, location);
  } catch (thrown) {
    throw badData(messageOf(thrown).replace(/\.$/, ''), thrown);
  }
}

/** @param room most bytes that still fit */
function readPart(folder: string, entries: ReadonlyMap<string, string>, room: number): Uint8Array {
  const location = entries.get('location') ?? '';
  if (location === '') throw badData('a file of weights has no name');
  const offset = bytesOf(entries.get('offset') ?? '0');
  const { descriptor, size } = opened(folder, location);
  try {
    const length = bytesOf(entries.get('length') ?? String(Math.max(0, size - offset)));
    if (offset + length > size) throw badData(`${location} is too short`);
    if (length > room) throw badData('together they are larger than an ONNX file can be');
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const count = readSync(descriptor, bytes, at, length - at, offset + at);
      if (count === 0) throw badData(`${location} is too short`);
      at += count;
    }
    return bytes;
  } finally {
    closeSync(descriptor);
  }
}

/** The fields of a part of the graph. @throws BitmodelError `BAD_ONNX` */
function partsOf(bytes: Uint8Array): Field[] {
  try {
    return fieldsOf(bytes);
  } catch (thrown) {
    throw new BitmodelError('BAD_ONNX', `This is not a whole ONNX model: ${messageOf(thrown)}.`, {
      next: 'Fetch the model file again, or compare its id with: bitmodel model show DIR',
      cause: thrown,
    });
  }
}

function inlined(tensor: Uint8Array, folder: string, room: number): Uint8Array {
  const fields = partsOf(tensor);
  const entries = contents(fields, TENSOR_EXTERNAL).map(partsOf);
  if (entries.length === 0) return tensor;
  const named = new Map(
    entries.map((entry) => [texts(entry, ENTRY_KEY)[0] ?? '', texts(entry, ENTRY_VALUE)[0] ?? '']),
  );
  const raw = asField(TENSOR_RAW, [readPart(folder, named, room)]);
  return concatBytes(...others(fields, TENSOR_EXTERNAL, TENSOR_LOCATION), ...raw);
}

/**
 * The graph with the weights that lie in other files written into it, so that variants can change them.
 * @param folder where the graph's file lies; links out of it are not followed
 * @returns the same bytes where no weights lie elsewhere
 * @throws BitmodelError `BAD_ONNX`, `EXTERNAL_DATA_MISSING`
 */
export function inlineWeights(graph: Uint8Array, folder: string): Uint8Array {
  const model = readOnnx(graph);
  let room = MOST_BYTES - graph.length;
  const initializers = new Map<string, Uint8Array>();
  for (const [name, tensor] of model.initializers) {
    const whole = inlined(tensor, folder, room);
    initializers.set(name, whole);
    if (whole !== tensor) room -= whole.length;
  }
  const changed = [...initializers].some(
    ([name, tensor]) => tensor !== model.initializers.get(name),
  );
  return changed ? writeOnnx({ ...model, initializers }) : graph;
}
