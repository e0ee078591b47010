import { statSync } from 'node:fs';
import { join } from 'node:path';
import { BitmodelError, EXIT, messageOf } from '../base/index.js';
import { listBundleFiles } from './bundle/walk.js';
import { listOnnxFiles, type ModelConfig, readModelConfig } from './config.js';
import { graphBytes, readGraph } from './facts.js';
import { numericType } from './onnx/facts.js';
import { type GraphShape, type Port, readGraphShape } from './onnx/shape.js';
import { fileSource } from './onnx/wire.js';
import { isProtected, readProtection } from './protect/description.js';
import { loadTokenizer } from './tokenizer.js';

/** What keys and values of one stream take, by the graph's own inputs. */
export interface CacheNeed {
  /** Bytes of each position. */
  readonly perToken: number;
  /** Bytes that don't grow: states of convolutions and the like. */
  readonly fixed: number;
}

/** One ONNX file of a folder. */
export interface GraphPage {
  /** Path inside the folder. */
  readonly file: string;
  /** As in a numeric class, such as `q4`. */
  readonly numericType: string;
  /** Kernel accuracy level (DESIGN 6). */
  readonly accuracyLevel: number;
  readonly runDependent: boolean;
  /** Weights, an embedding that is the last product's matrix too counted once; no scales, no tables. */
  readonly parameters: number;
  /** Bytes of the graph and its external data. */
  readonly bytes: number;
  /** Bytes that its weights take when it is open, about: more where they are cast as they are loaded. */
  readonly memory: number;
  /** Whether it takes tokens and gives logits; others are parts of models that see or hear. */
  readonly isDecoder: boolean;
}

/** A file that ends in `.onnx` and can't be used. */
export interface UnusableGraph {
  readonly file: string;
  readonly problem: string;
}

/** Where a JSON file of the bundle says otherwise than the graph. */
export interface Difference {
  readonly what: string;
  readonly stated: number;
  readonly graph: number;
}

/** What can be said about a folder's model without running it: by the graph where it says so itself, else by its JSON files. */
export interface ModelPage {
  readonly dir: string;
  readonly architecture: string;
  /** The graph that runs unless another is asked for, and all facts below are of. */
  readonly graph: GraphPage;
  /** The other ONNX files. */
  readonly others: readonly (GraphPage | UnusableGraph)[];
  readonly layers: number | undefined;
  readonly hiddenSize: number | undefined;
  readonly heads: number | undefined;
  readonly keyValueHeads: number | undefined;
  readonly headSize: number | undefined;
  readonly contextLength: number;
  readonly vocabularySize: number | undefined;
  /** undefined for a graph without a cache. */
  readonly cache: CacheNeed | undefined;
  readonly differences: readonly Difference[];
  readonly hasChatTemplate: boolean;
  /** End tokens, ascending, as the vocabulary writes them. */
  readonly endTokens: readonly { readonly id: number; readonly token: string | undefined }[];
  /** Why the tokenizer can't be used; undefined where it can. */
  readonly tokenizerProblem: string | undefined;
  /** Whether some of its weights are moved, so that it answers rightly only with both shares. */
  readonly isShuffled: boolean;
  /** Files that make up the model's identity; empty where some of them can't be part of a bundle. */
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

/** Bytes of one element, by TensorProto.DataType. */
const ELEMENT_BYTES: Readonly<Record<number, number>> = { 1: 4, 2: 1, 3: 1, 10: 2, 11: 8, 16: 2 };

const MEASURES = [
  'layers',
  'hiddenSize',
  'heads',
  'keyValueHeads',
  'headSize',
  'contextLength',
  'vocabularySize',
] as const;

const isCache = ({ name }: Port): boolean => /^past/.test(name);
const growsBy = (axis: number | string): boolean =>
  typeof axis === 'string' && /past|seq|total|len/i.test(axis);

function shapeOf(path: string): GraphShape {
  const source = fileSource(path);
  try {
    return readGraphShape(source);
  } finally {
    source.close();
  }
}

/** Weights of an embedding that stands in the graph a second time, as the last product's matrix. */
function repeated({ matrices }: GraphShape, { tiedEmbedding, vocabularySize }: ModelConfig) {
  const size = (sides: readonly [number, number]): number => sides[0] * sides[1];
  const both = matrices.filter((sides) => sides.includes(vocabularySize ?? -1));
  return tiedEmbedding && both.length === 2 && size(both[0]!) === size(both[1]!)
    ? size(both[0]!)
    : 0;
}

function graphPage(config: ModelConfig, file: string, shape: GraphShape): GraphPage {
  const path = join(config.dir, file);
  const facts = readGraph(path);
  return {
    file,
    numericType: numericType(facts),
    accuracyLevel: facts.accuracyLevel,
    runDependent: facts.runDependent,
    parameters: facts.parameters - shape.notWeights - repeated(shape, config),
    bytes: graphBytes(path, facts),
    memory: graphBytes(path, facts) + facts.unfoldedBytes,
    isDecoder:
      shape.inputs.some(({ name }) => name === 'input_ids') &&
      shape.outputs.some(({ name }) => /logits/.test(name)),
  };
}

function otherPage(config: ModelConfig, file: string): GraphPage | UnusableGraph {
  try {
    return graphPage(config, file, shapeOf(join(config.dir, file)));
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError)) throw thrown;
    return { file, problem: messageOf(thrown) };
  }
}

/** Sizes of a cache input after the batch's axis, those that are open taken from the JSON files; 0 for the one that grows. */
function cacheSizes({ axes }: Port, config: ModelConfig): number[] {
  return axes.slice(1).map((axis, i) => {
    if (typeof axis === 'number') return axis;
    if (growsBy(axis) || axes.length !== 4) return 0;
    return (i === 0 ? config.keyValueHeads : i === 2 ? config.headSize : undefined) ?? 0;
  });
}

function cacheNeed({ inputs }: GraphShape, config: ModelConfig): CacheNeed | undefined {
  const ports = inputs.filter(isCache);
  if (ports.length === 0) return undefined;
  const need = { perToken: 0, fixed: 0 };
  for (const port of ports) {
    const sizes = cacheSizes(port, config).filter((size) => size > 0);
    const bytes = sizes.reduce((product, n) => product * n, ELEMENT_BYTES[port.elementType] ?? 4);
    need[port.axes.slice(1).some(growsBy) ? 'perToken' : 'fixed'] += bytes;
  }
  return need;
}

/** Rows of the embedding, or columns of the last product, are tokens; the other side is the width of the model. */
function widthOf({ matrices }: GraphShape, vocabulary: number | undefined): number | undefined {
  const found = matrices.find((sizes) => vocabulary !== undefined && sizes.includes(vocabulary));
  return found && (found[0] === vocabulary ? found[1] : found[0]);
}

/** What the graph says of its own measures; undefined where it leaves them open. */
function measuresOf(shape: GraphShape, config: ModelConfig) {
  const logits = shape.outputs.find(({ name }) => /logits/.test(name))?.axes.at(-1);
  const vocabularySize = typeof logits === 'number' ? logits : undefined;
  const caches = shape.inputs.filter(isCache);
  const axes = caches.find((port) => port.axes.length === 4)?.axes ?? [];
  const numberAt = (i: number): number | undefined =>
    typeof axes[i] === 'number' ? axes[i] : undefined;
  const layers = new Set(caches.flatMap(({ name }) => /\d+/.exec(name)?.[0] ?? [])).size;
  return {
    layers: layers === 0 ? undefined : layers,
    heads: shape.heads,
    keyValueHeads: shape.keyValueHeads ?? numberAt(1),
    headSize: numberAt(3),
    vocabularySize,
    hiddenSize: widthOf(shape, vocabularySize ?? config.vocabularySize),
  };
}

/** What both a graph and the JSON files may say. */
type Measures = Partial<Pick<ModelConfig, (typeof MEASURES)[number]>>;

function differencesOf(graph: Measures, stated: Measures): Difference[] {
  return MEASURES.flatMap((what) => {
    const own = graph[what];
    const said = stated[what];
    return own === undefined || said === undefined || own === said
      ? []
      : [{ what, stated: said, graph: own }];
  });
}

function tokenizerFacts(dir: string, { endIds }: ModelConfig) {
  const bare = endIds.map((id) => ({ id, token: undefined }));
  try {
    const tokenizer = loadTokenizer(dir);
    const endTokens = endIds.map((id) => ({ id, token: tokenizer.token(id) }));
    const { hasChatTemplate } = tokenizer;
    return { hasChatTemplate, endTokens, tokenizerProblem: undefined };
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError)) throw thrown;
    return { hasChatTemplate: false, endTokens: bare, tokenizerProblem: messageOf(thrown) };
  }
}

function filesOf(dir: string): ModelPage['files'] {
  try {
    return listBundleFiles(dir).map(({ path, size }) => ({ path, size }));
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError)) throw thrown;
    return [];
  }
}

/** Whether a folder's model is shuffled. @throws BitmodelError `SHARES_MISSING` for one that is encrypted as a whole */
function shuffled(dir: string): boolean {
  if (!isProtected(dir)) return false;
  if (readProtection(dir).body.mode === 'shuffle') return true;
  throw new BitmodelError(
    'SHARES_MISSING',
    `The files in ${dir} are encrypted, so nothing can be read of the model.`,
    { next: 'Unlock it with both shares: bitmodel model unlock', exitCode: EXIT.notAllowed },
  );
}

/**
 * Reads all that can be said about a model without running it.
 * @param file ONNX file inside the folder; else the usual names are tried in turn
 * @throws BitmodelError `NOT_A_FOLDER`, `MODEL_FILE_MISSING`, `BAD_MODEL_CONFIG`, `BAD_ONNX`, `EXTERNAL_DATA_MISSING`,
 *   `BAD_PROTECTION`, `SHARES_MISSING` for one that is encrypted as a whole
 */
export function readModelPage(dir: string, file?: string): ModelPage {
  const isShuffled = shuffled(dir);
  const config = readModelConfig(dir, file);
  const path = join(dir, config.file);
  if (!statSync(path).isFile()) {
    throw new BitmodelError('BAD_ONNX', `${path} is no file.`, { next: 'Name another --file' });
  }
  // first, since it says which file it is that can't be read
  readGraph(path);
  const shape = shapeOf(path);
  const own = measuresOf(shape, config);
  const { rotaryPositions } = shape;
  const shortened = rotaryPositions !== undefined && rotaryPositions < config.contextLength;
  return {
    dir,
    architecture: config.architecture,
    graph: graphPage(config, config.file, shape),
    others: listOnnxFiles(dir)
      .filter((each) => each !== config.file)
      .map((each) => otherPage(config, each)),
    layers: own.layers ?? config.layers,
    hiddenSize: own.hiddenSize ?? config.hiddenSize,
    heads: own.heads ?? config.heads,
    keyValueHeads: own.keyValueHeads ?? config.keyValueHeads,
    headSize: own.headSize ?? config.headSize,
    contextLength: shortened ? rotaryPositions : config.contextLength,
    vocabularySize: own.vocabularySize ?? config.vocabularySize,
    cache: cacheNeed(shape, config),
    differences: differencesOf(
      { ...own, ...(shortened ? { contextLength: rotaryPositions } : {}) },
      config,
    ),
    ...tokenizerFacts(dir, config),
    isShuffled,
    files: filesOf(dir),
  };
}
