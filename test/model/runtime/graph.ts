import protobuf from 'protobufjs/minimal.js';
import { concatBytes, utf8 } from '#src/base/index.js';
import { philoxWord } from '#src/model/index.js';

/** Sizes of the graphs made here; the vocabulary is that of fixtures/bitmodel-tiny, so that its tokenizer serves. */
export const SIZES = { vocabulary: 2048, hidden: 64, heads: 4, kvHeads: 2, head: 16, layers: 2 };
const POSITIONS = 1024;

type Part = Uint8Array;
type Attributes = Readonly<Record<string, number | readonly number[]>>;

const writer = () => protobuf.Writer.create();
const text = (field: number, value: string): Part =>
  writer()
    .uint32((field << 3) | 2)
    .bytes(utf8(value))
    .finish();
const message = (field: number, ...parts: Part[]): Part =>
  writer()
    .uint32((field << 3) | 2)
    .bytes(concatBytes(...parts))
    .finish();
const integer = (field: number, value: number): Part =>
  writer()
    .uint32(field << 3)
    .int64(value)
    .finish();

function tensor(name: string, dims: readonly number[], data: Float32Array | BigInt64Array): Part {
  const type = data instanceof Float32Array ? 1 : 7;
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const bytes = writer()
    .uint32((9 << 3) | 2)
    .bytes(raw)
    .finish();
  return message(
    5,
    ...dims.map((size) => integer(1, size)),
    integer(2, type),
    text(8, name),
    bytes,
  );
}

function attribute(name: string, value: number | readonly number[]): Part {
  if (typeof value === 'number')
    return message(5, text(1, name), integer(3, value), integer(20, 2));
  return message(5, text(1, name), ...value.map((one) => integer(8, one)), integer(20, 7));
}

function declared(
  field: number,
  name: string,
  type: number,
  shape: readonly (number | string)[],
): Part {
  const dims = shape.map((size) =>
    message(1, typeof size === 'number' ? integer(1, size) : text(2, size)),
  );
  return message(
    field,
    text(1, name),
    message(2, message(1, integer(1, type), message(2, ...dims))),
  );
}

/** How the graph's layers keep what came before. */
export type Kind =
  /** GroupQueryAttention, by lengths that are made of the mask. */
  | 'group-query'
  /** The same in binary16. */
  | 'group-query-half'
  /** The same, with a mask that is read by something else too. */
  | 'mask-read'
  /** The same, where one layer's keys are read by something else too. */
  | 'keys-read'
  /** Keys joined to those before, of which only the last 16 are kept. */
  | 'window';

/**
 * A decoder of random weights, always the same, as an ONNX file.
 * @param spoilt a token after which all logits are NaN
 * @param positions to which its tables of rotary embeddings reach
 */
export function makeGraph(
  kind: Kind,
  layers = SIZES.layers,
  spoilt?: number,
  positions = POSITIONS,
): Uint8Array {
  const { vocabulary, hidden, heads, kvHeads, head } = SIZES;
  const isHalf = kind === 'group-query-half';
  const float = isHalf ? 10 : 1;
  const nodes: Part[] = [];
  const tensors: Part[] = [];
  let drawn = 0;
  const weight = (name: string, dims: number[], scale: number): string => {
    const data = new Float32Array(dims.reduce((a, b) => a * b, 1));
    for (let i = 0; i < data.length; i++)
      data[i] = (philoxWord(drawn++, 0, 7, 9) / 2 ** 31 - 1) * scale;
    if (name === 'embedding' && spoilt !== undefined) {
      data.fill(Number.NaN, spoilt * hidden, (spoilt + 1) * hidden);
    }
    tensors.push(tensor(name, dims, data));
    return name;
  };
  const integers = (name: string, dims: number[], values: number[]): string => {
    tensors.push(tensor(name, dims, BigInt64Array.from(values, BigInt)));
    return name;
  };
  const node = (
    op: string,
    inputs: string[],
    outputs: string[],
    attributes: Attributes = {},
    domain = '',
  ) => {
    nodes.push(
      message(
        1,
        ...inputs.map((name) => text(1, name)),
        ...outputs.map((name) => text(2, name)),
        text(3, outputs[0]!),
        text(4, op),
        ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
        text(7, domain),
      ),
    );
    return outputs[0]!;
  };
  const cast = (name: string, to: number): string =>
    node('Cast', [name], [`${name}.${to}`], { to });
  const linear = (x: string, name: string, outputs: number, inputs = hidden): string =>
    node('MatMul', [x, weight(`${name}.w`, [inputs, outputs], 1.5 / Math.sqrt(inputs))], [name]);

  integers('one', [1], [1]);
  integers('one.scalar', [], [1]);
  node('ReduceSum', ['attention_mask', 'one'], ['sum'], { keepdims: 0 });
  node('Sub', ['sum', 'one'], ['len']);
  node('Cast', ['len'], ['seqlens'], { to: 6 });
  node('Shape', ['attention_mask'], ['mask.shape']);
  node('Gather', ['mask.shape', 'one.scalar'], ['width'], { axis: 0 });
  node('Cast', ['width'], ['total'], { to: 6 });
  for (const [name, wave] of [['cos', Math.cos] as const, ['sin', Math.sin] as const]) {
    const table = new Float32Array((positions * head) / 2).map((_, i) => {
      const at = i % (head / 2);
      return wave(Math.floor(i / (head / 2)) / 100 ** (at / (head / 2)));
    });
    tensors.push(tensor(name, [positions, head / 2], table));
  }
  const tables = isHalf ? [cast('cos', 10), cast('sin', 10)] : ['cos', 'sin'];
  if (kind === 'window') {
    integers('heads.shape', [4], [0, 0, kvHeads, head]);
    integers('flat.shape', [3], [0, 1, -1]);
    for (const [name, value] of [
      ['from', -16],
      ['to', 1 << 30],
      ['axis', 2],
    ] as const) {
      integers(name, [1], [value]);
    }
  }
  const attend = (layer: number, x: string): string => {
    const [past, present] = ['key', 'value'].reduce<[string[], string[]]>(
      ([before, after], what) => [
        [...before, `past_key_values.${layer}.${what}`],
        [...after, `present.${layer}.${what}`],
      ],
      [[], []],
    );
    const of = (what: string, width: number): string => linear(x, `${what}.${layer}`, width);
    if (kind !== 'window') {
      const parts = [of('q', heads * head), of('k', kvHeads * head), of('v', kvHeads * head)];
      const fed = isHalf ? parts.map((part) => cast(part, 10)) : parts;
      const out = node(
        'GroupQueryAttention',
        [...fed, ...past, 'seqlens', 'total', ...tables],
        [`attended.${layer}`, ...present],
        { num_heads: heads, kv_num_heads: kvHeads, do_rotary: 1 },
        'com.microsoft',
      );
      return isHalf ? cast(out, 1) : out;
    }
    const kept = ['k', 'v'].map((what, i) => {
      const split = node(
        'Reshape',
        [of(what, kvHeads * head), 'heads.shape'],
        [`${what}.split.${layer}`],
      );
      const turned = node('Transpose', [split], [`${what}.turned.${layer}`], {
        perm: [0, 2, 1, 3],
      });
      const whole = node('Concat', [past[i]!, turned], [`${what}.whole.${layer}`], { axis: 2 });
      node('Slice', [whole, 'from', 'to', 'axis'], [present[i]!]);
      return node('ReduceMean', [present[i]!], [`${what}.mean.${layer}`], {
        axes: [2],
        keepdims: 1,
      });
    });
    const flat = kept.map((one) => node('Reshape', [one, 'flat.shape'], [`${one}.flat`]));
    return node('Concat', flat, [`attended.${layer}`], { axis: 2 });
  };

  let x = node('Gather', [weight('embedding', [vocabulary, hidden], 1), 'input_ids'], ['embedded']);
  for (let layer = 0; layer < layers; layer++) {
    const mixed = linear(attend(layer, x), `o.${layer}`, hidden, hidden);
    const bent = node('Tanh', [mixed], [`bent.${layer}`]);
    x = node('Add', [x, bent], [`x.${layer}`]);
  }
  if (kind === 'mask-read' || kind === 'keys-read') {
    const read = kind === 'mask-read' ? 'attention_mask' : cast('present.0.key', 7);
    node('ReduceMax', [read], ['greatest'], { keepdims: 0 });
    const scale = cast('greatest', 1);
    x = node('Add', [x, node('Sub', [scale, scale], ['nothing'])], ['x.read']);
  }
  linear(x, 'logits', vocabulary);
  const declare = (prefix: string, field: number, axis: string): Part[] =>
    Array.from({ length: layers * 2 }, (_, i) =>
      declared(field, `${prefix}.${i >> 1}.${i % 2 ? 'value' : 'key'}`, float, [
        'batch',
        kvHeads,
        axis,
        head,
      ]),
    );
  const graph = message(
    7,
    ...nodes,
    text(2, 'decoder'),
    ...tensors,
    declared(11, 'input_ids', 7, ['batch', 'sequence']),
    declared(11, 'attention_mask', 7, ['batch', 'total']),
    ...declare('past_key_values', 11, 'past'),
    declared(12, 'logits', 1, ['batch', 'sequence', vocabulary]),
    ...declare('present', 12, 'total'),
  );
  const opset = (domain: string, version: number): Part =>
    message(8, text(1, domain), integer(2, version));
  return concatBytes(integer(1, 8), opset('', 17), opset('com.microsoft', 1), graph);
}
