import { type ByteSource, fieldsOf, textOf, type WireField } from './wire.js';

/** How a graph's attention uses what it is fed, as far as its nodes show. */
export interface AttentionUse {
  /**
   * Whether every key and value of the cache goes into GroupQueryAttention and out of it and nowhere else. That operator
   * goes by stated lengths, not by the size of the cache, so the cache may be larger than what it holds, and the tensor
   * that comes in may be the one that goes out.
   */
  readonly inPlace: boolean;
  /**
   * Whether, beyond that, the attention mask says nothing but each row's length (its sum) and the greatest (its width), so
   * that rows of different lengths can be computed in one run.
   */
  readonly batches: boolean;
}

/** Field numbers of ONNX's protobuf schema (onnx/onnx.proto3). */
const MODEL_GRAPH = 7;
const GRAPH = { node: 1, input: 11 } as const;
const NODE = { input: 1, output: 2, opType: 4, attribute: 5, domain: 7 } as const;
const ATTRIBUTE = { graph: 6, graphs: 11 } as const;

/** Inputs and outputs of com.microsoft's GroupQueryAttention (onnxruntime, docs/ContribOperators.md). */
const GROUP_QUERY = 'GroupQueryAttention';
const IN = { pastKey: 3, pastValue: 4, lengths: 5, width: 6, bias: 10 } as const;
const OUT = { presentKey: 1, presentValue: 2 } as const;
const MASK = 'attention_mask';

/** What exports put between the mask and the lengths. */
const PLAIN = ['Cast', 'Identity', 'Sub', 'Add', 'Squeeze', 'Unsqueeze', 'Reshape'];
const SUMS = new Set([...PLAIN, 'ReduceSum']);
const WIDTHS = new Set([...PLAIN, 'Gather', 'Slice', 'ReduceMax']);

interface Node {
  readonly opType: string;
  readonly isGroupQuery: boolean;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly hasGraph: boolean;
}

function readNode(source: ByteSource, field: WireField): Node {
  const parts = [...fieldsOf(source, field.start, field.end)];
  const texts = (number: number): string[] =>
    parts.filter((part) => part.number === number).map((part) => textOf(source, part));
  const hasGraph = parts
    .filter(({ number }) => number === NODE.attribute)
    .some((attribute) =>
      [...fieldsOf(source, attribute.start, attribute.end)].some(
        ({ number }) => number === ATTRIBUTE.graph || number === ATTRIBUTE.graphs,
      ),
    );
  const opType = texts(NODE.opType)[0] ?? '';
  return {
    opType,
    isGroupQuery: opType === GROUP_QUERY && texts(NODE.domain)[0] === 'com.microsoft',
    inputs: texts(NODE.input),
    outputs: texts(NODE.output),
    hasGraph,
  };
}

/** `past_key_values.0.key` → `present.0.key`, `past_conv.0` → `present_conv.0`. */
export function presentName(past: string): string {
  return past.replace(/^past_key_values/, 'present').replace(/^past/, 'present');
}

type Users = ReadonlyMap<string, readonly { readonly node: Node; readonly at: number }[]>;

function usersOf(nodes: readonly Node[]): Users {
  const users = new Map<string, { node: Node; at: number }[]>();
  for (const node of nodes) {
    for (const [at, name] of node.inputs.entries()) {
      if (name === '') continue;
      const list = users.get(name) ?? [];
      list.push({ node, at });
      users.set(name, list);
    }
  }
  return users;
}

function isHeldInPlace(past: string, users: Users): boolean {
  const [user, ...others] = users.get(past) ?? [];
  if (user === undefined || others.length > 0 || !user.node.isGroupQuery) return false;
  const present = presentName(past);
  if (user.node.inputs[IN.bias] || (users.get(present) ?? []).length > 0) return false;
  return (
    (user.at === IN.pastKey && user.node.outputs[OUT.presentKey] === present) ||
    (user.at === IN.pastValue && user.node.outputs[OUT.presentValue] === present)
  );
}

/** Whether tensors go through these operators alone, and into this input of the attention alone. */
function leadTo(
  tensors: readonly string[],
  input: number,
  through: ReadonlySet<string>,
  users: Users,
): boolean {
  // grows as it is walked; each name once, since a broken graph may go in circles
  const reached = new Set(tensors);
  for (const tensor of reached) {
    for (const { node, at } of users.get(tensor) ?? []) {
      if (node.isGroupQuery ? at !== input : !through.has(node.opType)) return false;
      if (!node.isGroupQuery) for (const output of node.outputs) reached.add(output);
    }
  }
  return true;
}

/** The mask's sum must be the rows' lengths, and its width the greatest of them. */
function masksOnlyLengths(users: Users): boolean {
  const uses = users.get(MASK) ?? [];
  const has = (opType: string): boolean => uses.some(({ node }) => node.opType === opType);
  if (!has('ReduceSum') || !has('Shape')) return false;
  return uses.every(({ node }) => {
    if (node.opType === 'Shape') return leadTo(node.outputs, IN.width, WIDTHS, users);
    return node.opType === 'ReduceSum' && leadTo(node.outputs, IN.lengths, SUMS, users);
  });
}

/**
 * Reads how a graph's attention uses its cache and its mask.
 * @throws BitmodelError `BAD_ONNX`
 */
export function readAttentionUse(source: ByteSource): AttentionUse {
  const nodes: Node[] = [];
  const inputs: string[] = [];
  for (const model of fieldsOf(source, 0, source.size)) {
    if (model.number !== MODEL_GRAPH) continue;
    for (const field of fieldsOf(source, model.start, model.end)) {
      if (field.number === GRAPH.node) nodes.push(readNode(source, field));
      else if (field.number === GRAPH.input) {
        const name = [...fieldsOf(source, field.start, field.end)].find((p) => p.number === 1);
        if (name) inputs.push(textOf(source, name));
      }
    }
  }
  const past = inputs.filter((name) => presentName(name) !== name);
  // a graph within a node sees the tensors around it by name
  const isFlat = nodes.every(({ hasGraph }) => !hasGraph);
  const users = usersOf(nodes);
  const inPlace = isFlat && past.length > 0 && past.every((name) => isHeldInPlace(name, users));
  return { inPlace, batches: inPlace && masksOnlyLengths(users) };
}
