import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import * as ort from 'onnxruntime-node';
import protobuf from 'protobufjs/minimal.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { sha256, toHex } from '#src/base/index.js';
import { readOnnx, writeOnnx } from '#src/model/onnx/graph.js';
import { bypassLastLayer } from '#src/rastic/attacks/variants/bypassLayers.js';

const file = new Uint8Array(readFileSync('fixtures/bitmodel-tiny/onnx/model.onnx'));
const LAYERS = 6;
const KV_HEADS = 2;
const HEAD_SIZE = 32;
const PAST = 3;

/** Logits after two tokens, on a cache of three positions filled with `fill(layer)`. */
async function logits(session: ort.InferenceSession, fill: (layer: number) => number) {
  const int64 = (values: number[]) =>
    new ort.Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
  const feeds: Record<string, ort.Tensor> = {
    input_ids: int64([300, 17]),
    attention_mask: int64([1, 1, 1, 1, 1]),
    position_ids: int64([3, 4]),
  };
  for (let layer = 0; layer < LAYERS; layer++) {
    for (const part of ['key', 'value']) {
      const data = new Float32Array(KV_HEADS * PAST * HEAD_SIZE).fill(fill(layer));
      feeds[`past_key_values.${layer}.${part}`] = new ort.Tensor('float32', data, [
        1,
        KV_HEADS,
        PAST,
        HEAD_SIZE,
      ]);
    }
  }
  return (await session.run(feeds)).logits!.data as Float32Array;
}

interface Node {
  readonly op: string;
  readonly inputs: string[];
  readonly outputs: string[];
}

/** A model of nothing but wiring. */
function wiring(nodes: readonly Node[], caches: readonly number[], outputs = ['logits']) {
  const graph = protobuf.Writer.create();
  for (const { op, inputs, outputs: made } of nodes) {
    graph.uint32(10).fork();
    for (const name of inputs) graph.uint32(10).string(name);
    for (const name of made) graph.uint32(18).string(name);
    graph.uint32(34).string(op).ldelim();
  }
  const value = (tag: number, name: string) =>
    graph.uint32(tag).fork().uint32(10).string(name).ldelim();
  for (const name of ['input_ids', ...caches.map((n) => `past_key_values.${n}.key`)]) {
    value(90, name);
  }
  for (const name of outputs) value(98, name);
  return protobuf.Writer.create().uint32(58).bytes(graph.finish()).finish();
}

const node = (op: string, inputs: string[], outputs: string[]): Node => ({ op, inputs, outputs });

/** Two layers with fused norms, as in the graphs of ONNX Runtime's model builder. */
const FUSED = 'SkipSimplifiedLayerNormalization';
const fusedLayers: Node[] = [
  node('Gather', ['embed', 'input_ids'], ['x']),
  node('SimplifiedLayerNormalization', ['x', 'g0'], ['n0']),
  node('GroupQueryAttention', ['n0', 'past_key_values.0.key'], ['a0']),
  node(FUSED, ['x', 'a0', 'g1'], ['n1', '', '', 'm0']),
  node('MatMul', ['n1', 'w0'], ['f0']),
  node(FUSED, ['m0', 'f0', 'g2'], ['n2', '', '', 'x1']),
  node('GroupQueryAttention', ['n2', 'past_key_values.1.key'], ['a1']),
  node(FUSED, ['x1', 'a1', 'g3'], ['n3', '', '', 'm1']),
  node('MatMul', ['n3', 'w1'], ['f1']),
  node(FUSED, ['m1', 'f1', 'g4'], ['n4']),
  node('MatMul', ['n4', 'head'], ['logits']),
];

describe('the graph without its last layer', () => {
  let honest: ort.InferenceSession;
  let bypassed: ort.InferenceSession;
  beforeAll(async () => {
    honest = await ort.InferenceSession.create(file);
    bypassed = await ort.InferenceSession.create(bypassLastLayer(file));
  });

  it('runs with the same inputs and outputs, and gives other logits', async () => {
    expect(bypassed.inputNames).toEqual(honest.inputNames);
    expect(bypassed.outputNames).toEqual(honest.outputNames);
    const [a, b] = [await logits(honest, () => 0.1), await logits(bypassed, () => 0.1)];
    expect(b.every(Number.isFinite)).toBe(true);
    expect(a).not.toEqual(b);
  });

  it("does not read the last layer's cache, but still the one before", async () => {
    const base = await logits(bypassed, () => 0.1);
    expect(await logits(bypassed, (layer) => (layer === 5 ? 0.7 : 0.1))).toEqual(base);
    expect(await logits(bypassed, (layer) => (layer === 4 ? 0.7 : 0.1))).not.toEqual(base);
    const whole = await logits(honest, () => 0.1);
    expect(await logits(honest, (layer) => (layer === 5 ? 0.7 : 0.1))).not.toEqual(whole);
  });

  it('changes only who reads the stream after the last layer', () => {
    const before = readOnnx(file).nodes;
    const after = readOnnx(bypassLastLayer(file)).nodes;
    const changed = after.filter((n, i) => n.inputs.join() !== before[i]!.inputs.join());
    expect(changed.map(({ opType, inputs }) => [opType, inputs[0]])).toEqual([
      ['Pow', 'model.layers.4.res2'],
      ['Div', 'model.layers.4.res2'],
    ]);
  });

  it('hands a fused norm the addends of the stream before the layer', () => {
    const { nodes } = readOnnx(bypassLastLayer(wiring(fusedLayers, [0, 1])));
    expect(nodes.at(-2)!.inputs).toEqual(['m0', 'f0', 'g4']);
    expect(nodes.slice(0, -2).map(({ inputs }) => inputs)).toEqual(
      fusedLayers.slice(0, -2).map(({ inputs }) => inputs),
    );
  });

  it('is refused where the structure is not recognised', () => {
    const plain = [node('MatMul', ['input_ids', 'w'], ['logits'])];
    const sideDoor = [
      ...fusedLayers.slice(0, -1),
      node('MatMul', ['n4', 'head'], ['h']),
      node('Mul', ['h', 'a1'], ['logits']),
    ];
    for (const bytes of [
      wiring(plain, []),
      wiring(plain, [0, 1]),
      wiring(fusedLayers, [0, 1], ['last_hidden_state']),
      wiring(sideDoor, [0, 1]),
    ]) {
      expect(() => bypassLastLayer(bytes)).toThrow(
        expect.objectContaining({ code: 'GRAPH_NOT_RECOGNISED' }),
      );
    }
  });
});

describe('ONNX bytes', () => {
  it('keep everything but the wiring', () => {
    const model = readOnnx(file);
    const again = readOnnx(writeOnnx(model));
    expect(again.nodes).toEqual(model.nodes);
    expect(again.inputs).toEqual(model.inputs);
    const digests = ({ initializers }: typeof model) =>
      [...initializers].map(([name, tensor]) => [name, toHex(sha256(tensor))]);
    expect(digests(again)).toEqual(digests(model));
  });

  it('that are cut or foreign are an error of ours', () => {
    const small = wiring(fusedLayers, [0, 1]);
    for (let length = 0; length < small.length; length++) {
      expect(() => bypassLastLayer(small.subarray(0, length))).toThrow(
        expect.objectContaining({ name: 'BitmodelError' }),
      );
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(() => bypassLastLayer(bytes)).toThrow(
          expect.objectContaining({ name: 'BitmodelError' }),
        );
      }),
    );
  });
});
