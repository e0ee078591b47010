import { BitmodelError } from '../../base/index.js';
import { type ByteSource, fieldsOf, integersOf, textOf, type WireField } from './wire.js';

/** What an ONNX file says about its numbers, without its weights. */
export interface GraphFacts {
  /** Weights of the graph; those packed by MatMulNBits are counted by the operator's own K and N. */
  readonly parameters: number;
  /** Elements of initialisers by ONNX data type. */
  readonly elements: ReadonlyMap<number, number>;
  /** The same by the type that they are computed with: a table of embeddings may be kept in a smaller one. */
  readonly computed: ReadonlyMap<number, number>;
  readonly operators: ReadonlySet<string>;
  /** Bits of MatMulNBits weights, if there are any. */
  readonly blockBits: number | undefined;
  /**
   * Coarsest `accuracy_level` among the MatMulNBits nodes; 0 when none states one, and 4, their word for activations in
   * 8 bits, where other operators round these so.
   */
  readonly accuracyLevel: number;
  /**
   * Whether activations are quantised with scales that all positions of a run share, so that the logits of one depend on
   * which others are computed with it, later ones too.
   */
  readonly runDependent: boolean;
  /** Bytes by which weights grow as they are loaded, since ONNX Runtime casts them once and for all: blocks in 8 bits that are summed in fp32. */
  readonly unfoldedBytes: number;
  /** Files of external data, as the graph names them. */
  readonly externalFiles: readonly string[];
}

/** TensorProto.DataType (onnx.proto3). */
const FLOAT = 1;
const UINT8 = 2;
const INT8 = 3;
const FLOAT16 = 10;
const BFLOAT16 = 16;
/** Bytes of an element, of those that weights are cast from and to. */
const WIDTHS: Readonly<Record<number, number>> = {
  [FLOAT]: 4,
  [UINT8]: 1,
  [INT8]: 1,
  [FLOAT16]: 2,
  [BFLOAT16]: 2,
};
const FLOATING = [FLOAT, FLOAT16, BFLOAT16, 11];
/** Products of activations in 8 bits. */
const INTEGER_PRODUCTS = [
  'ConvInteger',
  'MatMulInteger',
  'MatMulIntegerToFloat',
  'QAttention',
  'QGemm',
  'QLinearMatMul',
];
/** Those whose scales are no constants of the graph, as a rule: made of the greatest activation of the whole run. */
const DYNAMIC_PRODUCTS = ['ConvInteger', 'MatMulInteger', 'MatMulIntegerToFloat', 'QAttention'];
const INT8_ACTIVATIONS = 4;
/** Subgraphs of If and Loop deeper than this are no language model. */
const DEEPEST = 8;

interface Mutable {
  blockParameters: number;
  elements: Map<number, number>;
  /** Initialisers by name. */
  tensors: Map<string, { type: number; count: number }>;
  /** Names of tables by the rows that are gathered of them. */
  gathered: Map<string, string>;
  /** Types that tensors are cast to. */
  casts: Map<string, number>;
  operators: Set<string>;
  blockBits: number | undefined;
  accuracyLevel: number;
  externalFiles: Set<string>;
}

/** A StringStringEntryProto: its fields may stand in any order, and the last of each counts. */
function entryOf(source: ByteSource, entry: WireField): { key: string; value: string } {
  let key = '';
  let value = '';
  for (const field of fieldsOf(source, entry.start, entry.end)) {
    if (field.number === 1) key = textOf(source, field);
    else if (field.number === 2) value = textOf(source, field);
  }
  return { key, value };
}

/** A SparseTensorProto: both its values and its indices are tensors. */
function readSparseTensor(source: ByteSource, tensor: WireField, facts: Mutable): void {
  for (const field of fieldsOf(source, tensor.start, tensor.end)) {
    if (field.number === 1 || field.number === 2) readTensor(source, field, facts);
  }
}

function readTensor(source: ByteSource, tensor: WireField, facts: Mutable): void {
  let type = 0;
  let count = 1;
  let name = '';
  for (const field of fieldsOf(source, tensor.start, tensor.end)) {
    if (field.number === 1) for (const size of integersOf(source, field)) count *= size;
    else if (field.number === 2) type = field.value;
    else if (field.number === 8) name = textOf(source, field);
    else if (field.number === 13) {
      const { key, value } = entryOf(source, field);
      if (key === 'location') facts.externalFiles.add(value);
    }
  }
  facts.elements.set(type, (facts.elements.get(type) ?? 0) + count);
  facts.tensors.set(name, { type, count });
}

/** An AttributeProto: one or several numbers, tensors or graphs under a name. */
function readAttribute(
  source: ByteSource,
  attribute: WireField,
  facts: Mutable,
  depth: number,
  integers: Map<string, number>,
): void {
  let name = '';
  let integer: number | undefined;
  for (const part of fieldsOf(source, attribute.start, attribute.end)) {
    if (part.number === 1) name = textOf(source, part);
    else if (part.number === 3) integer = part.value;
    else if (part.number === 5 || part.number === 10) readTensor(source, part, facts);
    else if (part.number === 6 || part.number === 11) readGraph(source, part, facts, depth + 1);
    else if (part.number === 22 || part.number === 23) readSparseTensor(source, part, facts);
  }
  if (integer !== undefined) integers.set(name, integer);
}

function readNode(source: ByteSource, node: WireField, facts: Mutable, depth: number): void {
  let operator = '';
  const inputs: string[] = [];
  const outputs: string[] = [];
  const integers = new Map<string, number>();
  for (const field of fieldsOf(source, node.start, node.end)) {
    if (field.number === 1) inputs.push(textOf(source, field));
    if (field.number === 2) outputs.push(textOf(source, field));
    if (field.number === 4) operator = textOf(source, field);
    if (field.number !== 5) continue;
    readAttribute(source, field, facts, depth, integers);
  }
  facts.operators.add(operator);
  if (operator === 'Gather') facts.gathered.set(outputs[0] ?? '', inputs[0] ?? '');
  if (operator === 'Cast') facts.casts.set(inputs[0] ?? '', integers.get('to') ?? 0);
  if (operator !== 'MatMulNBits') return;
  facts.blockBits = Math.min(facts.blockBits ?? 32, integers.get('bits') ?? 4);
  facts.accuracyLevel = Math.max(facts.accuracyLevel, integers.get('accuracy_level') ?? 0);
  facts.blockParameters += (integers.get('K') ?? 0) * (integers.get('N') ?? 0);
}

function readGraph(source: ByteSource, graph: WireField, facts: Mutable, depth: number): void {
  if (depth > DEEPEST) throw notOnnx();
  for (const field of fieldsOf(source, graph.start, graph.end)) {
    if (field.number === 1) readNode(source, field, facts, depth);
    else if (field.number === 5) readTensor(source, field, facts);
    else if (field.number === 15) readSparseTensor(source, field, facts);
  }
}

/** A function of the model's own: nodes that its graph calls by name. */
function readFunction(source: ByteSource, body: WireField, facts: Mutable): void {
  for (const field of fieldsOf(source, body.start, body.end)) {
    if (field.number === 7) readNode(source, field, facts, 0);
    else if (field.number === 11) readAttribute(source, field, facts, 0, new Map());
  }
}

/** Elements by the type that they have once gathered rows were cast. */
function computedWith({ elements, tensors, gathered, casts }: Mutable): Map<number, number> {
  const computed = new Map(elements);
  for (const [rows, table] of gathered) {
    const tensor = tensors.get(table);
    const to = casts.get(rows);
    if (tensor === undefined || to === undefined || !FLOATING.includes(tensor.type)) continue;
    computed.set(tensor.type, computed.get(tensor.type)! - tensor.count);
    computed.set(to, (computed.get(to) ?? 0) + tensor.count);
    // a table is gathered of once, as far as this is concerned
    tensors.delete(table);
  }
  return computed;
}

/** What a cast of weights adds to them. */
function unfoldedBytes({ tensors, casts }: Mutable): number {
  let bytes = 0;
  for (const [name, to] of casts) {
    const tensor = tensors.get(name);
    if (tensor) bytes += tensor.count * Math.max(0, widthOf(to) - widthOf(tensor.type));
  }
  return bytes;
}

const widthOf = (type: number): number => WIDTHS[type] ?? 0;

/** Whether the operator is one that ONNX Runtime quantises activations by as it runs. */
const isDynamic = (name: string): boolean =>
  name.startsWith('DynamicQuantize') || DYNAMIC_PRODUCTS.includes(name);

function notOnnx(): BitmodelError {
  return new BitmodelError('BAD_ONNX', 'The file holds no ONNX graph.', {
    next: 'Name the ONNX file of the model',
  });
}

/**
 * Reads operators, number types and external files of an ONNX model (onnx.proto3: ModelProto, GraphProto, FunctionProto), skipping its weights.
 * @throws BitmodelError `BAD_ONNX` for a truncated or foreign file
 */
export function readGraphFacts(source: ByteSource): GraphFacts {
  const facts: Mutable = {
    blockParameters: 0,
    elements: new Map(),
    tensors: new Map(),
    gathered: new Map(),
    casts: new Map(),
    operators: new Set(),
    blockBits: undefined,
    accuracyLevel: 0,
    externalFiles: new Set(),
  };
  for (const field of fieldsOf(source, 0, source.size)) {
    if (field.wireType !== 2) continue;
    if (field.number === 7) readGraph(source, field, facts, 0);
    else if (field.number === 25) readFunction(source, field, facts);
  }
  if (facts.operators.size === 0) throw notOnnx();
  const countOf = (types: readonly number[]): number =>
    types.reduce((sum, type) => sum + (facts.elements.get(type) ?? 0), 0);
  const bytes = facts.blockBits === undefined ? countOf([UINT8, INT8]) : 0;
  const operators = [...facts.operators];
  const runDependent = operators.some(isDynamic);
  const inBytes = runDependent || operators.some((name) => INTEGER_PRODUCTS.includes(name));
  return {
    parameters: countOf(FLOATING) + bytes + facts.blockParameters,
    elements: facts.elements,
    unfoldedBytes: unfoldedBytes(facts),
    computed: computedWith(facts),
    operators: facts.operators,
    blockBits: facts.blockBits,
    accuracyLevel: inBytes ? Math.max(facts.accuracyLevel, INT8_ACTIVATIONS) : facts.accuracyLevel,
    runDependent,
    externalFiles: [...facts.externalFiles].sort(),
  };
}

/**
 * Numeric type of a graph as DESIGN 6 classes it: `fp32`, `fp16`, `bf16`, `int8`, or `q4`, `q8` … for block-quantised weights,
 * with `f16` behind it when what is not quantised is binary16.
 */
export function numericType(facts: GraphFacts): string {
  const of = (type: number): number => facts.computed.get(type) ?? 0;
  const half = of(FLOAT16) > of(FLOAT);
  const brain = of(BFLOAT16) > of(FLOAT);
  const suffix = half ? 'f16' : brain ? 'bf16' : '';
  if (facts.blockBits !== undefined) return `q${facts.blockBits}${suffix}`;
  const integers = ['MatMulInteger', 'QLinearMatMul', 'DynamicQuantizeMatMul', 'QGemm'];
  const quantised = of(INT8) + of(UINT8) > of(FLOAT) + of(FLOAT16) + of(BFLOAT16);
  if (integers.some((name) => facts.operators.has(name)) || quantised) return `int8${suffix}`;
  return half ? 'fp16' : brain ? 'bf16' : 'fp32';
}
