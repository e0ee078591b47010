import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { asField, contents, fieldsOf, integerField, textField } from '#src/model/onnx/fields.js';
import {
  type Declaration,
  type GraphNode,
  makeModel,
  makeNode,
  writeOnnx,
} from '#src/model/onnx/graph.js';
import { ELEMENT, writeTensor } from '#src/model/onnx/tensor.js';

const VOCABULARY = 2048;
const WIDTH = 4;

const ids = (name: string, ...shape: (string | number)[]): Declaration => ({
  name,
  type: ELEMENT.int64,
  shape,
});

/** An initialiser of int64 numbers. */
export function integers(name: string, values: readonly bigint[], dims = [values.length]) {
  return [name, writeTensor(name, ELEMENT.int64, dims, BigInt64Array.from(values))] as const;
}

/** An initialiser of binary32 numbers. */
export function floats(name: string, dims: readonly number[], value = 0.5) {
  const size = dims.reduce((product, n) => product * n, 1);
  const data = new Float32Array(size).fill(value);
  return [name, writeTensor(name, ELEMENT.float, dims, data)] as const;
}

/** What of a graph is not as usual. */
export interface Oddity {
  /** Nodes that make `extra`, one number that is added to all logits. */
  readonly nodes?: readonly GraphNode[];
  readonly initializers?: readonly (readonly [string, Uint8Array])[];
  readonly opset?: number;
  /** Of the embedding. */
  readonly value?: number;
}

/** A graph from ids to logits, without a cache, of the bundled tokenizer's vocabulary. */
export function graphWith({
  nodes = [],
  initializers = [],
  opset = 17,
  value,
}: Oddity): Uint8Array {
  const plain = nodes.length === 0;
  return writeOnnx(
    makeModel({
      name: 'odd',
      inputs: [ids('input_ids', 'batch', 'sequence'), ids('attention_mask', 'batch', 'total')],
      outputs: [{ name: 'logits', type: ELEMENT.float, shape: ['batch', 'sequence', VOCABULARY] }],
      opsets: { '': opset, 'com.microsoft': 1 },
      nodes: [
        makeNode('Gather', ['embedding', 'input_ids'], ['hidden']),
        ...nodes,
        makeNode('MatMul', ['hidden', 'head'], [plain ? 'logits' : 'product']),
        ...(plain ? [] : [makeNode('Add', ['product', 'extra'], ['logits'])]),
      ],
      initializers: new Map([
        floats('embedding', [VOCABULARY, WIDTH], value),
        floats('head', [WIDTH, VOCABULARY]),
        ...initializers,
      ]),
    }),
  );
}

/** `extra` = least integer / (6 − greatest id): the quotient of the least one by −1 stops x86 processors. */
export const CRASHES_AT_7: Oddity = {
  nodes: [
    makeNode('ReduceMax', ['input_ids'], ['greatest'], { integers: { keepdims: 0 } }),
    makeNode('Sub', ['six', 'greatest'], ['divisor']),
    makeNode('Div', ['least', 'divisor'], ['quotient']),
    makeNode('Cast', ['quotient'], ['extra'], { integers: { to: ELEMENT.float } }),
  ],
  initializers: [integers('six', [6n], []), integers('least', [-(2n ** 63n)], [])],
};

const BOOL = 9;

/** `ModelProto.graph` of a model. */
function graphOf(model: Uint8Array): Uint8Array {
  return contents(fieldsOf(model), 7)[0]!;
}

/** `extra` = 0, by a loop that goes on while the greatest id is this one. */
export function endlessAt(id: bigint): Oddity {
  const scalar = (name: string, type: number): Declaration => ({ name, type, shape: [] });
  const body = writeOnnx(
    makeModel({
      name: 'body',
      inputs: [
        scalar('round', ELEMENT.int64),
        scalar('going', BOOL),
        scalar('carried', ELEMENT.float),
      ],
      outputs: [scalar('still', BOOL), scalar('on', ELEMENT.float)],
      opsets: { '': 17 },
      nodes: [
        makeNode('Identity', ['going'], ['still']),
        makeNode('Identity', ['carried'], ['on']),
      ],
      initializers: new Map(),
    }),
  );
  const loop = makeNode('Loop', ['', 'matches', 'zero'], ['extra']);
  const attribute = asField(5, [
    ...textField(1, 'body'),
    ...asField(6, [graphOf(body)]),
    integerField(20, 5),
  ]);
  return {
    nodes: [
      makeNode('ReduceMax', ['input_ids'], ['greatest'], { integers: { keepdims: 0 } }),
      makeNode('Equal', ['greatest', 'id'], ['matches']),
      { ...loop, rest: [...loop.rest, ...attribute] },
    ],
    initializers: [integers('id', [id], []), floats('zero', [], 0)],
  };
}

/** As soon as it is loaded, since the quotient is one of constants. */
export const CRASHES_WHEN_LOADED: Oddity = {
  nodes: [
    makeNode('Div', ['least', 'minus'], ['quotient']),
    makeNode('Cast', ['quotient'], ['extra'], { integers: { to: ELEMENT.float } }),
  ],
  initializers: [integers('minus', [-1n], []), integers('least', [-(2n ** 63n)], [])],
};

/** A folder with the bundled model's texts, and files of its own. */
export function bundleWith(
  dir: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): string {
  for (const file of ['config.json', 'generation_config.json', 'tokenizer.json']) {
    cpSync(join('fixtures/bitmodel-tiny', file), join(dir, file));
  }
  mkdirSync(join(dir, 'onnx'), { recursive: true });
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), bytes);
  }
  return dir;
}
