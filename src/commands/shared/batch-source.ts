import { BitmodelError, EXIT, parseAmount } from '../../base/index.js';
import type { ChainClient } from '../../chain/index.js';
import { type BatchRequest, parseDemand } from '../../reward/index.js';
import { namedDemand, paidSource } from './graph-names.js';
import { type GraphOptions, type SourceGraph, sourceGraph } from './graph-source.js';
import { readInput } from './input.js';
import type { Settings } from './settings.js';

/** What a string of the run time may hold. */
const MAXIMUM_FILE = 500_000_000;

/** Options that say which graph and which amounts a batch is computed from. */
export interface BatchSource extends GraphOptions {
  /** File of the graph, `-` for stdin; without one the chain's. */
  readonly graph?: string;
  readonly amount?: string;
  readonly source?: string;
  readonly demand?: string;
}

function usage(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', message, { next, exitCode: EXIT.usage });
}

/** Whether any of the options is there. */
export function namesBatch({ graph, at, amount, source, demand }: BatchSource): boolean {
  return [graph, at, amount, source, demand].some((option) => option !== undefined);
}

async function demandOf(
  of: SourceGraph,
  { amount, source, demand }: BatchSource,
  settings: Settings,
): Promise<ReadonlyMap<string, bigint>> {
  if ((amount === undefined) === (demand === undefined)) {
    throw usage(
      demand === undefined
        ? 'Either an amount or a list of amounts is needed.'
        : '--amount and --demand exclude each other.',
      'Pass one of them: --amount 100 or --demand FILE',
    );
  }
  if (demand === undefined) {
    return new Map([[paidSource(of, source, settings), parseAmount(amount!)]]);
  }
  if (source !== undefined) {
    throw usage('--source goes with --amount, not with --demand.', 'Leave out one of them');
  }
  return namedDemand(of, parseDemand(await readInput(demand, MAXIMUM_FILE)), settings);
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
  const demand = await demandOf(source, options, settings);
  if (chain) return { graph, demand, height: chain.height, origin: 'chain' };
  return { graph, demand, height: await client.height(), origin: 'file' };
}
