import { basename } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { BitmodelError, messageOf } from '../../base/index.js';
import { type AttentionUse, readAttentionUse } from '../onnx/attention.js';
import { packCache } from '../onnx/packCache.js';
import { referToFile, selectRows } from '../onnx/selectRows.js';
import { type ByteSource, fileSource, memorySource } from '../onnx/wire.js';
import { cudaFailed, cudaState, isCudaFault } from './cuda.js';
import type { WorkerOptions } from './protocol.js';

/** Graphs in memory beyond this size run as they are: rewriting would copy their weights. */
const MOST_REWRITTEN = 64 << 20;

/** Of graphs that are not rewritten, it makes no difference. */
const NOTHING_KNOWN: AttentionUse = { inPlace: false, batches: false };

/** A graph as it was loaded. */
export interface OpenGraph {
  readonly session: InferenceSession;
  readonly attention: AttentionUse;
}

/**
 * Loads a graph, rewritten where that is known to be right: with rows of logits to choose from, and a cache that stays.
 * @param understand makes something of it, or throws
 * @throws BitmodelError `MODEL_LOAD_FAILED`, and whatever `understand` throws
 */
export async function openGraph<T>(
  options: WorkerOptions,
  understand: (graph: OpenGraph) => T,
): Promise<T> {
  const chosen = isSmall(options) ? chooseRows(options) : undefined;
  const small = chosen ?? (isSmall(options) ? withoutWeights(options) : undefined);
  const attention = small ? readAttentionUse(memorySource(small)) : NOTHING_KNOWN;
  // on a GPU, the cache would be copied there as a whole at each run
  const keeps = attention.inPlace && options.provider === 'cpu';
  const packed = keeps && small ? packCache(small) : undefined;
  for (const rewritten of [packed, chosen]) {
    if (!rewritten) continue;
    const session = await open(options, rewritten).catch(() => undefined);
    if (session) return understand({ session, attention });
  }
  try {
    return understand({ session: await open(options, options.graph), attention });
  } catch (thrown) {
    if (thrown instanceof BitmodelError) throw thrown;
    if (options.provider === 'cuda' && isCudaFault(messageOf(thrown))) {
      throw cudaFailed(messageOf(thrown), cudaState().missing);
    }
    throw new BitmodelError(
      'MODEL_LOAD_FAILED',
      `ONNX Runtime can't load ${options.path}: ${oneLine(messageOf(thrown))}`,
      { next: 'Fetch the file again, or choose another one with --file', cause: thrown },
    );
  }
}

const isSmall = ({ graph }: WorkerOptions): boolean => !graph || graph.length <= MOST_REWRITTEN;

/** The graph, small enough to be held in memory. */
function withoutWeights(options: WorkerOptions): Uint8Array {
  const { path, graph } = options;
  return graph ?? read(options, (source) => referToFile(source, basename(path)));
}

function read<T>({ path, graph }: WorkerOptions, what: (source: ByteSource) => T): T {
  const source = graph ? memorySource(graph) : fileSource(path);
  try {
    return what(source);
  } finally {
    source.close();
  }
}

function chooseRows(options: WorkerOptions): Uint8Array | undefined {
  const { path, graph } = options;
  return read(options, (source) => selectRows(source, graph ? undefined : basename(path)));
}

/** @param graph bytes to load in the file's place */
function open(options: WorkerOptions, graph: Uint8Array | undefined): Promise<InferenceSession> {
  const folder = options.path.replace(/[^/\\]*$/, '');
  const settings: InferenceSession.SessionOptions = {
    executionProviders: [options.provider],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: options.optimization,
    logSeverityLevel: 4,
    ...(options.external && { externalData: [...options.external] }),
    // a graph in memory has no folder of its own in which external data could be found
    extra: graph ? { session: { model_external_initializers_file_folder_path: folder } } : {},
  };
  return graph
    ? InferenceSession.create(graph, settings)
    : InferenceSession.create(options.path, settings);
}

/** A message of ONNX Runtime as one sentence. */
export function oneLine(message: string): string {
  const line = message.replace(/\s+/g, ' ').trim();
  return /[.!?]$/.test(line) ? line : `${line}.`;
}
