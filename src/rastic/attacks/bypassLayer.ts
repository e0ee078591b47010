import { BitmodelError } from '../../base/index.js';
import { type GraphNode, type OnnxModel, readOnnx, writeOnnx } from './onnxGraph.js';

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

function unrecognised(why: string): BitmodelError {
  return new BitmodelError('GRAPH_NOT_RECOGNISED', `The last layer was not found: ${why}.`, {
    next: 'Use a decoder in the onnx-community layout with past_key_values inputs, such as the bundled one',
  });
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

/** The last place at which the stream is added to before `tensor` is computed. */
function lastAdd(tensor: string, wiring: Wiring): ResidualAdd {
  for (const node of wiring.upstream(tensor).nodes) {
    const add = residualAdd(node, wiring);
    if (add !== undefined) return add;
  }
  throw unrecognised(`nothing before "${tensor}" adds to a residual stream`);
}

/** The cache inputs that only the last layer reads, e.g. `past_key_values.5.key`, and only the one before it. */
function lastCaches(model: OnnxModel): { last: string; previous: string } {
  const layers = model.inputs.flatMap((name) => {
    const layer = /^past_key_values\.(\d+)\.key$/.exec(name)?.[1];
    return layer === undefined ? [] : [Number(layer)];
  });
  if (layers.length < 2) {
    throw unrecognised('the graph has fewer than two past_key_values.N.key inputs');
  }
  const last = Math.max(...layers);
  return { last: `past_key_values.${last}.key`, previous: `past_key_values.${last - 1}.key` };
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
  return model.nodes.map((node) => (node === add.node ? { ...node, inputs } : swap(node)));
}

/**
 * A decoder's ONNX graph with its last transformer layer bypassed: whoever read the residual stream after the layer reads
 * it as it was before. Keys and values of that layer are still made, so that the graph's inputs and outputs stay the same.
 * The layer is found by structure alone: from the logits back along the sums x + f(x), to the first stream that does not
 * depend on the last layer's cache.
 * @param bytes an ONNX model with `logits` and `past_key_values.N.key` (onnx-community layout), plain or with fused norms
 * @throws BitmodelError `BAD_ONNX`, or `GRAPH_NOT_RECOGNISED` where the structure isn't there
 */
export function bypassLastLayer(bytes: Uint8Array): Uint8Array {
  const model = readOnnx(bytes);
  if (!model.outputs.includes('logits')) throw unrecognised('the graph has no output "logits"');
  const caches = lastCaches(model);
  const wiring = new Wiring(model.nodes);
  const last = lastAdd('logits', wiring);
  let entry = last.stream;
  for (let steps = 0; wiring.dependsOn(entry, caches.last); steps++) {
    if (steps === model.nodes.length) throw unrecognised('the graph runs in a circle');
    entry = lastAdd(entry, wiring).stream;
  }
  const nodes = rewire(model, last, entry, wiring);
  const rewired = new Wiring(nodes);
  if (rewired.dependsOn('logits', caches.last) || !rewired.dependsOn('logits', caches.previous)) {
    throw unrecognised('the logits reach the last layer by another way too');
  }
  return writeOnnx(model, nodes);
}
