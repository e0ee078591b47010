import {
  ELEMENT,
  type FloatTensor,
  type GraphNode,
  numberOf,
  type OnnxModel,
  readFloats,
  shapeOf,
} from '../../../model/index.js';
import { unrecognised } from './variant.js';

/** A matrix product x·W with fixed fp32 weights W of K rows and N columns. */
export interface Product {
  readonly node: GraphNode;
  /** The initialiser that holds the weights. */
  readonly weights: string;
  /** Whether it holds Wᵀ, N × K, which the graph transposes first (tied embeddings), or in the product itself. */
  readonly isTransposed: boolean;
}

function isFloatMatrix(model: OnnxModel, name: string | undefined): boolean {
  const tensor = name === undefined ? undefined : model.initializers.get(name);
  if (tensor === undefined) return false;
  const { dims, type } = shapeOf(tensor);
  return dims.length === 2 && type === ELEMENT.float;
}

/** x·Wᵀ and nothing else: what imported models are made of. */
function isByTransposed(node: GraphNode): boolean {
  if (node.opType !== 'FusedMatMul') return false;
  const plain = ['transA', 'transBatchA', 'transBatchB'].every((name) => !numberOf(node, name));
  return plain && numberOf(node, 'transB') === 1 && (numberOf(node, 'alpha') ?? 1) === 1;
}

/** Every matrix product with weights of the model's own. */
export function productsOf(model: OnnxModel): Product[] {
  const transposes = new Map(
    model.nodes
      .filter(({ opType, inputs }) => opType === 'Transpose' && isFloatMatrix(model, inputs[0]))
      .map(({ inputs, outputs }) => [outputs[0]!, inputs[0]!]),
  );
  return model.nodes.flatMap((node): Product[] => {
    if (isByTransposed(node) && isFloatMatrix(model, node.inputs[1])) {
      return [{ node, weights: node.inputs[1]!, isTransposed: true }];
    }
    if (node.opType !== 'MatMul') return [];
    const right = node.inputs[1]!;
    if (isFloatMatrix(model, right)) return [{ node, weights: right, isTransposed: false }];
    const weights = transposes.get(right);
    return weights === undefined ? [] : [{ node, weights, isTransposed: true }];
  });
}

/** Names of the fp32 tables that tokens' embeddings are taken from. */
export function embeddingsOf(model: OnnxModel): string[] {
  return model.nodes
    .filter(({ opType, inputs }) => opType === 'Gather' && inputs[1] === 'input_ids')
    .map(({ inputs }) => inputs[0]!)
    .filter((name) => isFloatMatrix(model, name));
}

/**
 * Names of the initialisers that hold the model's weight matrices: those that products and the embedding of tokens read.
 * @throws BitmodelError `GRAPH_NOT_RECOGNISED` where there are none
 */
export function weightNames(model: OnnxModel): string[] {
  const names = new Set([
    ...embeddingsOf(model),
    ...productsOf(model).map(({ weights }) => weights),
  ]);
  if (names.size === 0) throw unrecognised('it holds no fp32 weight matrices');
  return [...names];
}

/** The numbers of an initialiser. @throws BitmodelError `GRAPH_NOT_RECOGNISED` where they are not in the graph */
export function floatsOf(model: OnnxModel, name: string): FloatTensor {
  const tensor = model.initializers.get(name);
  const floats = tensor && readFloats(tensor);
  if (floats === undefined)
    throw unrecognised(`the fp32 numbers of "${name}" are not in the graph`);
  return floats;
}
