import type { OnnxModel } from '../../onnx/graph.js';
import type { Gpt2Shape } from '../architecture.js';
import type { Checkpoint, Weight } from '../Checkpoint.js';
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

/** Builds the graph of GPT-2. */
class Gpt2Graph {
  readonly #graph: GraphBuilder;
  readonly #shape: Gpt2Shape;
  readonly #checkpoint: Checkpoint;
  readonly #settings: ProductSettings;
  /** Files saved without the head have names without it. */
  readonly #prefix: string;

  constructor(
    graph: GraphBuilder,
    shape: Gpt2Shape,
    checkpoint: Checkpoint,
    settings: ProductSettings,
  ) {
    this.#graph = graph;
    this.#shape = shape;
    this.#checkpoint = checkpoint;
    this.#settings = settings;
    this.#prefix = checkpoint.has('transformer.wte.weight') ? 'transformer.' : '';
  }

  build(): OnnxModel {
    const { vocabulary, hidden, layers, tied } = this.#shape;
    const isQuantised = this.#settings.bits !== undefined;
    const embedding = this.#take('wte.weight', [vocabulary, hidden]);
    const head = tied
      ? tiedHead(this.#checkpoint, embedding)
      : this.#checkpoint.take('lm_head.weight', [vocabulary, hidden]);
    const { activations, table } = addEmbedding(this.#graph, embedding, this.#shape, isQuantised);
    const lengths = addLengths(this.#graph);
    const sum = this.#graph.node('Add', [activations, this.#positions()], '/model/wpe/Add');
    const norm = this.#norm('h.0.ln_1');
    let stream: Stream = {
      sum,
      normed: this.#graph.node('LayerNormalization', [sum, ...norm], '/model/layers.0/ln_1', {
        integers: { axis: -1, stash_type: 1 },
        floats: { epsilon: this.#shape.normEpsilon },
      }),
    };
    for (let layer = 0; layer < layers; layer++) stream = this.#layer(layer, stream, lengths);
    const shared = tied && !isQuantised ? table : undefined;
    const product = { sources: [head], rows: vocabulary, columns: hidden, shared };
    addHead(this.#graph, stream.normed, product, this.#settings);
    // masks of the past, which are no weights
    this.#checkpoint.skip(/^(transformer\.)?h\.\d+\.attn\.(masked_)?bias$/);
    this.#checkpoint.assertAllTaken();
    const { inputs, outputs } = declarationsOf(this.#shape, this.#graph.element, true);
    return this.#graph.build('decoder', inputs, outputs);
  }

  #take(name: string, shape: readonly number[]): Weight {
    return this.#checkpoint.take(`${this.#prefix}${name}`, shape);
  }

  #positions(): string {
    const { context, hidden } = this.#shape;
    const sources = [this.#take('wpe.weight', [context, hidden])];
    const table = this.#graph.weights('model.embed_positions.weight', [context, hidden], sources);
    return this.#graph.node('Gather', [table, 'position_ids'], '/model/wpe/Gather');
  }

  /** A norm's weights and biases. */
  #norm(name: string): string[] {
    const size = [this.#shape.hidden];
    return ['weight', 'bias'].map((kind) =>
      this.#graph.weights(`model.${name}.${kind}`, size, [this.#take(`${name}.${kind}`, size)]),
    );
  }

  #addAndNorm(sum: string, made: string, part: string, isLast = false): Stream {
    const name = `/model/${part.replace(/^h\./, 'layers.')}`;
    const normed = `${name}/output_0`;
    const fresh = isLast ? '' : `${name}/output_3`;
    const inputs = [sum, made, ...this.#norm(part)];
    const outputs = isLast ? [normed] : [normed, '', '', fresh];
    this.#graph.nodeWith('SkipLayerNormalization', inputs, outputs, name, {
      domain: MICROSOFT,
      floats: { epsilon: this.#shape.normEpsilon },
    });
    return { sum: fresh, normed };
  }

  #project(input: string, name: string, rows: number, columns: number): string {
    const matrix = {
      name: `/model/${name.replace(/^h\./, 'layers.').replace(/\.(\w+)\.(\w+)$/, '/$1/$2')}`,
      sources: [this.#take(`${name}.weight`, [columns, rows])],
      rows,
      columns,
      transposed: true,
      biases: [this.#take(`${name}.bias`, [rows])],
    };
    return addProduct(this.#graph, input, matrix, this.#settings);
  }

  #layer(layer: number, { sum, normed }: Stream, lengths: Lengths): Stream {
    const { hidden, intermediate, layers, headSize, attentionScale } = this.#shape;
    const path = (part: string): string => `h.${layer}.${part}`;
    const packed = this.#project(normed, path('attn.c_attn'), 3 * hidden, hidden);
    const attention = addAttention(this.#graph, layer, [packed, '', ''], lengths, {
      ...this.#shape,
      scale: attentionScale ?? 1 / Math.sqrt(headSize),
    });
    const mixed = this.#project(attention, path('attn.c_proj'), hidden, hidden);
    const between = this.#addAndNorm(sum, mixed, path('ln_2'));
    const wide = this.#project(between.normed, path('mlp.c_fc'), intermediate, hidden);
    const active = this.#graph.node('FastGelu', [wide], `/model/layers.${layer}/mlp/act`, {
      domain: MICROSOFT,
    });
    const made = this.#project(active, path('mlp.c_proj'), hidden, intermediate);
    const isLast = layer + 1 === layers;
    return this.#addAndNorm(between.sum, made, isLast ? 'ln_f' : `h.${layer + 1}.ln_1`, isLast);
  }
}

/**
 * The graph of GPT-2.
 * @throws BitmodelError `BAD_CHECKPOINT` where a weight is missing, left over, or of another shape
 */
export function buildGpt2(
  graph: GraphBuilder,
  shape: Gpt2Shape,
  checkpoint: Checkpoint,
  settings: ProductSettings,
): OnnxModel {
  return new Gpt2Graph(graph, shape, checkpoint, settings).build();
}
