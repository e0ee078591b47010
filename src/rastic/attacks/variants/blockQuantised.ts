import {
  ELEMENT,
  type FloatTensor,
  type GraphNode,
  makeNode,
  readOnnx,
  withDomain,
  withoutIdleWeights,
  writeOnnx,
  writeTensor,
} from '../../../model/index.js';
import { floatsOf, type Product, productsOf } from './matrices.js';
import { type GraphVariant, unrecognised } from './variant.js';

/** Weights that share one scale, as in ONNX Runtime's own tools. */
const BLOCK = 32;
/** The operator set of ONNX Runtime's contributions. */
const MICROSOFT = 'com.microsoft';

interface Quantised {
  /** Packed weights, N × blocks × bytes of a block. */
  readonly packed: Uint8Array;
  /** N × blocks. */
  readonly scales: Float32Array;
  readonly blocks: number;
  readonly rows: number;
  readonly columns: number;
}

/** Sizes and strides of W, K × N, in the order in which its numbers lie. */
function layoutOf({ dims }: FloatTensor, isTransposed: boolean) {
  const [first, second] = [dims[0]!, dims[1]!];
  return isTransposed
    ? { rows: second, columns: first, rowStep: 1, columnStep: second }
    : { rows: first, columns: second, rowStep: second, columnStep: 1 };
}

/**
 * Quantises each column in blocks, symmetrically: the number farthest from zero becomes the lowest code, and zero stays
 * zero, as with ONNX Runtime's `MatMulNBits` without zero points (code 2^(bits−1) stands for 0).
 */
function quantise(tensor: FloatTensor, isTransposed: boolean, bits: 4 | 8): Quantised {
  const { rows, columns, rowStep, columnStep } = layoutOf(tensor, isTransposed);
  const { values } = tensor;
  const blocks = Math.ceil(rows / BLOCK);
  const blockBytes = (BLOCK * bits) / 8;
  const packed = new Uint8Array(columns * blocks * blockBytes);
  const scales = new Float32Array(columns * blocks);
  const middle = 2 ** (bits - 1);
  for (let column = 0; column < columns; column++) {
    for (let block = 0; block < blocks; block++) {
      const start = column * columnStep + block * BLOCK * rowStep;
      const count = Math.min(BLOCK, rows - block * BLOCK);
      let farthest = 0;
      for (let i = 0; i < count; i++) {
        const value = values[start + i * rowStep]!;
        if (Math.abs(value) > Math.abs(farthest)) farthest = value;
      }
      const at = column * blocks + block;
      const scale = Math.fround(farthest / -middle);
      scales[at] = scale;
      for (let i = 0; i < BLOCK; i++) {
        const value = i < count && scale !== 0 ? values[start + i * rowStep]! / scale : 0;
        const code = Math.min(2 * middle - 1, Math.max(0, Math.round(value) + middle));
        if (bits === 8) packed[at * blockBytes + i] = code;
        else packed[at * blockBytes + (i >> 1)]! |= i & 1 ? code << 4 : code;
      }
    }
  }
  return { packed, scales, blocks, rows, columns };
}

/** Nodes and initialisers that stand for weights which are quantised. */
interface Replacement {
  readonly initializers: ReadonlyMap<string, Uint8Array>;
  /** To stand before the first product. */
  readonly before: readonly GraphNode[];
  product(node: GraphNode): GraphNode;
}

function tensors(
  ...all: readonly [string, number, readonly number[], ArrayBufferView][]
): Map<string, Uint8Array> {
  return new Map(
    all.map(([name, type, dims, data]) => [name, writeTensor(name, type, dims, data)]),
  );
}

/** By ONNX Runtime's own operator, which unfolds the weights as it multiplies. */
function packed(
  name: string,
  { packed: codes, scales, blocks, rows, columns }: Quantised,
  bits: 4 | 8,
  accuracyLevel: 0 | 4,
): Replacement {
  const integers = { K: rows, N: columns, bits, block_size: BLOCK, accuracy_level: accuracyLevel };
  const dims = [columns, blocks, codes.length / (columns * blocks)];
  return {
    initializers: tensors(
      [name, ELEMENT.uint8, dims, codes],
      [`${name}.scales`, ELEMENT.float, [columns * blocks], scales],
    ),
    before: [],
    product: ({ inputs, outputs }) =>
      makeNode('MatMulNBits', [inputs[0]!, name, `${name}.scales`], outputs, {
        domain: MICROSOFT,
        integers,
      }),
  };
}

/**
 * The same numbers, unfolded by operators that ONNX Runtime computes once, as it loads the graph: its `MatMulNBits` has no
 * kernel for 8 bits that sums in fp32, and would unfold the whole matrix at every step.
 */
function unfolded(
  name: string,
  { packed: codes, scales, blocks, rows, columns }: Quantised,
): Replacement {
  const of = (part: string): string => `${name}.${part}`;
  const signed = Int8Array.from(codes, (code) => code - 128);
  const whole = { integers: { to: ELEMENT.float } };
  const int64 = (...values: number[]): BigInt64Array => BigInt64Array.from(values, BigInt);
  return {
    initializers: tensors(
      [name, ELEMENT.int8, [columns, blocks, BLOCK], signed],
      [of('scales'), ELEMENT.float, [columns, blocks, 1], scales],
      [of('shape'), ELEMENT.int64, [2], int64(columns, blocks * BLOCK)],
      [of('start'), ELEMENT.int64, [1], int64(0)],
      [of('end'), ELEMENT.int64, [1], int64(rows)],
      [of('axis'), ELEMENT.int64, [1], int64(1)],
    ),
    before: [
      makeNode('Cast', [name], [of('floats')], whole),
      makeNode('Mul', [of('floats'), of('scales')], [of('scaled')]),
      makeNode('Reshape', [of('scaled'), of('shape')], [of('filled')]),
      // the last block may be wider than what is left of a row
      makeNode('Slice', [of('filled'), of('start'), of('end'), of('axis')], [of('weights')]),
    ],
    product: ({ inputs, outputs }) =>
      makeNode('FusedMatMul', [inputs[0]!, of('weights')], outputs, {
        domain: MICROSOFT,
        integers: { transA: 0, transB: 1 },
        floats: { alpha: 1 },
      }),
  };
}

/**
 * The same model with the weights of every matrix product in `bits` bits, in blocks of 32 along the summed axis, each with an
 * fp32 scale; embeddings and norms stay. At accuracy level 0 the sums are fp32; at 4 the activations are rounded to 8 bits too.
 */
export function quantisedTo(bits: 4 | 8, accuracyLevel: 0 | 4 = 0): GraphVariant {
  return (bytes) => {
    const model = withDomain(readOnnx(bytes), MICROSOFT, 1);
    const products = productsOf(model);
    if (products.length === 0) throw unrecognised('it holds no products with fp32 weights');
    const initializers = new Map(model.initializers);
    const done = new Map<string, Replacement>();
    const exchange = ({ node, weights, isTransposed }: Product): GraphNode[] => {
      const name = `${weights}${isTransposed ? '.T' : ''}.q${bits}`;
      const earlier = done.get(name);
      if (earlier !== undefined) return [earlier.product(node)];
      const quantised = quantise(floatsOf(model, weights), isTransposed, bits);
      const made =
        bits === 8 && accuracyLevel === 0
          ? unfolded(name, quantised)
          : packed(name, quantised, bits, accuracyLevel);
      for (const [key, tensor] of made.initializers) initializers.set(key, tensor);
      done.set(name, made);
      return [...made.before, made.product(node)];
    };
    const exchanged = new Map(products.map((product) => [product.node, exchange(product)]));
    const nodes = model.nodes.flatMap((node) => exchanged.get(node) ?? [node]);
    return writeOnnx(
      withoutIdleWeights({ ...model, nodes: withoutIdle(nodes, model.outputs), initializers }),
    );
  };
}

/** Without transpositions that nobody reads any more. */
function withoutIdle(nodes: readonly GraphNode[], outputs: readonly string[]): GraphNode[] {
  const inner = nodes.flatMap(({ inputs, captures }) => [...inputs, ...captures]);
  const read = new Set([...inner, ...outputs]);
  return nodes.filter((node) => node.opType !== 'Transpose' || read.has(node.outputs[0]!));
}
