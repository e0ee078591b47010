import { BitmodelError, messageOf } from '../../base/index.js';
import { presentName } from './attention.js';
import { contents, fieldsOf, texts } from './fields.js';
import { declarationField, makeNode, type OnnxModel, readOnnx, writeOnnx } from './graph.js';
import { ELEMENT, writeTensor } from './tensor.js';

/** Name of the input that `packCache` adds: which rows of the caches (as rows × heads × tokens, flat) are new. */
export const CACHE_ROWS = 'bitmodel.cache_rows';
/** Name of the output that it adds: those rows of all caches, one cache after another. */
export const NEW_ROWS = 'bitmodel.cache_new';
const SHAPE = 'bitmodel.cache_shape';

/** Field numbers of ONNX's protobuf schema (onnx/onnx.proto3). */
const GRAPH = { input: 11, output: 12 } as const;
const VALUE = { name: 1, type: 2 } as const;

interface Declared {
  readonly name: string;
  readonly type: number | undefined;
  /** Sizes; undefined for those that are left open. */
  readonly shape: readonly (number | undefined)[];
}

/** A declaration (ValueInfoProto) of a tensor. */
function readDeclaration(field: Uint8Array): Declared {
  const value = fieldsOf(fieldsOf(field)[0]!.content ?? new Uint8Array());
  const tensor = contents(value, VALUE.type).flatMap((type) => contents(fieldsOf(type), 1));
  const inside = tensor.flatMap((bytes) => fieldsOf(bytes));
  const dims = contents(inside, 2).flatMap((shape) => contents(fieldsOf(shape), 1));
  return {
    name: texts(value, VALUE.name)[0] ?? '',
    type: inside.find(({ number }) => number === 1)?.value,
    shape: dims.map((dim) => fieldsOf(dim).find(({ number }) => number === 1)?.value),
  };
}

/**
 * A graph that gives out only what a run adds to its caches, not the caches with it: ONNX Runtime's binding for Node copies
 * whatever comes out, even what it was told to put into a tensor of the caller's. All additions come in one tensor, in the
 * order of the inputs.
 * @param bytes a graph that keeps its cache in place (`readAttentionUse`)
 * @returns undefined where caches have different shapes, or open ones
 * @throws BitmodelError `BAD_ONNX`
 */
export function packCache(bytes: Uint8Array): Uint8Array | undefined {
  try {
    return packed(readOnnx(bytes));
  } catch (thrown) {
    if (thrown instanceof BitmodelError) throw thrown;
    throw new BitmodelError(
      'BAD_ONNX',
      `An input of the graph is declared wrongly: ${messageOf(thrown)}.`,
      {
        next: 'Fetch the file again',
        cause: thrown,
      },
    );
  }
}

function packed(model: OnnxModel): Uint8Array | undefined {
  const declared = model.graphFields.filter((field) => fieldsOf(field)[0]!.number === GRAPH.input);
  const past = declared
    .map(readDeclaration)
    .filter(({ name }) => presentName(name) !== name && presentName(name).startsWith('present'));
  const [first] = past;
  const size = first?.shape[3];
  const isAlike = past.every(
    ({ type, shape }) =>
      type === first!.type &&
      shape.length === 4 &&
      shape[1] === first!.shape[1] &&
      shape[3] === size,
  );
  if (first?.type === undefined || !first.shape[1] || !size || !isAlike) return undefined;
  const presents = past.map(({ name }) => presentName(name));
  const picked = presents.flatMap((present) => {
    const flat = `${present}.bitmodel_flat`;
    return [
      makeNode('Reshape', [present, SHAPE], [flat], { name: flat }),
      makeNode('Gather', [flat, CACHE_ROWS], [`${flat}.new`], { name: `${flat}.new` }),
    ];
  });
  const fresh = presents.map((present) => `${present}.bitmodel_flat.new`);
  const joined = makeNode('Concat', fresh, [NEW_ROWS], { name: NEW_ROWS, integers: { axis: 0 } });
  const gone = new Set(presents);
  const kept = model.graphFields.filter(
    (field) =>
      fieldsOf(field)[0]!.number !== GRAPH.output || !gone.has(readDeclaration(field).name),
  );
  const shape = writeTensor(SHAPE, ELEMENT.int64, [2], BigInt64Array.of(-1n, BigInt(size)));
  return writeOnnx({
    ...model,
    nodes: [...model.nodes, ...picked, joined],
    initializers: new Map([...model.initializers, [SHAPE, shape]]),
    graphFields: [
      ...kept,
      ...declarationField(GRAPH.input, { name: CACHE_ROWS, type: ELEMENT.int64, shape: ['rows'] }),
      ...declarationField(GRAPH.output, { name: NEW_ROWS, type: first.type, shape: ['new', size] }),
    ],
  });
}
