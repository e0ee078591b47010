import type { Command } from 'commander';
import { BitmodelError, EXIT, formatAmount, parseAmount } from '../base/index.js';
import {
  type ContributionGraph,
  type OwnerShare,
  parseDemand,
  parseGraph,
  payout,
  payoutByOwner,
  soleUnusedSource,
} from '../reward/index.js';
import { addChainVerbs } from './reward-chain.js';
import { action } from './shared/action.js';
import { readInput } from './shared/input.js';
import type { Register } from './shared/register.js';
import { shareTable } from './shared/share-table.js';
import type { Terminal } from './shared/terminal.js';

/** What a string of the run time may hold. */
const MAXIMUM_FILE = 500_000_000;

interface PayoutOptions {
  readonly amount?: string;
  readonly source?: string;
  readonly demand?: string;
  readonly per: string;
}

function usage(message: string, next: string): BitmodelError {
  return new BitmodelError('BAD_OPTION', message, { next, exitCode: EXIT.usage });
}

async function readDemand(
  graph: ContributionGraph,
  { amount, source, demand }: PayoutOptions,
): Promise<Map<string, bigint>> {
  if ((amount === undefined) === (demand === undefined)) {
    throw usage(
      'Either an amount or a list of amounts is needed.',
      'Pass --amount 100 or --demand FILE',
    );
  }
  if (demand === undefined) {
    return new Map([[source ?? soleUnusedSource(graph), parseAmount(amount!)]]);
  }
  if (source !== undefined) {
    throw usage('--source goes with --amount, not with --demand.', 'Leave out one of them');
  }
  return parseDemand(await readInput(demand, MAXIMUM_FILE));
}

function amountsOf(units: Iterable<readonly [string, bigint]>): Record<string, string> {
  return Object.fromEntries([...units].map(([id, amount]) => [id, formatAmount(amount)]));
}

async function printByOwner(
  terminal: Terminal,
  owners: readonly OwnerShare[],
  common: object,
  total: bigint,
): Promise<void> {
  const rows = owners.map(({ owner, sources, amount }) => ({
    owner,
    sources,
    amount: formatAmount(amount),
  }));
  const table = await shareTable(
    ['owner', 'sources', 'amount'],
    owners.map((o) => [o.owner ?? '(no owner)', o.sources.join('\n'), o.amount]),
    total,
  );
  terminal.result(
    { ...common, owners: rows },
    table,
    rows.map((row) => `${row.owner ?? row.sources[0]}\t${row.amount}`).join('\n'),
  );
}

async function printBySource(
  terminal: Terminal,
  graph: ContributionGraph,
  paid: ReadonlyMap<string, bigint>,
  common: object,
  total: bigint,
): Promise<void> {
  const shares = [...paid].map(([id, units]) => {
    const i = graph.numberOf.get(id)!;
    return { id, name: graph.names[i], kind: graph.kinds[i], owner: graph.owners[i], units };
  });
  const table = await shareTable(
    ['source', 'kind', 'owner', 'amount'],
    shares.map((s) => [s.name ?? s.id, s.kind ?? '', s.owner ?? '', s.units]),
    total,
  );
  terminal.result(
    { ...common, shares: shares.map(({ units, ...s }) => ({ ...s, amount: formatAmount(units) })) },
    table,
    shares.map((s) => `${s.id}\t${formatAmount(s.units)}`).join('\n'),
  );
}

const runPayout = action<PayoutOptions>(async ([file], { options, terminal }) => {
  if (options.per !== 'source' && options.per !== 'owner') {
    throw usage(`A payout can't be shown per "${options.per}".`, 'Use --per source or --per owner');
  }
  if (file === '-' && options.demand === '-') {
    throw usage("The graph and the amounts can't both be read from stdin.", 'Name a file for one');
  }
  const graph = parseGraph(await readInput(file!, MAXIMUM_FILE));
  const demand = await readDemand(graph, options);
  const paid = payout(graph, demand);
  let total = 0n;
  for (const units of paid.values()) total += units;
  const common = { total: formatAmount(total), demand: amountsOf(demand) };
  if (options.per === 'owner') {
    await printByOwner(terminal, payoutByOwner(graph, paid), common, total);
  } else await printBySource(terminal, graph, paid, common, total);
});

function addPayout(reward: Command): void {
  reward
    .command('payout')
    .summary('what everybody in a contribution graph is paid')
    .description(
      'Divides an amount among all sources of a contribution graph, to the base unit: each parent gets its part, its parents theirs, and so on; circles are solved exactly.',
    )
    .argument('<graph>', 'JSON file of the graph, or - for stdin')
    .option('--amount <coins>', 'what was paid, such as 100 or 0.5')
    .option('--source <id>', 'what it was paid for (default: the one source that no other uses)')
    .option('--demand <file>', 'amounts paid for several sources: JSON {"ID": "1.5", …}')
    .option('--per <what>', 'source or owner', 'source')
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
  $ bitmodel reward payout graph.json --amount 100 --per owner --json`,
    )
    .action(runPayout);
}

/** `bitmodel reward`: the shares of everyone a model stands on. */
export const register: Register = (program) => {
  const reward = program.command('reward').description('shares of everyone a model stands on');
  addPayout(reward);
  addChainVerbs(reward);
};
