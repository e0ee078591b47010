import type { OnnxModel } from '../../onnx/graph.js';
import type { LlamaShape } from '../architecture.js';
import type { Checkpoint, Weight } from '../Checkpoint.js';
import { toHalves } from '../numbers.js';
import { ropeTables } from '../rope.js';
import { type GraphBuilder, MICROSOFT } from './GraphBuilder.js';
import {
  addAttention,
  addEmbedding,
  addHead,
  addLengths,
  addProduct,
  declarationsOf,
  type Lengths,
  type ProductSettings,
  type Stream,
  tiedHead,
} from './parts.js';

/** Builds the graph of a decoder of Llama's kind, taking its weights by the names that transformers gives them. */
class LlamaGraph {
  readonly #graph: GraphBuilder;
  readonly #shape: LlamaShape;
  readonly #checkpoint: Checkpoint;
  readonly #settings: ProductSettings;

  constructor(
    graph: GraphBuilder,
    shape: LlamaShape,
    checkpoint: Checkpoint,
    settings: ProductSettings,
  ) {
    this.#graph = graph;
    this.#shape = shape;
    this.#checkpoint = checkpoint;
    this.#settings = settings;
  }

  build(): OnnxModel {
    const { vocabulary, hidden, layers, tied } = this.#shape;
    const matrix = [vocabulary, hidden] as const;
    const isQuantised = this.#settings.bits !== undefined;
    const embedding = this.#take('model.embed_tokens.weight', matrix);
    const head = tied
      ? tiedHead(this.#checkpoint, embedding)
      : this.#take('lm_head.weight', matrix);
    const { activations, table } = addEmbedding(this.#graph, embedding, this.#shape, isQuantised);
    const lengths = addLengths(this.#graph);
    const tables = this.#rotation();
    const first = '/model/layers.0/input_layernorm';
    const weight = this.#norm(0, 'input_layernorm');
    let stream: Stream = {
      sum: activations,
      normed: this.#graph.node('SimplifiedLayerNormalization', [activations, weight], first, {
        integers: { axis: -1, stash_type: 1 },
        floats: { epsilon: this.#shape.normEpsilon },
      }),
    };
    for (let layer = 0; layer < layers; layer++) {
      stream = this.#layer(layer, stream, lengths, tables);
    }
    const shared = tied && !isQuantised ? table : undefined;
    const product = { sources: [head], rows: vocabulary, columns: hidden, shared };
    addHead(this.#graph, stream.normed, product, this.#settings);
    this.#checkpoint.skip(/^model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq$/);
    this.#checkpoint.assertAllTaken();
    const { inputs, outputs } = declarationsOf(this.#shape, this.#graph.element, false);
    return this.#graph.build('decoder', inputs, outputs);
  }

  #take(name: string, shape: readonly number[]): Weight {
    return this.#checkpoint.take(name, shape);
  }

  /** A norm's weights. */
  #norm(layer: number | undefined, part: string, size = this.#shape.hidden): string {
    const name =
      layer === undefined ? `model.${part}.weight` : `model.layers.${layer}.${part}.weight`;
    return this.#graph.weights(name, [size], [this.#take(name, [size])]);
  }

  #rotation(): readonly [string, string] {
    const { rope, context, headSize } = this.#shape;
    const { cos, sin } = ropeTables(rope, context);
    const dims = [context, headSize / 2];
    const typed = (values: Float32Array): Float32Array | Uint16Array =>
      this.#graph.type === 'F16' ? toHalves(values, 'cos_cache') : values;
    return [
      this.#graph.table('cos_cache', dims, typed(cos)),
      this.#graph.table('sin_cache', dims, typed(sin)),
    ];
  }

  /** Adds what a part made to the sum, and norms it. */
  #addAndNorm(sum: string, made: string, name: string, weight: string, isLast = false): Stream {
    const normed = `${name}/output_0`;
    const fresh = isLast ? '' : `${name}/output_3`;
    const outputs = isLast ? [normed] : [normed, '', '', fresh];
    this.#graph.nodeWith('SkipSimplifiedLayerNormalization', [sum, made, weight], outputs, name, {
      domain: MICROSOFT,
      floats: { epsilon: this.#shape.normEpsilon },
    });
    return { sum: fresh, normed };
  }

  #layer(
    layer: number,
    { sum, normed }: Stream,
    lengths: Lengths,
    tables: readonly [string, string],
  ): Stream {
    const prefix = `/model/layers.${layer}`;
    const attention = this.#attention(layer, normed, lengths, tables);
    const between = this.#addAndNorm(
      sum,
      attention,
      `${prefix}/post_attention_layernorm`,
      this.#norm(layer, 'post_attention_layernorm'),
    );
    const made = this.#feedForward(layer, between.normed);
    if (layer + 1 < this.#shape.layers) {
      const weight = this.#norm(layer + 1, 'input_layernorm');
      const name = `/model/layers.${layer + 1}/input_layernorm`;
      return this.#addAndNorm(between.sum, made, name, weight);
    }
    return this.#addAndNorm(between.sum, made, '/model/norm', this.#norm(undefined, 'norm'), true);
  }

  /** x·Wᵀ + b for one or several projections of a layer, stacked. */
  #project(
    input: string,
    layer: number,
    part: string,
    names: readonly string[],
    rows: readonly number[],
    columns: number,
    hasBias: boolean,
  ): string {
    const path = (name: string, kind: string): string =>
      `model.layers.${layer}.${part}.${name}.${kind}`;
    const biases = names.map((name, i) => hasBias && this.#take(path(name, 'bias'), [rows[i]!]));
    return addProduct(
      this.#graph,
      input,
      {
        name: `/model/layers.${layer}/${part}/${names.length > 1 ? 'qkv_proj' : names[0]}`,
        sources: names.map((name, i) => this.#take(path(name, 'weight'), [rows[i]!, columns])),
        rows: rows.reduce((total, count) => total + count, 0),
        columns,
        biases: hasBias ? (biases as Weight[]) : undefined,
      },
      this.#settings,
    );
  }

  #attention(
    layer: number,
    input: string,
    lengths: Lengths,
    tables: readonly [string, string],
  ): string {
    const { heads, headSize, hidden, queryKeyValueBias, outputBias } = this.#shape;
    const inputs = this.#queryKeyValue(layer, input, queryKeyValueBias);
    const output = addAttention(this.#graph, layer, inputs, lengths, {
      ...this.#shape,
      scale: 1 / Math.sqrt(headSize),
      rotation: tables,
    });
    const part = 'self_attn';
    return this.#project(output, layer, part, ['o_proj'], [hidden], heads * headSize, outputBias);
  }

  /** Inputs of the attention: one packed product, or three where queries and keys are normed first. */
  #queryKeyValue(layer: number, input: string, hasBias: boolean): readonly string[] {
    const { heads, keyValueHeads, headSize, hidden, queryKeyNorm } = this.#shape;
    const names = ['q_proj', 'k_proj', 'v_proj'];
    const rows = [heads, keyValueHeads, keyValueHeads].map((count) => count * headSize);
    const part = 'self_attn';
    if (!queryKeyNorm) {
      return [this.#project(input, layer, part, names, rows, hidden, hasBias), '', ''];
    }
    const [query, key, value] = names.map((name, i) =>
      this.#project(input, layer, part, [name], [rows[i]!], hidden, hasBias),
    );
    return [
      this.#normHeads(layer, query!, 'q_norm', heads),
      this.#normHeads(layer, key!, 'k_norm', keyValueHeads),
      value!,
    ];
  }

  /** Norms each head for itself. */
  #normHeads(layer: number, input: string, part: string, heads: number): string {
    const { headSize, normEpsilon } = this.#shape;
    const name = `/model/layers.${layer}/self_attn/${part}`;
    const split = this.#graph.integers(`heads_${heads}`, [0, 0, heads, headSize], [4]);
    const joined = this.#graph.integers(`width_${heads}`, [0, 0, heads * headSize], [3]);
    const apart = this.#graph.node('Reshape', [input, split], `${name}/split`);
    const weight = this.#norm(layer, `self_attn.${part}`, headSize);
    const normed = this.#graph.node('SimplifiedLayerNormalization', [apart, weight], name, {
      integers: { axis: -1, stash_type: 1 },
      floats: { epsilon: normEpsilon },
    });
    return this.#graph.node('Reshape', [normed, joined], `${name}/join`);
  }

  #feedForward(layer: number, input: string): string {
    const { hidden, intermediate, feedForwardBias: bias } = this.#shape;
    const up = (name: string): string =>
      this.#project(input, layer, 'mlp', [name], [intermediate], hidden, bias);
    const gate = up('gate_proj');
    const prefix = `/model/layers.${layer}/mlp/act_fn`;
    const sigmoid = this.#graph.node('Sigmoid', [gate], `${prefix}/Sigmoid`);
    const silu = this.#graph.node('Mul', [gate, sigmoid], `${prefix}/Mul`);
    const gated = this.#graph.node('Mul', [silu, up('up_proj')], `/model/layers.${layer}/mlp/Mul`);
    return this.#project(gated, layer, 'mlp', ['down_proj'], [hidden], intermediate, bias);
  }
}

/**
 * The graph of a decoder of Llama's kind.
 * @throws BitmodelError `BAD_CHECKPOINT` where a weight is missing, left over, or of another shape
 */
export function buildLlama(
  graph: GraphBuilder,
  shape: LlamaShape,
  checkpoint: Checkpoint,
  settings: ProductSettings,
): OnnxModel {
  return new LlamaGraph(graph, shape, checkpoint, settings).build();
}
