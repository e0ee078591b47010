import type { Command } from 'commander';
import stringWidth from 'string-width';
import { BitmodelError, EXIT, formatAmount, oneLine, parseAmount } from '../base/index.js';
import {
  type ContributionGraph,
  capForwarded,
  computeFlows,
  demandOf,
  explainShare,
  type OwnerShare,
  parseDemand,
  parseWeight,
  payoutByOwner,
  payoutNotes,
} from '../reward/index.js';
import { action } from './shared/action.js';
import { cutTo } from './shared/columns.js';
import { graphSource, namedDemand, paidSource } from './shared/graph-names.js';
import {
  type GraphOptions,
  type SourceGraph,
  sourceGraph,
  takesGraph,
} from './shared/graph-source.js';
import { readInput } from './shared/input.js';
import { shortId, sourceCell, sourceLabel } from './shared/node-label.js';
import { wholeOption } from './shared/number-options.js';
import { followChanges } from './shared/payout-changes.js';
import type { Settings } from './shared/settings.js';
import { printExplanation } from './shared/share-explanation.js';
import { shareTable } from './shared/share-table.js';
import type { Terminal } from './shared/terminal.js';

/** What a string of the run time may hold. */
const MAXIMUM_FILE = 500_000_000;

/** Lines of a table; the largest shares are shown where there are more. */
const LINES = 1000;

interface PayoutOptions extends GraphOptions {
  readonly amount?: string;
  readonly source?: string;
  readonly demand?: string;
  readonly changes?: string;
  readonly per: string;
  readonly explain?: string;
  readonly paths: string;
  readonly passOnAtMost?: string;
}

/** Everything that is said beside the shares. */
type Common = Readonly<Record<string, unknown>>;

function usage(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', message, { next, exitCode: EXIT.usage });
}

async function readDemand(
  of: SourceGraph,
  { amount, source, demand, changes }: PayoutOptions,
  settings: Settings,
): Promise<Map<string, bigint>> {
  if (changes !== undefined && (amount ?? demand ?? source) === undefined) return new Map();
  if ((amount === undefined) === (demand === undefined)) {
    throw usage(
      'Either an amount or a list of amounts is needed.',
      'Pass --amount 100 or --demand FILE',
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

function amountsOf(units: Iterable<readonly [string, bigint]>): Record<string, string> {
  return Object.fromEntries([...units].map(([id, amount]) => [id, formatAmount(amount)]));
}

/** The rows of a table, the largest alone where there are too many. */
function largest<Share extends { readonly units: bigint }>(shares: readonly Share[]): Share[] {
  if (shares.length <= LINES) return [...shares];
  const sorted = [...shares].sort((a, b) => (a.units === b.units ? 0 : a.units > b.units ? -1 : 1));
  return sorted.slice(0, LINES);
}

async function tableOf(
  head: readonly string[],
  shares: readonly { readonly cells: readonly string[]; readonly units: bigint }[],
  total: bigint,
): Promise<string> {
  const shown = largest(shares);
  const rows: [...string[], bigint][] = shown.map(({ cells, units }) => [...cells, units]);
  if (shown.length < shares.length) {
    const rest = shown.reduce((left, { units }) => left - units, total);
    const blank = head.slice(2).map(() => '');
    rows.push([`and ${shares.length - shown.length} smaller ones`, ...blank, rest]);
  }
  return shareTable(head, rows, total);
}

async function printByOwner(
  terminal: Terminal,
  graph: ContributionGraph,
  owners: readonly OwnerShare[],
  common: Common,
  total: bigint,
): Promise<void> {
  const rows = owners.map(({ owner, sources, amount }) => ({
    owner,
    sources,
    amount: formatAmount(amount),
  }));
  const shares = owners.map((o) => ({
    cells: [ownerCell(o.owner ?? '(no owner)'), listed(graph, o.sources)],
    units: o.amount,
  }));
  terminal.result(
    { ...common, owners: rows },
    await tableOf(['owner', 'sources', 'amount'], shares, total),
    rows.map((row) => `${row.owner ?? row.sources[0]}\t${row.amount}`).join('\n'),
  );
}

/** Columns of a table, of 80: what is left of them by borders, the largest amount and its share. */
const OWNER_COLUMNS = 14;
const SOURCE_COLUMNS = 28;

function ownerCell(owner: string): string {
  const line = oneLine(owner);
  return stringWidth(line) <= OWNER_COLUMNS ? line : cutTo(shortId(line), OWNER_COLUMNS);
}

/** Sources one below the other, the first few of many. */
function listed(graph: ContributionGraph, ids: readonly string[]): string {
  const shown = ids.slice(0, 20).map((id) => sourceLabel(graph, id, SOURCE_COLUMNS));
  if (ids.length > shown.length) shown.push(`and ${ids.length - shown.length} more`);
  return shown.join('\n');
}

async function printBySource(
  terminal: Terminal,
  graph: ContributionGraph,
  paid: ReadonlyMap<string, bigint>,
  common: Common,
  total: bigint,
): Promise<void> {
  const shares = [...paid].map(([id, units]) => {
    const i = graph.numberOf.get(id)!;
    return { id, name: graph.names[i], kind: graph.kinds[i], owner: graph.owners[i], units };
  });
  const rows = shares.map((s) => ({
    cells: [sourceCell(graph, s.id, SOURCE_COLUMNS), ownerCell(s.owner ?? '')],
    units: s.units,
  }));
  terminal.result(
    { ...common, shares: shares.map(({ units, ...s }) => ({ ...s, amount: formatAmount(units) })) },
    await tableOf(['source', 'owner', 'amount'], rows, total),
    shares.map((s) => `${s.id}\t${formatAmount(s.units)}`).join('\n'),
  );
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
  const paid = new Map<string, bigint>();
  let total = 0n;
  flows.shares.forEach((units, i) => {
    if (units === 0n) return;
    paid.set(graph.ids[i]!, units);
    total += units;
  });
  const height = chain ? { height: chain.height } : {};
  const common = { total: formatAmount(total), ...height, demand: amountsOf(amounts), notes };
  if (options.per === 'owner') {
    await printByOwner(terminal, graph, payoutByOwner(graph, paid), common, total);
  } else await printBySource(terminal, graph, paid, common, total);
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
