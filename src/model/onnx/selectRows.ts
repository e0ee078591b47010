import protobuf from 'protobufjs/minimal.js';
import { concatBytes, joinBytes } from '../../base/index.js';
import { type ByteSource, fieldsOf, textOf, type WireField } from './wire.js';

/** Name of the input that `selectRows` adds: indices of the positions in a run whose logits are wanted. */
export const ROWS_INPUT = 'bitmodel.logits_rows';
const CHOSEN = 'bitmodel.logits_rows.hidden';

/** Field numbers of ONNX's protobuf schema (onnx/onnx.proto3). */
const MODEL_GRAPH = 7;
const GRAPH = { node: 1, initializer: 5, input: 11, output: 12, valueInfo: 13 } as const;
const NODE = { input: 1, output: 2, name: 3, opType: 4, attribute: 5 } as const;
const TENSOR = { name: 8, rawData: 9, externalData: 13, dataLocation: 14 } as const;
const EXTERNAL = 1;
const INT64 = 7;
const ATTRIBUTE_INT = 2;

/** Products whose rows do not depend on each other, so that computing fewer of them changes none. */
const HEADS = new Set(['MatMul', 'MatMulNBits', 'FusedMatMul']);
/** What models put behind their head: casts, scales and soft caps. */
const ELEMENTWISE = new Set(['Cast', 'Identity', 'Mul', 'Div', 'Tanh', 'Add']);
/** Weights below this size are copied along instead of being referred to. */
const LEAST_REFERENCE = 4096;

interface Node {
  readonly field: WireField;
  readonly opType: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

const children = (source: ByteSource, field: WireField): WireField[] => [
  ...fieldsOf(source, field.start, field.end),
];

function readNode(source: ByteSource, field: WireField): Node {
  const parts = children(source, field);
  const texts = (number: number): string[] =>
    parts.filter((part) => part.number === number).map((part) => textOf(source, part));
  const opType = texts(NODE.opType)[0] ?? '';
  return { field, opType, inputs: texts(NODE.input), outputs: texts(NODE.output) };
}

const nameOf = (source: ByteSource, message: WireField, number: number): string => {
  const name = children(source, message).find((part) => part.number === number);
  return name ? textOf(source, name) : '';
};

/** The product that makes the logits, and the tensors between it and them. */
function findHead(
  nodes: readonly Node[],
  constants: ReadonlySet<string>,
  logits: string,
): { head: Node; behind: Set<string> } | undefined {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node])));
  const behind = new Set<string>();
  let tensor: string | undefined = logits;
  while (tensor !== undefined && !behind.has(tensor)) {
    behind.add(tensor);
    const node = producers.get(tensor);
    if (node === undefined) return undefined;
    if (HEADS.has(node.opType)) {
      const hidden = node.inputs[0];
      return hidden && !constants.has(hidden) && producers.has(hidden)
        ? { head: node, behind }
        : undefined;
    }
    if (!ELEMENTWISE.has(node.opType)) return undefined;
    const computed: string[] = node.inputs.filter(
      (name) => name !== '' && !constants.has(name) && producers.get(name)?.opType !== 'Constant',
    );
    tensor = computed.length === 1 ? computed[0] : undefined;
  }
  return undefined;
}

type Writer = protobuf.Writer;
const writer = (): Writer => protobuf.Writer.create();
const tagOf = (number: number, wireType: number): number => ((number << 3) | wireType) >>> 0;
const text = (to: Writer, number: number, value: string): Writer =>
  to.uint32(tagOf(number, 2)).string(value);
const integer = (to: Writer, number: number, value: number): Writer =>
  to.uint32(tagOf(number, 0)).int64(value);

/** A field as it stands. */
function copy(source: ByteSource, field: WireField): Uint8Array {
  const content = Uint8Array.from(source.read(field.start, field.end - field.start));
  if (field.wireType === 2) return wrap(field.number, [content]);
  return concatBytes(writer().uint32(tagOf(field.number, field.wireType)).finish(), content);
}

/** A message or text of these parts. */
function wrap(number: number, parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = writer().uint32(tagOf(number, 2)).uint32(length).finish();
  return joinBytes([head, ...parts]);
}

/** An initialiser whose bytes stay where they lie in the file. */
function referring(source: ByteSource, tensor: WireField, file: string | undefined): Uint8Array {
  const parts = children(source, tensor);
  const raw = parts.find(({ number }) => number === TENSOR.rawData);
  if (file === undefined || raw === undefined || raw.end - raw.start < LEAST_REFERENCE) {
    return copy(source, tensor);
  }
  const entries = Object.entries({
    location: file,
    offset: String(raw.start),
    length: String(raw.end - raw.start),
  });
  return wrap(GRAPH.initializer, [
    ...parts.filter((part) => part !== raw).map((part) => copy(source, part)),
    ...entries.map(([key, value]) =>
      wrap(TENSOR.externalData, [text(text(writer(), 1, key), 2, value).finish()]),
    ),
    integer(writer(), TENSOR.dataLocation, EXTERNAL).finish(),
  ]);
}

function rowsInput(): Uint8Array {
  const shape = wrap(2, [wrap(1, [text(writer(), 2, 'logits_rows').finish()])]);
  const tensorType = wrap(1, [integer(writer(), 1, INT64).finish(), shape]);
  return wrap(GRAPH.input, [text(writer(), 1, ROWS_INPUT).finish(), wrap(2, [tensorType])]);
}

function gather(hidden: string): Uint8Array {
  const node = writer();
  text(text(node, NODE.input, hidden), NODE.input, ROWS_INPUT);
  text(text(node, NODE.output, CHOSEN), NODE.name, CHOSEN);
  text(node, NODE.opType, 'Gather');
  const axis = integer(text(writer(), 1, 'axis'), 3, 1);
  integer(axis, 20, ATTRIBUTE_INT);
  return wrap(GRAPH.node, [node.finish(), wrap(NODE.attribute, [axis.finish()])]);
}

function fedByGather(source: ByteSource, head: Node): Uint8Array {
  let first = true;
  const parts = children(source, head.field).map((part) => {
    if (part.number !== NODE.input || !first) return copy(source, part);
    first = false;
    return text(writer(), NODE.input, CHOSEN).finish();
  });
  return wrap(GRAPH.node, parts);
}

/** The logits' declaration with the second of its sizes left open, since it is no longer that of the input. */
function openRows(source: ByteSource, output: WireField): Uint8Array {
  const into = (field: WireField, path: readonly number[]): Uint8Array => {
    const [next, ...rest] = path;
    if (next === undefined) {
      let axis = 0;
      return wrap(
        field.number,
        children(source, field).map((dim) =>
          dim.number === 1 && axis++ === 1
            ? wrap(1, [text(writer(), 2, 'logits_rows').finish()])
            : copy(source, dim),
        ),
      );
    }
    const parts = children(source, field).map((part) =>
      part.number === next ? into(part, rest) : copy(source, part),
    );
    return wrap(field.number, parts);
  };
  // ValueInfo.type.tensor_type.shape
  return into(output, [2, 1, 2]);
}

/**
 * A graph whose head computes only the rows asked for: an input `ROWS_INPUT` (int64, one dimension) and a Gather before the
 * last product. The head is a fifth of a small model's work, and most positions' logits are wanted by nobody.
 *
 * The weights are not copied: where `file` names the file that the bytes come from, they are referred to by their place in
 * it, as ONNX's external data are.
 * @param file name of the file within its folder; undefined for a graph in memory
 * @returns undefined where the graph's end is not one that this is known to be right for
 * @throws BitmodelError `BAD_ONNX`
 */
export function selectRows(source: ByteSource, file: string | undefined): Uint8Array | undefined {
  const model = [...fieldsOf(source, 0, source.size)];
  const graphs = model.filter(({ number }) => number === MODEL_GRAPH);
  if (graphs.length !== 1) return undefined;
  const graph = children(source, graphs[0]!);
  const named = (number: number, name: number): [string, WireField][] =>
    graph
      .filter((field) => field.number === number)
      .map((field) => [nameOf(source, field, name), field]);
  const inputs = named(GRAPH.input, 1);
  const outputs = named(GRAPH.output, 1);
  const logits =
    outputs.find(([name]) => name === 'logits') ?? outputs.find(([name]) => /logits/.test(name));
  // graphs with that input choose rows on their own
  if (!logits || inputs.some(([name]) => name === 'num_logits_to_keep')) return undefined;
  const initializers = named(GRAPH.initializer, TENSOR.name);
  const nodes = graph
    .filter(({ number }) => number === GRAPH.node)
    .map((field) => readNode(source, field));
  const found = findHead(nodes, new Set(initializers.map(([name]) => name)), logits[0]);
  if (!found) return undefined;
  const { head, behind } = found;
  const stale = new Set(
    named(GRAPH.valueInfo, 1)
      .filter(([name]) => behind.has(name))
      .map(([, field]) => field),
  );
  const tensors = new Set(initializers.map(([, field]) => field));
  const parts = graph
    .filter((field) => !stale.has(field))
    .flatMap((field) => {
      if (field === head.field) return [gather(head.inputs[0]!), fedByGather(source, head)];
      if (field === logits[1]) return [openRows(source, field)];
      return [tensors.has(field) ? referring(source, field, file) : copy(source, field)];
    });
  const rest = model.filter(({ number }) => number !== MODEL_GRAPH);
  return joinBytes([
    ...rest.map((field) => copy(source, field)),
    wrap(MODEL_GRAPH, [...parts, rowsInput()]),
  ]);
}

/**
 * A graph without its larger weights: those that lie in the file itself are referred to by their place in it, as external data
 * are. So a graph whose file is in memory stays small, and what is larger than 2 GB can be loaded.
 * @param file name of the file that the bytes come from
 * @throws BitmodelError `BAD_ONNX`
 */
export function referToFile(source: ByteSource, file: string): Uint8Array {
  const parts = [...fieldsOf(source, 0, source.size)].map((field) => {
    if (field.number !== MODEL_GRAPH) return copy(source, field);
    const inside = children(source, field).map((part) =>
      part.number === GRAPH.initializer ? referring(source, part, file) : copy(source, part),
    );
    return wrap(MODEL_GRAPH, inside);
  });
  return joinBytes(parts);
}
