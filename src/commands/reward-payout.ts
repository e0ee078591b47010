import type { Command } from 'commander';
import { BitmodelError, EXIT, formatAmount } from '../base/index.js';
import {
  capForwarded,
  computeFlows,
  demandOf,
  explainShare,
  parseWeight,
  payoutNotes,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { type DemandOptions, demandGiven } from './shared/demand.js';
import { graphSource } from './shared/graph-names.js';
import {
  type GraphOptions,
  type SourceGraph,
  sourceGraph,
  takesGraph,
} from './shared/graph-source.js';
import { wholeOption } from './shared/number-options.js';
import { followChanges } from './shared/payout-changes.js';
import { printByOwner, printBySource } from './shared/payout-view.js';
import type { Settings } from './shared/settings.js';
import { printExplanation } from './shared/share-explanation.js';

interface PayoutOptions extends GraphOptions, DemandOptions {
  readonly changes?: string;
  readonly per: string;
  readonly explain?: string;
  readonly paths: string;
  readonly passOnAtMost?: string;
}

function usage(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', message, { next, exitCode: EXIT.usage });
}

/** What was paid; nothing where only changes are to be followed. */
async function readDemand(
  of: SourceGraph,
  options: PayoutOptions,
  settings: Settings,
): Promise<Map<string, bigint>> {
  const { amount, source, demand, changes } = options;
  if (changes !== undefined && (amount ?? demand ?? source) === undefined) return new Map();
  return demandGiven(of, options, settings);
}

function amountsOf(units: Iterable<readonly [string, bigint]>): Record<string, string> {
  return Object.fromEntries([...units].map(([id, amount]) => [id, formatAmount(amount)]));
}

function assertOptions(file: string | undefined, options: PayoutOptions): void {
  const { per, demand, changes, explain } = options;
  if (per !== 'source' && per !== 'owner') {
    throw usage(`A payout can't be shown per "${per}".`, 'Use --per source or --per owner');
  }
  if ([file, demand, changes].filter((path) => path === '-').length > 1) {
    throw usage('Only one of the inputs can be read from stdin.', 'Name files for the others');
  }
  if (changes !== undefined && (explain !== undefined || per === 'owner')) {
    throw usage('--changes goes with neither --explain nor --per.', 'Leave out one of them');
  }
}

const runPayout = action<PayoutOptions>(async ([file], { options, settings, terminal }) => {
  assertOptions(file, options);
  const declared = await sourceGraph(file, options, settings);
  const { chain } = declared;
  const cap = options.passOnAtMost;
  const graph = cap === undefined ? declared.graph : capForwarded(declared.graph, parseWeight(cap));
  const amounts = await readDemand(declared, options, settings);
  if (options.changes !== undefined) {
    await followChanges(graph, amounts, options.changes, terminal);
    return;
  }
  const demand = demandOf(graph, amounts);
  const flows = computeFlows(graph, demand);
  const notes = payoutNotes(graph, flows);
  for (const note of notes) terminal.note(note);
  if (options.explain !== undefined) {
    const target = graphSource(declared, options.explain, settings);
    const paths = wholeOption(options.paths, '--paths', 0, 1000);
    const explained = explainShare(graph, demand, flows, target, { paths });
    await printExplanation(terminal, graph, explained);
    return;
  }
  const height = chain ? { height: chain.height } : {};
  const common = { ...height, demand: amountsOf(amounts), notes };
  const print = options.per === 'owner' ? printByOwner : printBySource;
  await print(terminal, graph, flows.shares, common);
});

/** Adds `reward payout`. */
export function registerPayout(reward: Command): void {
  takesGraph(reward.command('payout'))
    .summary('what everybody in a contribution graph is paid')
    .description(
      'Divides an amount among all sources of a contribution graph, to the base unit: each parent gets its part, its parents theirs, and so on; circles are solved exactly.',
    )
    .option('--amount <coins>', 'what was paid, such as 100 or 0.5')
    .option('--source <source>', 'id or name of what was paid for (default: what no other uses)')
    .option('--demand <file>', 'amounts paid for several sources: JSON {"SOURCE": "1.5", …}')
    .option('--per <what>', 'source or owner', 'source')
    .option('--explain <source>', 'show where the share of one source came from')
    .option('--paths <count>', 'with --explain: how many paths', '10')
    .option('--pass-on-at-most <part>', 'no source passes on more of what it gets, such as 90%')
    .option('--changes <file>', 'follow changes of the graph, one JSON object a line; - for stdin')
    .addHelpText(
      'after',
      `
Example:
  $ cat graph.json
  {"v":1,"sources":[
    {"id":"poet","owner":"ann","parents":[
      {"id":"verses","ppm":200000},{"id":"attention","ppm":50000}]},
    {"id":"verses","owner":"ben"},{"id":"attention","owner":"cy"}]}
  $ bitmodel reward payout graph.json --amount 100
  $ bitmodel reward payout graph.json --amount 100 --per owner --json
  $ bitmodel reward payout graph.json --amount 100 --explain verses

With --changes FILE each line changes the graph or adds to what is paid, and each prints what it changed:
  {"paid":{"poet":"1.5"}}
  {"source":"poet","parents":[{"id":"verses","ppm":300000}]}
  {"removed":"attention"}`,
    )
    .action(runPayout);
}
