import { type ByteSource, fieldsOf, integersOf, textOf, type WireField } from '../onnx/wire.js';

/** Field numbers of ONNX's protobuf schema (onnx/onnx.proto3). */
const MODEL_GRAPH = 7;
const GRAPH = { node: 1, initializer: 5 } as const;
const NODE = { input: 1, opType: 4, attribute: 5 } as const;
const ATTRIBUTE = { integer: 3 } as const;
const TENSOR = { dims: 1, dataType: 2, name: 8 } as const;

/** Bits of one element, by TensorProto.DataType. */
const BITS: Readonly<Record<number, number>> = {
  1: 32,
  2: 8,
  3: 8,
  4: 16,
  5: 16,
  6: 32,
  7: 64,
  9: 8,
  10: 16,
  11: 64,
  12: 32,
  13: 64,
  16: 16,
  17: 8,
  18: 8,
  19: 8,
  20: 8,
  21: 4,
  22: 4,
  23: 4,
};
/** Operators that look up rows of their first input and leave the others alone: tables of embeddings. */
const LOOKUPS = new Set(['Gather', 'GatherBlockQuantized']);

/**
 * How many bytes of weights computing one token reads: all that the graph multiplies by, without the tables of which it only
 * looks up a row. Weights that a node casts count as what it casts them to, since that is done once, at loading. Experts of a mixture count all, though a token reads few of them.
 * @param source an ONNX model whose external data is not read
 * @throws BitmodelError `BAD_ONNX`
 */
export function weightBytesPerToken(source: ByteSource): number {
  const children = (field: WireField): WireField[] => [...fieldsOf(source, field.start, field.end)];
  const model = [...fieldsOf(source, 0, source.size)];
  const graph = model.filter(({ number }) => number === MODEL_GRAPH).flatMap(children);
  const multiplied = new Set<string>();
  const tables = new Set<string>();
  const casts = new Map<string, number>();
  for (const node of graph.filter(({ number }) => number === GRAPH.node)) {
    const parts = children(node);
    const texts = (number: number): string[] =>
      parts.filter((part) => part.number === number).map((part) => textOf(source, part));
    if (texts(NODE.opType)[0] === 'Cast') {
      const attributes = parts.filter(({ number }) => number === NODE.attribute).map(children);
      const to = attributes.flat().find(({ number }) => number === ATTRIBUTE.integer)?.value;
      casts.set(texts(NODE.input)[0] ?? '', BITS[to ?? 0] ?? 0);
    }
    const isLookup = LOOKUPS.has(texts(NODE.opType)[0] ?? '');
    for (const [i, name] of texts(NODE.input).entries()) {
      (isLookup && i !== 1 ? tables : multiplied).add(name);
    }
  }
  let bytes = 0;
  for (const tensor of graph.filter(({ number }) => number === GRAPH.initializer)) {
    const parts = children(tensor);
    const name = parts.find(({ number }) => number === TENSOR.name);
    const key = name ? textOf(source, name) : '';
    if (tables.has(key) && !multiplied.has(key)) continue;
    const dims = parts
      .filter(({ number }) => number === TENSOR.dims)
      .flatMap((part) => integersOf(source, part));
    const stored = BITS[parts.find(({ number }) => number === TENSOR.dataType)?.value ?? 0] ?? 0;
    const bits = Math.max(stored, casts.get(key) ?? 0);
    bytes += Math.ceil((dims.reduce((product, n) => product * n, 1) * bits) / 8);
  }
  return bytes;
}
