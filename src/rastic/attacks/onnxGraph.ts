import protobuf from 'protobufjs/minimal.js';
import { BitmodelError, concatBytes, messageOf } from '../../base/index.js';

/** Field numbers of ONNX's protobuf schema (onnx/onnx.proto) that graph surgery touches; everything else is copied as it stands. */
const MODEL_GRAPH = 7;
const GRAPH_NODE = 1;
const GRAPH_INITIALIZER = 5;
const GRAPH_INPUT = 11;
const GRAPH_OUTPUT = 12;
const NODE_INPUT = 1;
const NODE_OUTPUT = 2;
const NODE_OP_TYPE = 4;
const NODE_ATTRIBUTE = 5;
const ATTRIBUTE_GRAPH = 6;
const ATTRIBUTE_GRAPHS = 11;
const VALUE_NAME = 1;
const TENSOR_NAME = 8;
/** Protobuf wire type of length-delimited fields: texts, bytes and messages. */
const LENGTH_DELIMITED = 2;

/** One field of a protobuf message: its number, all its bytes, and its content where it is length-delimited. */
interface Field {
  readonly number: number;
  readonly whole: Uint8Array;
  readonly content: Uint8Array | undefined;
}

/** One operation of an ONNX graph, by the names of the tensors it takes and makes. */
export interface GraphNode {
  readonly opType: string;
  /** Names of tensors; empty for an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Tensors of this graph that the node's subgraphs (If, Loop, Scan) read beside its inputs. */
  readonly captures: readonly string[];
  /** Every field of the node but its inputs. */
  readonly rest: readonly Uint8Array[];
}

/** An ONNX model whose nodes can be rewired. Weights are never decoded, only carried along. */
export interface OnnxModel {
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly initializers: ReadonlySet<string>;
  /** The model's fields beside the graph, and the graph's beside its nodes. */
  readonly modelFields: readonly Uint8Array[];
  readonly graphFields: readonly Uint8Array[];
}

function fieldsOf(bytes: Uint8Array): Field[] {
  const reader = protobuf.Reader.create(bytes);
  const fields: Field[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const tag = reader.uint32();
    const wireType = tag & 7;
    let content: Uint8Array | undefined;
    if (wireType === LENGTH_DELIMITED) {
      const length = reader.uint32();
      content = bytes.subarray(reader.pos, reader.pos + length);
      reader.skip(length);
    } else {
      reader.skipType(wireType);
    }
    fields.push({ number: tag >>> 3, whole: bytes.subarray(start, reader.pos), content });
  }
  return fields;
}

const textDecoder = new TextDecoder();

function contents(fields: readonly Field[], number: number): Uint8Array[] {
  return fields.flatMap((field) =>
    field.number === number && field.content !== undefined ? [field.content] : [],
  );
}

function texts(fields: readonly Field[], number: number): string[] {
  return contents(fields, number).map((content) => textDecoder.decode(content));
}

const others = (fields: readonly Field[], ...numbers: number[]): Uint8Array[] =>
  fields.filter(({ number }) => !numbers.includes(number)).map(({ whole }) => whole);

function readNode(bytes: Uint8Array): GraphNode {
  const fields = fieldsOf(bytes);
  const attributes = contents(fields, NODE_ATTRIBUTE).map(fieldsOf);
  const subgraphs = attributes.flatMap((attribute) => [
    ...contents(attribute, ATTRIBUTE_GRAPH),
    ...contents(attribute, ATTRIBUTE_GRAPHS),
  ]);
  const inner = subgraphs.flatMap((graph) => contents(fieldsOf(graph), GRAPH_NODE).map(readNode));
  return {
    opType: texts(fields, NODE_OP_TYPE)[0] ?? '',
    inputs: texts(fields, NODE_INPUT),
    outputs: texts(fields, NODE_OUTPUT),
    captures: inner.flatMap(({ inputs, captures }) => [...inputs, ...captures]),
    rest: others(fields, NODE_INPUT),
  };
}

const namesOf = (messages: readonly Uint8Array[], number: number): string[] =>
  messages.flatMap((message) => texts(fieldsOf(message), number));

/**
 * Reads the wiring of an ONNX model.
 * @throws BitmodelError `BAD_ONNX` when the bytes are not a whole ONNX model
 */
export function readOnnx(bytes: Uint8Array): OnnxModel {
  try {
    const model = fieldsOf(bytes);
    const graphs = contents(model, MODEL_GRAPH);
    if (graphs.length !== 1) throw new RangeError(`it holds ${graphs.length} graphs`);
    const graph = fieldsOf(graphs[0]!);
    return {
      nodes: contents(graph, GRAPH_NODE).map(readNode),
      inputs: namesOf(contents(graph, GRAPH_INPUT), VALUE_NAME),
      outputs: namesOf(contents(graph, GRAPH_OUTPUT), VALUE_NAME),
      initializers: new Set(namesOf(contents(graph, GRAPH_INITIALIZER), TENSOR_NAME)),
      modelFields: others(model, MODEL_GRAPH),
      graphFields: others(graph, GRAPH_NODE),
    };
  } catch (thrown) {
    throw new BitmodelError('BAD_ONNX', `This is not a whole ONNX model: ${messageOf(thrown)}.`, {
      next: 'Fetch the model file again, or compare its id with: bitmodel model show DIR',
      cause: thrown,
    });
  }
}

function headOf(number: number, length: number): Uint8Array {
  return protobuf.Writer.create()
    .uint32((number << 3) | LENGTH_DELIMITED)
    .uint32(length)
    .finish();
}

function asField(number: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return [headOf(number, length), ...parts];
}

function nodeParts(node: GraphNode): Uint8Array[] {
  const encoder = new TextEncoder();
  const inputs = node.inputs.flatMap((name) => asField(NODE_INPUT, [encoder.encode(name)]));
  return asField(GRAPH_NODE, [...inputs, ...node.rest]);
}

/** The bytes of a model with these nodes in place of its own. Field order within a message carries no meaning in protobuf. */
export function writeOnnx(model: OnnxModel, nodes: readonly GraphNode[]): Uint8Array {
  const graph = asField(MODEL_GRAPH, [...nodes.flatMap(nodeParts), ...model.graphFields]);
  return concatBytes(...model.modelFields, ...graph);
}
