import {
  ELEMENT,
  type FloatTensor,
  type GraphNode,
  makeNode,
  readOnnx,
  withoutIdleWeights,
  writeOnnx,
  writeTensor,
} from '../../../model/index.js';
import { embeddingsOf, floatsOf, productsOf } from './matrices.js';
import { type GraphVariant, unrecognised } from './variant.js';

const MOST = 127;

/** K × N of N × K. */
function turned({ dims, values }: FloatTensor): FloatTensor {
  const [rows, columns] = [dims[0]!, dims[1]!];
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      out[column * rows + row] = values[row * columns + column]!;
    }
  }
  return { dims: [columns, rows], values: out };
}

/** One scale for each column, and the column's numbers in units of it. */
function byColumn(values: Float32Array, columns: number) {
  const scales = new Float32Array(columns);
  for (const [i, value] of values.entries()) {
    const column = i % columns;
    scales[column] = Math.max(scales[column]!, Math.abs(value) / MOST);
  }
  const codes = Int8Array.from(values, (value, i) => {
    const scale = scales[i % columns]!;
    return scale === 0 ? 0 : Math.max(-MOST, Math.min(MOST, Math.round(value / scale)));
  });
  return { scales, codes };
}

/**
 * The same model in 8 bits as ONNX Runtime's dynamic quantisation makes it: weights with one scale a column, activations
 * rounded as they come (`DynamicQuantizeLinear`, `MatMulInteger`). A head tied to the embeddings stays as it is.
 */
export const dynamicInt8: GraphVariant = (bytes) => {
  const model = readOnnx(bytes);
  const tables = embeddingsOf(model);
  const products = productsOf(model).filter(({ weights }) => !tables.includes(weights));
  if (products.length === 0) throw unrecognised('it holds no products with fp32 weights');
  const initializers = new Map(model.initializers);
  const replacements = new Map<GraphNode, GraphNode[]>();
  for (const { node, weights, isTransposed } of products) {
    const codeName = `${weights}.int8`;
    const scaleName = `${weights}.int8.scales`;
    if (!initializers.has(codeName)) {
      const floats = floatsOf(model, weights);
      const { dims, values } = isTransposed ? turned(floats) : floats;
      const { scales, codes } = byColumn(values, dims[1]!);
      initializers.set(codeName, writeTensor(codeName, ELEMENT.int8, dims, codes));
      initializers.set(scaleName, writeTensor(scaleName, ELEMENT.float, [dims[1]!], scales));
    }
    const [output] = node.outputs;
    const [codes, scale, zero] = ['in', 'scale', 'zero'].map((part) => `${output}.int8.${part}`);
    const [sums, floats, bothScales] = ['sums', 'floats', 'scales'].map(
      (part) => `${output}.int8.${part}`,
    );
    replacements.set(node, [
      makeNode('DynamicQuantizeLinear', [node.inputs[0]!], [codes!, scale!, zero!]),
      makeNode('MatMulInteger', [codes!, codeName, zero!], [sums!]),
      makeNode('Cast', [sums!], [floats!], { integers: { to: ELEMENT.float } }),
      makeNode('Mul', [scale!, scaleName], [bothScales!]),
      makeNode('Mul', [floats!, bothScales!], [output!]),
    ]);
  }
  const nodes = model.nodes.flatMap((node) => replacements.get(node) ?? [node]);
  return writeOnnx(withoutIdleWeights({ ...model, nodes, initializers }));
};
