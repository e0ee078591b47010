import { formatAmount } from '../../base/index.js';
import {
  ageTable,
  type Change,
  type Comparison,
  type Group,
  kindTable,
  letterOf,
  type Outcome,
  type OutcomeTable,
  percentOf,
  reachTable,
  type Simulation,
  shareOf,
  unevennessTable,
} from '../../reward/index.js';
import { incomeJson } from './analysis-view.js';
import { cutTo } from './columns.js';
import { listTable } from './tables.js';

/** How many owners of each list are shown in a table; JSON has all that were asked for. */
const SHOWN = 5;
/** Columns of a row's name: with six rules beside it a table has 80. */
const NAME = 16;

/** A table with a row for each name and a column for each rule. */
function sideBySide({ title, rows }: OutcomeTable): Promise<string> {
  const letters = rows[0]?.cells.map((_, i) => letterOf(i)) ?? [];
  return listTable(
    [title, ...letters],
    rows.map(({ name, cells }) => [cutTo(name, NAME), ...cells]),
  );
}

const changed = ({ owner, before, after }: Change): string => {
  const by = after - before;
  return `${cutTo(owner, 24)} ${by > 0n ? '+' : ''}${formatAmount(by)}`;
};

function comparisonText(comparison: Comparison, at: number): string {
  const { movedPpm, gaining, losing, gains, losses } = comparison;
  const lines = [
    `${letterOf(at + 1)} against A: ${percentOf(movedPpm)} of the money moves; ${gaining} owners gain, ${losing} lose.`,
    ...gains.slice(0, SHOWN).map((change) => `  ${changed(change)}`),
    ...losses.slice(0, SHOWN).map((change) => `  ${changed(change)}`),
  ];
  return lines.join('\n');
}

function topText({ scheme, topOwners, total }: Outcome, at: number): string {
  const lines = topOwners
    .slice(0, SHOWN)
    .map(
      ({ name, sources, amount }) =>
        `  ${cutTo(name, 24)} ${formatAmount(amount)} (${percentOf(shareOf(amount, total))}, ${sources} source${sources === 1 ? '' : 's'})`,
    );
  return [`Best owners under ${letterOf(at)} (${cutTo(scheme, 50)}):`, ...lines].join('\n');
}

/** The outcomes as tables of at most 80 columns, a column for each rule. */
export async function simulationText(simulation: Simulation): Promise<string> {
  const { sources, edges, owners, jobs, paidFor, total, outcomes, comparisons } = simulation;
  return [
    `${sources} sources, ${edges} ${edges === 1 ? 'edge' : 'edges'}, ${owners} owners`,
    `${jobs} jobs for ${paidFor} of the sources: ${formatAmount(total)} coins`,
    ...outcomes.map(({ scheme }, i) => `${letterOf(i)}  ${cutTo(scheme, 76)}`),
    await sideBySide(kindTable(outcomes)),
    await sideBySide(ageTable(outcomes)),
    await sideBySide(reachTable(outcomes)),
    await sideBySide(unevennessTable(outcomes)),
    ...outcomes.map(topText),
    ...comparisons.map(comparisonText),
  ].join('\n');
}

const groupJson = ({ name, sources, amount }: Group): object => ({
  name,
  sources,
  amount: formatAmount(amount),
});

const changeJson = ({ owner, before, after }: Change): object => ({
  owner,
  before: formatAmount(before),
  after: formatAmount(after),
});

/** The outcomes with amounts as decimal strings. */
export function simulationJson(simulation: Simulation): object {
  return {
    ...simulation,
    total: formatAmount(simulation.total),
    outcomes: simulation.outcomes.map((outcome) => ({
      ...outcome,
      total: formatAmount(outcome.total),
      byKind: outcome.byKind.map(groupJson),
      byAge: outcome.byAge.map(groupJson),
      bySource: incomeJson(outcome.bySource),
      byOwner: incomeJson(outcome.byOwner),
      topOwners: outcome.topOwners.map(groupJson),
    })),
    comparisons: simulation.comparisons.map(({ gains, losses, ...comparison }) => ({
      ...comparison,
      gains: gains.map(changeJson),
      losses: losses.map(changeJson),
    })),
  };
}
