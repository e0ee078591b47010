import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { isAbsolute, join, normalize } from 'node:path';
import { BitmodelError, concatBytes, messageOf } from '../../../base/index.js';
import { asField, contents, fieldsOf, others, texts } from './fields.js';
import { readOnnx, writeOnnx } from './graph.js';

/** Field numbers of `TensorProto` and its `StringStringEntryProto`. */
const TENSOR_RAW = 9;
const TENSOR_EXTERNAL = 13;
const TENSOR_LOCATION = 14;
const ENTRY_KEY = 1;
const ENTRY_VALUE = 2;

function badData(why: string, cause?: unknown): BitmodelError {
  return new BitmodelError('EXTERNAL_DATA_MISSING', `The model's weights can't be read: ${why}.`, {
    next: 'Fetch the .onnx_data files that belong to the graph, too',
    ...(cause === undefined ? {} : { cause }),
  });
}

function readPart(folder: string, entries: ReadonlyMap<string, string>): Uint8Array {
  const location = normalize(entries.get('location') ?? '');
  if (location === '' || isAbsolute(location) || location.startsWith('..')) {
    throw badData('a file of weights lies outside the folder');
  }
  const offset = Number(entries.get('offset') ?? 0);
  let file: number;
  try {
    file = openSync(join(folder, location), 'r');
  } catch (thrown) {
    throw badData(messageOf(thrown), thrown);
  }
  try {
    const left = fstatSync(file).size - offset;
    const length = Number(entries.get('length') ?? left);
    if (!(offset >= 0) || !(length >= 0) || length > left)
      throw badData(`${location} is too short`);
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const count = readSync(file, bytes, at, length - at, offset + at);
      if (count === 0) throw badData(`${location} is too short`);
      at += count;
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}

function inlined(tensor: Uint8Array, folder: string): Uint8Array {
  const fields = fieldsOf(tensor);
  const entries = contents(fields, TENSOR_EXTERNAL).map(fieldsOf);
  if (entries.length === 0) return tensor;
  const named = new Map(
    entries.map((entry) => [texts(entry, ENTRY_KEY)[0] ?? '', texts(entry, ENTRY_VALUE)[0] ?? '']),
  );
  const raw = asField(TENSOR_RAW, [readPart(folder, named)]);
  return concatBytes(...others(fields, TENSOR_EXTERNAL, TENSOR_LOCATION), ...raw);
}

/**
 * The graph with the weights that lie in other files written into it, so that variants can change them.
 * @param folder where the graph's file lies
 * @returns the same bytes where no weights lie elsewhere
 * @throws BitmodelError `BAD_ONNX`, `EXTERNAL_DATA_MISSING`
 */
export function inlineWeights(graph: Uint8Array, folder: string): Uint8Array {
  const model = readOnnx(graph);
  const initializers = new Map(
    [...model.initializers].map(([name, tensor]) => [name, inlined(tensor, folder)]),
  );
  const changed = [...initializers].some(
    ([name, tensor]) => tensor !== model.initializers.get(name),
  );
  return changed ? writeOnnx({ ...model, initializers }) : graph;
}
