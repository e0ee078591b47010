import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { BitmodelError, EXIT } from '../../base/index.js';
import {
  type ChainGraph,
  type ContributionGraph,
  chainGraph,
  GRAPH_FORMATS,
  parseGraphFormat,
  parseWeight,
  readGraph,
} from '../../reward/index.js';
import { atOption } from './at-option.js';
import { readChunks } from './input.js';
import { progressLine } from './progress.js';
import type { Settings } from './settings.js';
import { nodeClient } from './wallet.js';
import { warnings } from './warnings.js';

/** The options by which a command's graph is found. */
export interface GraphOptions {
  readonly format?: string;
  readonly share?: string;
  readonly at?: string;
}

/** A graph, and the chain's block that it is of where it is the chain's. */
export interface SourceGraph {
  readonly graph: ContributionGraph;
  readonly chain?: ChainGraph;
}

/** Lets a command take `[graph]`: a file, stdin, or nothing for the graph on the chain; see {@link sourceGraph}. */
export function takesGraph(command: Command): Command {
  return command
    .argument('[graph]', 'file of a graph, or - for stdin (default: the graph on the chain)')
    .option(
      '--format <format>',
      `of the file: ${GRAPH_FORMATS.join(', ')} (default: by its name, or how it begins)`,
    )
    .option('--share <part>', 'what each source passes its parents, in a CSV without weights: 50%')
    .option('--at <height>', "block as of which the chain's graph is taken (default: the last)");
}

function needless(option: string, why: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', `${option} ${why}.`, {
    next: `Leave out ${option}`,
    exitCode: EXIT.usage,
  });
}

async function ofChain(
  { format, share, at }: GraphOptions,
  settings: Settings,
): Promise<SourceGraph> {
  const idle = format === undefined ? '--share' : '--format';
  if ((format ?? share) !== undefined) throw needless(idle, 'goes with a file');
  const client = nodeClient(settings);
  const chain = await chainGraph(client, { atHeight: await atOption(client, at) });
  const { length: left } = chain.unchecked;
  if (left > 0) {
    warnings.add(
      `${left} ${left === 1 ? 'source' : 'sources'} in circles are shown by what they pay, as there were too many to check what they say they use`,
    );
  }
  return { graph: chain.graph, chain };
}

/** Bytes of a file as they are read, with progress on a terminal. */
async function* shown(path: string, settings: Settings): AsyncGenerator<Uint8Array> {
  const size = path === '-' ? 0 : (statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  const line = size > 0 ? progressLine('reading', settings) : undefined;
  let done = 0;
  try {
    for await (const chunk of readChunks(path)) {
      yield chunk;
      done += chunk.length;
      line?.update(done, size);
    }
  } finally {
    line?.end();
  }
}

/**
 * The graph that a command was given: of a file, of stdin for `-`, or without either the one on the chain.
 * @throws BitmodelError `BAD_GRAPH`, `BAD_OPTION`, and what reading a file or asking a node throws
 */
export async function sourceGraph(
  path: string | undefined,
  options: GraphOptions,
  settings: Settings,
  signal?: AbortSignal,
): Promise<SourceGraph> {
  if (path === undefined) return ofChain(options, settings);
  if (options.at !== undefined) throw needless('--at', 'goes with the graph on the chain');
  const graph = await readGraph(shown(path, settings), {
    format: options.format === undefined ? undefined : parseGraphFormat(options.format),
    sharePpm: options.share === undefined ? undefined : parseWeight(options.share),
    name: path,
    signal,
  });
  return { graph };
}
