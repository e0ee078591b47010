import type { Declaration } from '../../onnx/graph.js';
import { ELEMENT } from '../../onnx/tensor.js';
import type { DecoderShape } from '../architecture.js';
import { type Checkpoint, sameNumbers, type Weight } from '../Checkpoint.js';
import type { Bits } from '../quantise.js';
import { type GraphBuilder, MICROSOFT } from './GraphBuilder.js';

/** How the graph's products are to be made. */
export interface ProductSettings {
  /** Bits of quantised weights; none for plain ones. */
  readonly bits: Bits | undefined;
  /** Of `MatMulNBits`: 0 sums in fp32, 4 rounds activations to 8 bits. */
  readonly accuracyLevel: 0 | 4;
  /** Whether a matrix of this kind is better off with zero points of its own. */
  readonly zeroPoints: (
    sources: readonly Weight[],
    columns: number,
    transposed: boolean,
  ) => boolean;
}

/** One fixed matrix, or several stacked ones, that activations are multiplied by. */
export interface Matrix {
  /** Name of the node, and of the weights with `.weight` behind it. */
  readonly name: string;
  readonly sources: readonly Weight[];
  /** Columns of the product. */
  readonly rows: number;
  /** Width of what is multiplied. */
  readonly columns: number;
  /** Whether the sources are columns × rows, as GPT-2's `Conv1D`. */
  readonly transposed?: boolean;
  readonly biases?: readonly Weight[] | undefined;
  /** Name of an initialiser that holds these very weights already. */
  readonly shared?: string | undefined;
}

/** x·Wᵀ. The transposition is the product's own, so that weights stay as they lie in the checkpoint. */
function byTransposed(graph: GraphBuilder, input: string, weights: string, name: string): string {
  return graph.node('FusedMatMul', [input, weights], `${name}/MatMul`, {
    domain: MICROSOFT,
    integers: { transA: 0, transB: 1 },
    floats: { alpha: 1 },
  });
}

/**
 * Weights in 8 bits that ONNX Runtime turns into binary32 as it loads them: its `MatMulNBits` has no kernel for them that sums
 * in fp32, and would turn the whole matrix into binary32 at every step.
 */
function addFolded(
  graph: GraphBuilder,
  weights: string,
  { name, rows, columns, sources, transposed = false }: Matrix,
): string {
  const [codes, scales] = graph.signedBlocks(weights, [rows, columns], sources, transposed);
  const shape = graph.integers(`shape_${rows}_${columns}`, [rows, columns], [2]);
  const floats = graph.node('Cast', [codes], `${name}/Cast`, { integers: { to: ELEMENT.float } });
  const scaled = graph.node('Mul', [floats, scales], `${name}/Mul`);
  return graph.node('Reshape', [scaled, shape], `${name}/Reshape`);
}

/** Adds x·Wᵀ + b. @returns name of the product */
export function addProduct(
  graph: GraphBuilder,
  input: string,
  matrix: Matrix,
  settings: ProductSettings,
): string {
  const { name, sources, rows, columns, transposed = false, biases } = matrix;
  const weights = `${name.replace(/^\//, '').replaceAll('/', '.')}.weight`;
  const { bits, accuracyLevel } = settings;
  let product: string;
  if (bits === 8 && accuracyLevel === 0) {
    product = byTransposed(graph, input, addFolded(graph, weights, matrix), name);
  } else if (bits !== undefined) {
    const zeroPoints = bits === 4 && settings.zeroPoints(sources, columns, transposed);
    const how = { bits, zeroPoints, transposed };
    const quantised = graph.blocks(weights, [rows, columns], sources, how);
    product = graph.node('MatMulNBits', [input, ...quantised], `${name}/MatMulNBits`, {
      domain: MICROSOFT,
      integers: { K: columns, N: rows, bits, block_size: 32, accuracy_level: accuracyLevel },
    });
  } else if (transposed) {
    const whole = graph.weights(weights, [columns, rows], sources);
    product = graph.node('MatMul', [input, whole], `${name}/MatMul`);
  } else {
    const whole = matrix.shared ?? graph.weights(weights, [rows, columns], sources);
    product = byTransposed(graph, input, whole, name);
  }
  if (biases === undefined) return product;
  const bias = graph.weights(weights.replace(/weight$/, 'bias'), [rows], biases);
  return graph.node('Add', [product, bias], `${name}/Add`);
}

/** What every layer's attention needs of the mask. */
export interface Lengths {
  /** Positions of each row of the batch but one: int32, batch. */
  readonly past: string;
  /** Width of the mask: int32, a single number. */
  readonly total: string;
}

/** Adds the lengths that `GroupQueryAttention` asks for, out of the attention mask. */
export function addLengths(graph: GraphBuilder): Lengths {
  const one = graph.integers('one', [1], [1]);
  const axis = graph.integers('axis_1', [1]);
  const name = '/model/attn_mask';
  const count = graph.node('ReduceSum', ['attention_mask', one], `${name}/ReduceSum`, {
    integers: { keepdims: 0 },
  });
  const last = graph.node('Sub', [count, one], `${name}/Sub`);
  const shape = graph.node('Shape', ['attention_mask'], `${name}/Shape`);
  const width = graph.node('Gather', [shape, axis], `${name}/Gather`);
  const toInt32 = { integers: { to: ELEMENT.int32 } };
  return {
    past: graph.node('Cast', [last], `${name}/seqlens_k`, toInt32),
    total: graph.node('Cast', [width], `${name}/total_sequence_length`, toInt32),
  };
}

/**
 * Adds the embedding of tokens. Beside quantised products it stays in the type that it came in, exactly, so that it takes half
 * the memory where that has 16 bits.
 * @returns names of the activations and of the table
 */
export function addEmbedding(
  graph: GraphBuilder,
  table: Weight,
  { vocabulary, hidden }: DecoderShape,
  isQuantised: boolean,
): { activations: string; table: string } {
  const name = 'model.embed_tokens.weight';
  const type = isQuantised ? table.dtype : graph.type;
  graph.weights(name, [vocabulary, hidden], [table], type);
  const rows = graph.node('Gather', [name, 'input_ids'], '/model/embed_tokens/Gather');
  const to = { integers: { to: graph.element } };
  return {
    activations:
      type === graph.type ? rows : graph.node('Cast', [rows], '/model/embed_tokens/Cast', to),
    table: name,
  };
}

/**
 * Adds the product of the last layer's output with the head, as `logits` in binary32.
 * @param matrix without the node's name
 */
export function addHead(
  graph: GraphBuilder,
  input: string,
  matrix: Omit<Matrix, 'name'>,
  settings: ProductSettings,
): void {
  const product = addProduct(graph, input, { ...matrix, name: '/lm_head' }, settings);
  const to = { integers: { to: ELEMENT.float } };
  if (graph.type === 'F32') graph.nodeWith('Identity', [product], ['logits'], '/lm_head/logits');
  else graph.nodeWith('Cast', [product], ['logits'], '/lm_head/logits', to);
}

/**
 * The weights of a head that is its embedding; some files hold it a second time.
 * @throws BitmodelError `BAD_CHECKPOINT` where they hold another one
 */
export function tiedHead(checkpoint: Checkpoint, embedding: Weight): Weight {
  const name = 'lm_head.weight';
  if (!checkpoint.has(name)) return embedding;
  if (sameNumbers(checkpoint.take(name, embedding.shape), embedding)) return embedding;
  throw checkpoint.refusal(
    'config.json says that its head is its embedding, but its files hold another one',
  );
}

/** Activations between two layers: the sum so far, and it with the next norm. */
export interface Stream {
  readonly sum: string;
  readonly normed: string;
}

/** How attention is computed. */
export interface AttentionSettings {
  readonly heads: number;
  readonly keyValueHeads: number;
  /** Factor of the products of query and key. */
  readonly scale: number;
  /** Tables of cosines and sines where queries and keys are turned by their positions. */
  readonly rotation?: readonly [string, string];
}

/**
 * Adds a layer's attention to all that came before, with its part of the cache.
 * @param queryKeyValue one packed tensor and two empty names, or three
 */
export function addAttention(
  graph: GraphBuilder,
  layer: number,
  queryKeyValue: readonly string[],
  lengths: Lengths,
  { heads, keyValueHeads, scale, rotation }: AttentionSettings,
): string {
  const name = `/model/layers.${layer}/attn/GroupQueryAttention`;
  const { pastKey, pastValue, key, value } = cacheNames(layer);
  const past = [pastKey, pastValue, lengths.past, lengths.total];
  const inputs = [...queryKeyValue, ...past, ...(rotation ?? [])];
  const outputs = [`${name}/output_0`, key, value] as const;
  const integers = {
    num_heads: heads,
    kv_num_heads: keyValueHeads,
    do_rotary: rotation ? 1 : 0,
    rotary_interleaved: 0,
    local_window_size: -1,
  };
  const settings = { domain: MICROSOFT, integers, floats: { scale, softcap: 0 } };
  return graph.nodeWith('GroupQueryAttention', inputs, outputs, name, settings)[0];
}

/** Names of a layer's tensors in the layout of onnx-community. */
export const cacheNames = (layer: number) => ({
  pastKey: `past_key_values.${layer}.key`,
  pastValue: `past_key_values.${layer}.value`,
  key: `present.${layer}.key`,
  value: `present.${layer}.value`,
});

/** What goes into a decoder and comes out of it, in the layout of onnx-community. */
export function declarationsOf(
  { layers, keyValueHeads, headSize, vocabulary }: DecoderShape,
  element: number,
  hasPositions: boolean,
): { inputs: Declaration[]; outputs: Declaration[] } {
  const ids: Declaration['shape'] = ['batch_size', 'sequence_length'];
  const cache = (name: string, length: string): Declaration => ({
    name,
    type: element,
    shape: ['batch_size', keyValueHeads, length, headSize],
  });
  const names = Array.from({ length: layers }, (_, layer) => cacheNames(layer));
  const int64 = (name: string, shape: Declaration['shape']): Declaration => ({
    name,
    type: ELEMENT.int64,
    shape,
  });
  return {
    inputs: [
      int64('input_ids', ids),
      int64('attention_mask', ['batch_size', 'total_sequence_length']),
      ...(hasPositions ? [int64('position_ids', ids)] : []),
      ...names.flatMap(({ pastKey, pastValue }) =>
        [pastKey, pastValue].map((name) => cache(name, 'past_sequence_length')),
      ),
    ],
    outputs: [
      { name: 'logits', type: ELEMENT.float, shape: [...ids, vocabulary] },
      ...names.flatMap(({ key, value }) =>
        [key, value].map((name) => cache(name, 'total_sequence_length')),
      ),
    ],
  };
}
