import { BitmodelError, EXIT, parseAmount } from '../../base/index.js';
import { parseDemand } from '../../reward/index.js';
import { namedDemand, paidSource } from './graph-names.js';
import type { SourceGraph } from './graph-source.js';
import { readInput } from './input.js';
import type { Settings } from './settings.js';

/** What a string of the run time may hold. */
const MAXIMUM_FILE = 500_000_000;

/** Options that say what was paid, and for which sources. */
export interface DemandOptions {
  readonly amount?: string;
  /** What the amount was paid for. */
  readonly source?: string;
  /** File of amounts, `-` for stdin. */
  readonly demand?: string;
}

function usage(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', message, { next, exitCode: EXIT.usage });
}

/** The amounts of a file, base units by id of the graph. @throws BitmodelError as `parseDemand` and `namedDemand` */
export async function demandInFile(
  of: SourceGraph,
  path: string,
  settings: Settings,
): Promise<Map<string, bigint>> {
  return namedDemand(of, parseDemand(await readInput(path, MAXIMUM_FILE)), settings);
}

/** The amounts that the options name, base units by id of the graph. @throws BitmodelError `BAD_OPTION`, and as {@link demandInFile} */
export async function demandGiven(
  of: SourceGraph,
  { amount, source, demand }: DemandOptions,
  settings: Settings,
): Promise<Map<string, bigint>> {
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
  return demandInFile(of, demand, settings);
}
