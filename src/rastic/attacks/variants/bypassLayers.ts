import { type GraphNode, type OnnxModel, readOnnx, writeOnnx } from '../../../model/index.js';
import { type GraphVariant, unrecognised } from './variant.js';

/** ONNX Runtime's fused "add, then normalise" operations; they take the two addends as inputs 0 and 1 and may hand out the sum as output 3. */
const FUSED = new Set(['SkipLayerNormalization', 'SkipSimplifiedLayerNormalization']);
const FUSED_SUM = 3;
/** Graph inputs that carry the tokens. */
const TOKENS = ['input_ids', 'inputs_embeds'] as const;

/** A place where the residual stream is added to: x + f(x). */
interface ResidualAdd {
  readonly node: GraphNode;
  /** The stream as it was before. */
  readonly stream: string;
  /** The stream as it is after; absent where a fused node keeps the sum to itself. */
  readonly sum: string | undefined;
}

/** Which tensor is made by which node, and who depends on whom. */
class Wiring {
  readonly #producers = new Map<string, GraphNode>();

  constructor(nodes: readonly GraphNode[]) {
    for (const node of nodes) for (const name of node.outputs) this.#producers.set(name, node);
    this.#producers.delete('');
  }

  producer(tensor: string): GraphNode | undefined {
    return this.#producers.get(tensor);
  }

  /** Nodes from which the tensor is computed, those nearest to it first, and the names of all that they take or make. */
  upstream(tensor: string): { nodes: GraphNode[]; tensors: Set<string> } {
    const tensors = new Set([tensor]);
    const nodes = new Set<GraphNode>();
    for (const tensorName of tensors) {
      const node = this.#producers.get(tensorName);
      if (node === undefined || nodes.has(node)) continue;
      nodes.add(node);
      // a fused node makes the sum beside the normalised tensor from which the layer goes on
      for (const name of [...node.inputs, ...node.captures, ...node.outputs]) {
        if (name !== '') tensors.add(name);
      }
    }
    return { nodes: [...nodes], tensors };
  }

  dependsOn(tensor: string, ancestor: string): boolean {
    return this.upstream(tensor).tensors.has(ancestor);
  }
}

/** Reads a node as x + f(x): a sum of two tensors one of which is computed from the other. */
function residualAdd(node: GraphNode, wiring: Wiring): ResidualAdd | undefined {
  const fused = FUSED.has(node.opType);
  const [a, b] = node.inputs;
  if ((node.opType !== 'Add' && !fused) || !a || !b) return undefined;
  const stream = wiring.dependsOn(b, a) ? a : wiring.dependsOn(a, b) ? b : undefined;
  // shared constants and masks may be addends too; the stream is what carries the tokens
  if (stream === undefined || !TOKENS.some((input) => wiring.dependsOn(stream, input))) {
    return undefined;
  }
  return { node, stream, sum: (fused ? node.outputs[FUSED_SUM] : node.outputs[0]) || undefined };
}

/** The last place at which the stream is added to before `tensor` is computed, if there is one. */
function lastAdd(tensor: string, wiring: Wiring): ResidualAdd | undefined {
  for (const node of wiring.upstream(tensor).nodes) {
    const add = residualAdd(node, wiring);
    if (add !== undefined) return add;
  }
  return undefined;
}

/** The places at which the stream is added to on its way to the logits, first to last. */
function residualAdds(model: OnnxModel, wiring: Wiring): ResidualAdd[] {
  const adds: ResidualAdd[] = [];
  let add = lastAdd('logits', wiring);
  while (add !== undefined) {
    if (adds.length === model.nodes.length) throw unrecognised('the graph runs in a circle');
    adds.unshift(add);
    add = lastAdd(add.stream, wiring);
  }
  return adds;
}

const cacheOf = (layer: number): string => `past_key_values.${layer}.key`;

/**
 * Numbers of a decoder's layers by its cache inputs, ascending.
 * @throws BitmodelError `GRAPH_NOT_RECOGNISED` where there are fewer than two
 */
function layersOf(model: OnnxModel): number[] {
  const layers = model.inputs.flatMap((name) => {
    const layer = /^past_key_values\.(\d+)\.key$/.exec(name)?.[1];
    return layer === undefined ? [] : [Number(layer)];
  });
  if (layers.length < 2) {
    throw unrecognised('the graph has fewer than two past_key_values.N.key inputs');
  }
  return layers.sort((a, b) => a - b);
}

/** Where the stream enters a layer, and the addition with which the layer ends. */
function boundsOf(
  layer: number,
  layers: readonly number[],
  adds: readonly ResidualAdd[],
  wiring: Wiring,
): { entry: string; exit: ResidualAdd } {
  const reads = (add: ResidualAdd, other: number): boolean =>
    add.node.outputs.some((name) => name !== '' && wiring.dependsOn(name, cacheOf(other)));
  const own = adds.filter(
    (add) => reads(add, layer) && !layers.some((other) => other > layer && reads(add, other)),
  );
  const [first] = own;
  if (first === undefined) throw unrecognised(`no sum x + f(x) belongs to layer ${layer}`);
  return { entry: first.stream, exit: own.at(-1)! };
}

/** Puts what stood before the layer in the place of what the layer's last addition gives. */
function rewire(model: OnnxModel, add: ResidualAdd, entry: string, wiring: Wiring): GraphNode[] {
  const swap = (node: GraphNode): GraphNode => ({
    ...node,
    inputs: node.inputs.map((name) => (name === add.sum ? entry : name)),
  });
  if (!FUSED.has(add.node.opType)) return model.nodes.map(swap);
  // A fused node adds by itself, so it is handed the two addends whose sum the stream was at the layer's entry.
  const before = wiring.producer(entry);
  const addends = before === undefined ? undefined : residualAdd(before, wiring);
  if (before === undefined || addends === undefined) {
    throw unrecognised(`"${entry}" is not a sum that the fused normalisation could take`);
  }
  const inputs = [...before.inputs.slice(0, 2), ...add.node.inputs.slice(2)];
  return model.nodes.map((node) => (node === add.node ? { ...node, inputs } : node));
}

function bypass(model: OnnxModel, layer: number): OnnxModel {
  const layers = layersOf(model);
  const wiring = new Wiring(model.nodes);
  const { entry, exit } = boundsOf(layer, layers, residualAdds(model, wiring), wiring);
  const rewired = { ...model, nodes: rewire(model, exit, entry, wiring) };
  const after = new Wiring(rewired.nodes);
  for (const other of layers) {
    const before = wiring.dependsOn('logits', cacheOf(other));
    if (after.dependsOn('logits', cacheOf(other)) !== (before && other !== layer)) {
      throw unrecognised(`the logits reach layer ${layer} by another way too`);
    }
  }
  return rewired;
}

/**
 * A decoder's ONNX graph with some transformer layers bypassed: whoever read the residual stream after a layer reads it as
 * it was before. Keys and values of that layer are still made, so that the graph's inputs and outputs stay the same.
 * A layer is found by structure alone: from the logits back along the sums x + f(x), those that depend on its cache but on no
 * later layer's. Where norms are fused with sums, the first layer can't be left out.
 * @param pick layers to leave out, of those that there are, ascending
 * @returns a function of an ONNX model with `logits` and `past_key_values.N.key` (onnx-community layout), which throws
 *   BitmodelError `BAD_ONNX`, or `GRAPH_NOT_RECOGNISED` where the structure isn't there
 */
export function bypassLayers(pick: (layers: readonly number[]) => readonly number[]): GraphVariant {
  return (bytes) => {
    const model = readOnnx(bytes);
    if (!model.outputs.includes('logits')) throw unrecognised('the graph has no output "logits"');
    return writeOnnx(pick(layersOf(model)).reduce(bypass, model));
  };
}

/** Without the last transformer layer. */
export const bypassLastLayer: GraphVariant = bypassLayers((layers) => layers.slice(-1));

/** Without every second transformer layer: half of the work. */
export const bypassHalf: GraphVariant = bypassLayers((layers) =>
  layers.filter((_, i) => i % 2 === 1),
);
