import { BitmodelError, EXIT } from '../../base/index.js';
import type { ChainClient } from '../../chain/index.js';
import type { BatchRequest } from '../../reward/index.js';
import { type DemandOptions, demandGiven } from './demand.js';
import { type GraphOptions, sourceGraph } from './graph-source.js';
import type { Settings } from './settings.js';

/** Options that say which graph and which amounts a batch is computed from. */
export interface BatchSource extends GraphOptions, DemandOptions {
  /** File of the graph, `-` for stdin; without one the chain's. */
  readonly graph?: string;
}

function usage(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', message, { next, exitCode: EXIT.usage });
}

/** Whether any of the options is there. */
export function namesBatch({ graph, at, amount, source, demand }: BatchSource): boolean {
  return [graph, at, amount, source, demand].some((option) => option !== undefined);
}

/**
 * The graph and the amounts that the options name.
 * @throws BitmodelError `BAD_OPTION`, and as `sourceGraph`
 */
export async function readBatchSource(
  client: ChainClient,
  options: BatchSource,
  settings: Settings,
  signal?: AbortSignal,
): Promise<BatchRequest> {
  if (options.graph === '-' && options.demand === '-') {
    throw usage("The graph and the amounts can't both be read from stdin.", 'Name a file for one');
  }
  const source = await sourceGraph(options.graph, options, settings, signal);
  const { graph, chain } = source;
  const demand = await demandGiven(source, options, settings);
  if (chain) return { graph, demand, height: chain.height, origin: 'chain' };
  return { graph, demand, height: await client.height(), origin: 'file' };
}
