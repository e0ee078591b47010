import { BitmodelError } from '../../base/index.js';
import { type ByteSource, fieldsOf, integersOf, textOf, type WireField } from './wire.js';

/** An input or output of a graph. */
export interface Port {
  readonly name: string;
  /** TensorProto.DataType; 0 where none is stated. */
  readonly elementType: number;
  /** Sizes; a name, which may be empty, where one is open. */
  readonly axes: readonly (number | string)[];
}

/** What a graph says of its own measures, beside its weights. */
export interface GraphShape {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Heads of its attention operators; undefined where attention is made of plain ones. */
  readonly heads: number | undefined;
  readonly keyValueHeads: number | undefined;
  /** Positions that its table of rotary embeddings reaches to; undefined without one. */
  readonly rotaryPositions: number | undefined;
  /** Rows and columns of its matrices, each pair once: plain ones, and block-quantised ones as the products take them. */
  readonly matrices: readonly (readonly [number, number])[];
  /** Numbers in it that are no weights: scales of quantised ones, and tables of rotary embeddings. */
  readonly notWeights: number;
}

/** Operators of block-quantised weights, and which of their inputs are the scales. */
const SCALES: Roles = { MatMulNBits: [2], GatherBlockQuantized: [2] };
/** Operators that turn queries and keys by their positions, and which of their inputs are the tables for it. */
const TABLES: Roles = { GroupQueryAttention: [7, 8], RotaryEmbedding: [2, 3] };
const ATTENTION = ['GroupQueryAttention', 'MultiHeadAttention', 'Attention'];
/** FLOAT, INT8, FLOAT16, BFLOAT16: what a matrix of weights is made of that is one number an element. */
const PLAIN_WEIGHTS = [1, 3, 10, 16];
/** Pairs, ports and tensors beyond which a graph is no language model. */
const MOST = 16_384;

type Roles = Readonly<Record<string, readonly number[] | undefined>>;

interface Mutable {
  inputs: Port[];
  outputs: Port[];
  heads: number | undefined;
  keyValueHeads: number | undefined;
  /** Rows and columns that block-quantised products take. */
  products: [number, number][];
  /** Names of tensors that are scales, and that are tables of rotary embeddings. */
  scales: Set<string>;
  tables: Set<string>;
  /** Sizes of tensors that hold one number an element, by their names. */
  tensors: Map<string, number[]>;
}

function* inner(source: ByteSource, field: WireField): Generator<WireField> {
  if (field.wireType === 2) yield* fieldsOf(source, field.start, field.end);
}

function readAxes(source: ByteSource, shape: WireField): (number | string)[] {
  const axes: (number | string)[] = [];
  for (const dimension of inner(source, shape)) {
    if (dimension.number !== 1) continue;
    let size: number | string = '';
    for (const field of inner(source, dimension)) {
      if (field.number === 1) size = field.value;
      else if (field.number === 2) size = textOf(source, field);
    }
    axes.push(size);
  }
  return axes;
}

/** ValueInfoProto; only tensors have axes. */
function readPort(source: ByteSource, value: WireField): Port {
  let name = '';
  let elementType = 0;
  let axes: (number | string)[] = [];
  for (const field of inner(source, value)) {
    if (field.number === 1) name = textOf(source, field);
    if (field.number !== 2) continue;
    for (const type of inner(source, field)) {
      if (type.number !== 1) continue;
      for (const part of inner(source, type)) {
        if (part.number === 1) elementType = part.value;
        else if (part.number === 2) axes = readAxes(source, part);
      }
    }
  }
  return { name, elementType, axes };
}

function readInitializer(source: ByteSource, tensor: WireField, shape: Mutable): void {
  const sizes: number[] = [];
  let type = 0;
  let name = '';
  for (const field of inner(source, tensor)) {
    if (field.number === 1) sizes.push(...integersOf(source, field));
    else if (field.number === 2) type = field.value;
    else if (field.number === 8) name = textOf(source, field);
  }
  if (!PLAIN_WEIGHTS.includes(type) || shape.tensors.size >= MOST) return;
  shape.tensors.set(name, sizes);
  // where attention is made of plain operators, only the usual names tell
  if (/^(cos|sin)_cache/.test(name)) shape.tables.add(name);
  // blocks that are multiplied out as the graph is loaded, as importing to int8 makes them
  if (sizes.length === 3 && sizes[2] === 1 && /_scales$/.test(name)) shape.scales.add(name);
}

function readNode(source: ByteSource, node: WireField, shape: Mutable): void {
  let operator = '';
  const inputs: string[] = [];
  const integers = new Map<string, number>();
  for (const field of inner(source, node)) {
    if (field.number === 1) inputs.push(textOf(source, field));
    else if (field.number === 4) operator = textOf(source, field);
    if (field.number !== 5) continue;
    let name = '';
    for (const part of inner(source, field)) {
      if (part.number === 1) name = textOf(source, part);
      else if (part.number === 3) integers.set(name, part.value);
    }
  }
  if (shape.scales.size + shape.tables.size + shape.products.length > MOST) return;
  for (const [role, names] of [
    [SCALES, shape.scales],
    [TABLES, shape.tables],
  ] as const) {
    for (const index of role[operator] ?? []) if (inputs[index]) names.add(inputs[index]);
  }
  if (operator === 'MatMulNBits') {
    shape.products.push([integers.get('K') ?? 0, integers.get('N') ?? 0]);
  } else if (ATTENTION.includes(operator)) {
    shape.heads ??= integers.get('num_heads');
    shape.keyValueHeads ??= integers.get('kv_num_heads');
  }
}

function elements(sizes: readonly number[]): number {
  return sizes.reduce((product, size) => product * size, 1);
}

/** What is told of tensors once all nodes that name them are read, too. */
function tensorFacts({ tensors, scales, tables, products }: Mutable) {
  const matrices = new Map(products.map((sides) => [sides.join(), sides]));
  let rotaryPositions: number | undefined;
  let notWeights = 0;
  for (const [name, sizes] of tensors) {
    // rows of angles; a table of any other form says nothing
    const isTable = tables.has(name) && sizes.length === 2 && sizes[0]! > 0;
    if (isTable) rotaryPositions = Math.max(rotaryPositions ?? 0, sizes[0]!);
    if (tables.has(name) || scales.has(name)) notWeights += elements(sizes);
    else if (sizes.length === 2) matrices.set(sizes.join(), [sizes[0]!, sizes[1]!]);
    else if (sizes.length === 3 && /_quant$/.test(name)) {
      matrices.set(sizes.join(), [sizes[1]! * sizes[2]!, sizes[0]!]);
    }
  }
  return { rotaryPositions, notWeights, matrices: [...matrices.values()] };
}

/**
 * Reads inputs, outputs and measures of an ONNX model (onnx.proto3: ModelProto, GraphProto), skipping its weights.
 * @throws BitmodelError `BAD_ONNX` for a truncated or foreign file
 */
export function readGraphShape(source: ByteSource): GraphShape {
  const shape: Mutable = {
    inputs: [],
    outputs: [],
    heads: undefined,
    keyValueHeads: undefined,
    products: [],
    scales: new Set(),
    tables: new Set(),
    tensors: new Map(),
  };
  for (const model of fieldsOf(source, 0, source.size)) {
    if (model.number !== 7) continue;
    for (const field of inner(source, model)) {
      if (field.number === 1) readNode(source, field, shape);
      else if (field.number === 5) readInitializer(source, field, shape);
      else if (field.number === 11) shape.inputs.push(readPort(source, field));
      else if (field.number === 12) shape.outputs.push(readPort(source, field));
    }
  }
  if (shape.inputs.length > MOST || shape.outputs.length > MOST || shape.outputs.length === 0) {
    throw new BitmodelError('BAD_ONNX', 'The file holds no ONNX graph of a language model.', {
      next: 'Name the ONNX file of the model',
    });
  }
  const { inputs, outputs, heads, keyValueHeads } = shape;
  return { inputs, outputs, heads, keyValueHeads, ...tensorFacts(shape) };
}
