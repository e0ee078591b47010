import {
  ELEMENT,
  makeNode,
  type OnnxModel,
  readOnnx,
  writeOnnx,
  writeTensor,
} from '../../../model/index.js';
import { type GraphVariant, unrecognised } from './variant.js';

/** Codes of a cache in 8 bits stand for multiples of this share of one: −8 to 7.94. */
const STEPS = 16;
const LEAST = -128;
const MOST = 127;

const scalar = (name: string, value: number): [string, Uint8Array] => [
  name,
  writeTensor(name, ELEMENT.float, [], Float32Array.of(value)),
];

/** The model with every reader of one tensor reading another. */
function readInstead(model: OnnxModel, instead: ReadonlyMap<string, string>): OnnxModel['nodes'] {
  return model.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((name) => instead.get(name) ?? name),
  }));
}

/** The same model on a KV cache of 8 bits: keys and values that it reads back are rounded to multiples of 1/16, from −8 to 7.94. */
export const quantisedCache: GraphVariant = (bytes) => {
  const model = readOnnx(bytes);
  const caches = model.inputs.filter((name) => /^past_key_values\.\d+\.(key|value)$/.test(name));
  if (caches.length === 0) throw unrecognised('it has no past_key_values inputs');
  const constants = [
    scalar('cache.steps', STEPS),
    scalar('cache.least', LEAST),
    scalar('cache.most', MOST),
  ];
  const rounding = caches.flatMap((cache) => [
    makeNode('Mul', [cache, 'cache.steps'], [`${cache}.scaled`]),
    makeNode('Round', [`${cache}.scaled`], [`${cache}.rounded`]),
    makeNode('Clip', [`${cache}.rounded`, 'cache.least', 'cache.most'], [`${cache}.clipped`]),
    makeNode('Div', [`${cache}.clipped`, 'cache.steps'], [`${cache}.coarse`]),
  ]);
  const nodes = readInstead(model, new Map(caches.map((cache) => [cache, `${cache}.coarse`])));
  return writeOnnx({
    ...model,
    nodes: [...rounding, ...nodes],
    initializers: new Map([...model.initializers, ...constants]),
  });
};

/**
 * The same model with a seller's error in counting: every position from the given one on is taken as one later, as by a cache
 * that was filled with one token too many.
 */
export function positionsOffByOne(from: number): GraphVariant {
  return (bytes) => {
    const model = readOnnx(bytes);
    // attention that counts by itself (GroupQueryAttention) leaves nothing to count wrongly
    if (!model.nodes.some(({ inputs }) => inputs.includes('position_ids'))) {
      throw unrecognised('nothing in it reads position_ids');
    }
    const first = writeTensor('off.from', ELEMENT.int64, [], BigInt64Array.of(BigInt(from)));
    const late = [
      makeNode('GreaterOrEqual', ['position_ids', 'off.from'], ['off.is_late']),
      makeNode('Cast', ['off.is_late'], ['off.one'], { integers: { to: ELEMENT.int64 } }),
      makeNode('Add', ['position_ids', 'off.one'], ['off.position_ids']),
    ];
    const nodes = readInstead(model, new Map([['position_ids', 'off.position_ids']]));
    return writeOnnx({
      ...model,
      nodes: [...late, ...nodes],
      initializers: new Map([...model.initializers, ['off.from', first]]),
    });
  };
}
