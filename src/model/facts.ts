import { existsSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { BitmodelError, EXIT } from '../base/index.js';
import { MANIFEST } from './bundle/manifest.js';
import { isBundlePath } from './bundle/names.js';
import { type ModelConfig, readModelConfig } from './config.js';
import { type GraphFacts, numericType, readGraphFacts } from './onnx/facts.js';
import { readGraphShape } from './onnx/shape.js';
import { fileSource, memorySource } from './onnx/wire.js';

/** What can be said about a model without running it. */
export interface ModelFacts {
  /** ONNX file, by its path inside the folder. */
  readonly file: string;
  readonly architecture: string;
  /** Weights in the graph. */
  readonly parameters: number;
  readonly layers: number | undefined;
  readonly contextLength: number;
  readonly vocabularySize: number | undefined;
  /** As in a numeric class, such as `fp32` or `q4`. */
  readonly numericType: string;
  readonly accuracyLevel: number;
  /** Bytes of the graph and its external data: about the memory it needs. */
  readonly weightBytes: number;
  /** Whether a bitmodel.json lies beside the files. */
  readonly packed: boolean;
}

/**
 * Reads the head of an ONNX file and makes sure that its external data is there.
 * @param graph bytes to read in the file's place
 * @throws BitmodelError `BAD_ONNX`, `EXTERNAL_DATA_MISSING`, `BAD_EXTERNAL_DATA` where the id would not cover the weights
 */
export function readGraph(path: string, graph?: Uint8Array): GraphFacts {
  const source = graph ? memorySource(graph) : fileSource(path);
  let facts: GraphFacts;
  try {
    facts = readGraphFacts(source);
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError)) throw thrown;
    throw new BitmodelError(
      thrown.code,
      `${path} can't be used: it ends too early or is no ONNX model.`,
      {
        next: 'Fetch the file again, or choose another one with --file',
        cause: thrown,
      },
    );
  } finally {
    source.close();
  }
  for (const external of facts.externalFiles) {
    if (!isBundlePath(posix.normalize(external))) throw unbound(path, external);
    if (externalPath(path, external) !== undefined) continue;
    throw new BitmodelError(
      'EXTERNAL_DATA_MISSING',
      `${path} keeps its weights in ${external}, which is not beside it.`,
      { next: `Fetch ${external} into ${dirname(path)}`, exitCode: EXIT.notFound },
    );
  }
  return facts;
}

/** Weights in a file that the id leaves out could be changed without changing the id. */
function unbound(path: string, external: string): BitmodelError {
  return new BitmodelError(
    'BAD_EXTERNAL_DATA',
    `${path} keeps weights in "${external}", which can't be part of a model: its id would not cover them.`,
    { next: 'Fetch the model from someone else, or rename the file in the graph as well' },
  );
}

/** The file of external data, unless it is absent. */
function externalPath(graphPath: string, external: string): string | undefined {
  const path = join(dirname(graphPath), external);
  return existsSync(path) ? path : undefined;
}

/**
 * Tokens of context: what the JSON files say, unless the graph's tables of rotary embeddings end before.
 * @param graph bytes to read in the file's place
 * @throws BitmodelError `BAD_ONNX`
 */
export function contextLengthOf(
  { contextLength }: ModelConfig,
  path: string,
  graph?: Uint8Array,
): number {
  const source = graph ? memorySource(graph) : fileSource(path);
  try {
    return Math.min(contextLength, readGraphShape(source).rotaryPositions ?? contextLength);
  } finally {
    source.close();
  }
}

/** Bytes of a graph and its external data, all of which is there. */
export function graphBytes(path: string, { externalFiles }: GraphFacts): number {
  const external = externalFiles.map((name) => statSync(externalPath(path, name)!).size);
  return external.reduce((sum, size) => sum + size, statSync(path).size);
}

/**
 * What is known about a model's files, without running it.
 * @throws BitmodelError as `readGraph`, and `NOT_A_FOLDER`, `MODEL_FILE_MISSING`, `BAD_MODEL_CONFIG`
 */
export function readModelFacts(dir: string, file?: string): ModelFacts {
  const config = readModelConfig(dir, file);
  const path = join(dir, config.file);
  const graph = readGraph(path);
  return {
    file: config.file,
    architecture: config.architecture,
    parameters: graph.parameters,
    layers: config.layers,
    contextLength: contextLengthOf(config, path),
    vocabularySize: config.vocabularySize,
    numericType: numericType(graph),
    accuracyLevel: graph.accuracyLevel,
    weightBytes: graphBytes(path, graph),
    packed: existsSync(join(dir, MANIFEST)),
  };
}
