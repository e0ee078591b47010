import { BitmodelError, concatBytes, joinBytes, messageOf } from '../../base/index.js';
import {
  asField,
  contents,
  type Field,
  fieldsOf,
  floatField,
  integerField,
  others,
  textField,
  texts,
} from './fields.js';

/** Field numbers of ONNX's protobuf schema (onnx/onnx.proto) that graph surgery touches; everything else is copied as it stands. */
const MODEL_IR_VERSION = 1;
const MODEL_PRODUCER = 2;
const MODEL_GRAPH = 7;
const MODEL_OPSET = 8;
const GRAPH_NODE = 1;
const GRAPH_NAME = 2;
const GRAPH_INITIALIZER = 5;
const GRAPH_INPUT = 11;
const GRAPH_OUTPUT = 12;
const NODE_INPUT = 1;
const NODE_OUTPUT = 2;
const NODE_NAME = 3;
const NODE_OP_TYPE = 4;
const NODE_ATTRIBUTE = 5;
const NODE_DOMAIN = 7;
const ATTRIBUTE_NAME = 1;
const ATTRIBUTE_FLOAT = 2;
const ATTRIBUTE_INT = 3;
const ATTRIBUTE_GRAPH = 6;
const ATTRIBUTE_GRAPHS = 11;
const ATTRIBUTE_TYPE = 20;
const ATTRIBUTE_TYPES = { float: 1, int: 2 } as const;
const OPSET_DOMAIN = 1;
const OPSET_VERSION = 2;
const VALUE_NAME = 1;
/** Version of the format itself; 10 is that of onnx 1.16 and operator set 21. */
const IR_VERSION = 10;
const TENSOR_NAME = 8;

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

/** An ONNX model whose nodes can be rewired and whose weights can be exchanged. Weights are carried along as they stand. */
export interface OnnxModel {
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Weights and constants by name, as the bytes of their `TensorProto`. */
  readonly initializers: ReadonlyMap<string, Uint8Array>;
  /** Sets of operators the model uses, each by its domain; empty for ONNX's own. */
  readonly domains: readonly string[];
  /** The model's fields beside the graph, and the graph's beside its nodes and initialisers. */
  readonly modelFields: readonly Uint8Array[];
  readonly graphFields: readonly Uint8Array[];
}

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

function initializersOf(graph: readonly Field[]): Map<string, Uint8Array> {
  const tensors = contents(graph, GRAPH_INITIALIZER);
  return new Map(tensors.map((tensor) => [texts(fieldsOf(tensor), TENSOR_NAME)[0] ?? '', tensor]));
}

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
    const opsets = contents(model, MODEL_OPSET).map(fieldsOf);
    return {
      nodes: contents(graph, GRAPH_NODE).map(readNode),
      inputs: namesOf(contents(graph, GRAPH_INPUT), VALUE_NAME),
      outputs: namesOf(contents(graph, GRAPH_OUTPUT), VALUE_NAME),
      initializers: initializersOf(graph),
      domains: opsets.map((opset) => texts(opset, OPSET_DOMAIN)[0] ?? ''),
      modelFields: others(model, MODEL_GRAPH),
      graphFields: others(graph, GRAPH_NODE, GRAPH_INITIALIZER),
    };
  } catch (thrown) {
    throw new BitmodelError('BAD_ONNX', `This is not a whole ONNX model: ${messageOf(thrown)}.`, {
      next: 'Fetch the model file again, or compare its id with: bitmodel model show DIR',
      cause: thrown,
    });
  }
}

/** Where a node's operator comes from and what it is told beside its inputs. */
export interface NodeSettings {
  /** Empty or absent for ONNX's own operators. */
  readonly domain?: string;
  /** What profilers and errors call the node. */
  readonly name?: string;
  readonly integers?: Readonly<Record<string, number>>;
  readonly floats?: Readonly<Record<string, number>>;
}

function attributeField(name: string, kind: 'int' | 'float', value: number): Uint8Array[] {
  const number =
    kind === 'int' ? integerField(ATTRIBUTE_INT, value) : floatField(ATTRIBUTE_FLOAT, value);
  const type = integerField(ATTRIBUTE_TYPE, ATTRIBUTE_TYPES[kind]);
  return asField(NODE_ATTRIBUTE, [...textField(ATTRIBUTE_NAME, name), number, type]);
}

/** A node of one's own. */
export function makeNode(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  { domain, name, integers = {}, floats = {} }: NodeSettings = {},
): GraphNode {
  const rest = [
    ...outputs.flatMap((output) => textField(NODE_OUTPUT, output)),
    ...(name ? textField(NODE_NAME, name) : []),
    ...textField(NODE_OP_TYPE, opType),
    ...(domain ? textField(NODE_DOMAIN, domain) : []),
    ...Object.entries(integers).flatMap(([key, value]) => attributeField(key, 'int', value)),
    ...Object.entries(floats).flatMap(([key, value]) => attributeField(key, 'float', value)),
  ];
  return { opType, inputs, outputs, captures: [], rest };
}

/** A tensor that goes in or comes out: its element type ({@link ELEMENT}) and each size, open ones by name. */
export interface Declaration {
  readonly name: string;
  readonly type: number;
  readonly shape: readonly (number | string)[];
}

/** A declaration as a field of a graph: 11 for an input, 12 for an output. */
export function declarationField(number: number, { name, type, shape }: Declaration): Uint8Array[] {
  const dims = shape.flatMap((size) =>
    asField(1, typeof size === 'number' ? [integerField(1, size)] : textField(2, size)),
  );
  const tensor = asField(1, [integerField(1, type), ...asField(2, dims)]);
  return asField(number, [...textField(VALUE_NAME, name), ...asField(2, tensor)]);
}

/** What a model is beside its nodes and weights. */
export interface NewModel {
  readonly name: string;
  readonly inputs: readonly Declaration[];
  readonly outputs: readonly Declaration[];
  /** Version of each set of operators by its domain. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly nodes: readonly GraphNode[];
  readonly initializers: ReadonlyMap<string, Uint8Array>;
}

/** A model of one's own. */
export function makeModel({ name, inputs, outputs, opsets, ...rest }: NewModel): OnnxModel {
  return {
    ...rest,
    inputs: inputs.map((input) => input.name),
    outputs: outputs.map((output) => output.name),
    domains: Object.keys(opsets),
    modelFields: [
      integerField(MODEL_IR_VERSION, IR_VERSION),
      ...textField(MODEL_PRODUCER, 'bitmodel'),
      ...Object.entries(opsets).flatMap(([domain, version]) => opsetField(domain, version)),
    ],
    graphFields: [
      ...textField(GRAPH_NAME, name),
      ...inputs.flatMap((input) => declarationField(GRAPH_INPUT, input)),
      ...outputs.flatMap((output) => declarationField(GRAPH_OUTPUT, output)),
    ],
  };
}

function opsetField(domain: string, version: number): Uint8Array[] {
  const id = [...textField(OPSET_DOMAIN, domain), integerField(OPSET_VERSION, version)];
  return asField(MODEL_OPSET, id);
}

/** A number that a node states beside its inputs; the default is the operator's own. */
export function numberOf({ rest }: GraphNode, name: string): number | undefined {
  for (const attribute of contents(fieldsOf(concatBytes(...rest)), NODE_ATTRIBUTE).map(fieldsOf)) {
    if (texts(attribute, ATTRIBUTE_NAME)[0] !== name) continue;
    const float = attribute.find(({ number }) => number === ATTRIBUTE_FLOAT)?.whole;
    // a tag of one byte, and four bytes of binary32
    if (float) return new DataView(float.buffer, float.byteOffset).getFloat32(1, true);
    return attribute.find(({ number }) => number === ATTRIBUTE_INT)?.value;
  }
  return undefined;
}

/** The model with one more set of operators, unless it has it. */
export function withDomain(model: OnnxModel, domain: string, version: number): OnnxModel {
  if (model.domains.includes(domain)) return model;
  return {
    ...model,
    domains: [...model.domains, domain],
    modelFields: [...model.modelFields, ...opsetField(domain, version)],
  };
}

/** The model without initialisers that nobody reads. */
export function withoutIdleWeights(model: OnnxModel): OnnxModel {
  const read = new Set(model.nodes.flatMap(({ inputs, captures }) => [...inputs, ...captures]));
  for (const name of model.outputs) read.add(name);
  const initializers = new Map([...model.initializers].filter(([name]) => read.has(name)));
  return { ...model, initializers };
}

function nodeParts(node: GraphNode): Uint8Array[] {
  const inputs = node.inputs.flatMap((name) => textField(NODE_INPUT, name));
  return asField(GRAPH_NODE, [...inputs, ...node.rest]);
}

/** The bytes of a model. Field order within a message carries no meaning in protobuf. */
export function writeOnnx(model: OnnxModel): Uint8Array {
  const initializers = [...model.initializers.values()];
  const graph = asField(MODEL_GRAPH, [
    ...model.nodes.flatMap(nodeParts),
    ...initializers.flatMap((tensor) => asField(GRAPH_INITIALIZER, [tensor])),
    ...model.graphFields,
  ]);
  return joinBytes([...model.modelFields, ...graph]);
}
