import protobuf from 'protobufjs/minimal.js';
import { joinBytes } from '../../base/index.js';
import { asField, integerField, textField } from './fields.js';
import { type ByteSource, fieldsOf, textOf, type WireField } from './wire.js';

/** Field numbers of ONNX's protobuf schema (onnx/onnx.proto3). */
const MODEL_GRAPH = 7;
const GRAPH = { node: 1, initializer: 5, input: 11, output: 12, valueInfo: 13 } as const;
const NODE = { input: 1, output: 2, attribute: 5 } as const;
const ATTRIBUTE = { graph: 6, graphs: 11 } as const;
const TENSOR = { rawData: 9, externalData: 13, dataLocation: 14 } as const;
const VALUE_NAME = 1;
const EXTERNAL = 1;
const LENGTH_DELIMITED = 2;
/** Weights below this size are copied along instead of being referred to. */
const LEAST_REFERENCE = 4096;

type Parts = Uint8Array[];
type Change = (source: ByteSource, field: WireField) => Parts;

/** A field as it stands. */
const copied: Change = (source, field) => {
  const content = Uint8Array.from(source.read(field.start, field.end - field.start));
  if (field.wireType === LENGTH_DELIMITED) return asField(field.number, [content]);
  const tag = ((field.number << 3) | field.wireType) >>> 0;
  return [protobuf.Writer.create().uint32(tag).finish(), content];
};

/** A message with some of its fields changed, by their numbers. */
function changed(
  source: ByteSource,
  message: WireField,
  changes: Readonly<Record<number, Change>>,
): Parts {
  const parts = [...fieldsOf(source, message.start, message.end)].flatMap((field) =>
    (changes[field.number] ?? copied)(source, field),
  );
  return asField(message.number, [joinBytes(parts)]);
}

/** An initialiser whose bytes stay where they lie in the file. */
function referring(file: string | undefined): Change {
  return (source, tensor) => {
    const raw = [...fieldsOf(source, tensor.start, tensor.end)].find(
      ({ number }) => number === TENSOR.rawData,
    );
    const length = raw ? raw.end - raw.start : 0;
    if (file === undefined || raw === undefined || length < LEAST_REFERENCE) {
      return copied(source, tensor);
    }
    const place = { location: file, offset: raw.start, length };
    const entries = Object.entries(place).flatMap(([key, value]) =>
      asField(TENSOR.externalData, [...textField(1, key), ...textField(2, String(value))]),
    );
    const location = integerField(TENSOR.dataLocation, EXTERNAL);
    return changed(source, tensor, { [TENSOR.rawData]: () => [...entries, location] });
  };
}

/**
 * A graph with other names for some of its tensors, wherever they stand: for exports that call their inputs and outputs
 * otherwise than onnx-community does. Large weights are referred to by their place in the file, not copied.
 * @param file name of the file within its folder; undefined for a graph in memory
 * @param names new names by old ones
 * @throws BitmodelError `BAD_ONNX`
 */
export function renamed(
  source: ByteSource,
  file: string | undefined,
  names: ReadonlyMap<string, string>,
): Uint8Array {
  const name: Change = (from, field) => {
    const old = textOf(from, field);
    return textField(field.number, names.get(old) ?? old);
  };
  const declaration: Change = (from, field) => changed(from, field, { [VALUE_NAME]: name });
  const subgraphs: Change = (from, attribute) =>
    changed(from, attribute, { [ATTRIBUTE.graph]: graph, [ATTRIBUTE.graphs]: graph });
  const node: Change = (from, field) =>
    changed(from, field, {
      [NODE.input]: name,
      [NODE.output]: name,
      [NODE.attribute]: subgraphs,
    });
  const graph: Change = (from, field) =>
    changed(from, field, {
      [GRAPH.node]: node,
      [GRAPH.initializer]: referring(file),
      [GRAPH.input]: declaration,
      [GRAPH.output]: declaration,
      [GRAPH.valueInfo]: declaration,
    });
  const fields = [...fieldsOf(source, 0, source.size)];
  const parts = fields.flatMap((field) =>
    field.number === MODEL_GRAPH ? graph(source, field) : copied(source, field),
  );
  return joinBytes(parts);
}
