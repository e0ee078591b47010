import { formatAmount } from '../../base/index.js';
import {
  type Change,
  type Comparison,
  formatGini,
  type Group,
  type Outcome,
  type Simulation,
} from '../../reward/index.js';
import { incomeJson, percentOf } from './analysis-view.js';
import { cutTo } from './columns.js';
import { listTable } from './tables.js';

/** How many owners of each list are shown in a table; JSON has all that were asked for. */
const SHOWN = 5;
/** Columns of a row's name: with six rules beside it a table has 80. */
const NAME = 16;

const letter = (i: number): string => String.fromCharCode('A'.charCodeAt(0) + i);

function ppm(amount: bigint, total: bigint): number {
  return total === 0n ? 0 : Number((amount * 1_000_000n) / total);
}

/** A table with a row for each name and a column for each rule. */
function sideBySide(
  title: string,
  outcomes: readonly Outcome[],
  names: readonly string[],
  value: (outcome: Outcome, row: number) => string,
): Promise<string> {
  const rows = names.map((name, row) => [
    cutTo(name, NAME),
    ...outcomes.map((outcome) => value(outcome, row)),
  ]);
  return listTable([title, ...outcomes.map((_, i) => letter(i))], rows);
}

function groupTable(
  title: string,
  outcomes: readonly Outcome[],
  groupsOf: (outcome: Outcome) => readonly Group[],
): Promise<string> {
  const names = groupsOf(outcomes[0]!).map(({ name, sources }) => `${name} (${sources})`);
  const keys = groupsOf(outcomes[0]!).map(({ name }) => name);
  return sideBySide(title, outcomes, names, (outcome, row) => {
    const group = groupsOf(outcome).find(({ name }) => name === keys[row]);
    return percentOf(ppm(group?.amount ?? 0n, outcome.total));
  });
}

function unevenness(outcomes: readonly Outcome[]): Promise<string> {
  const [first] = outcomes;
  const rows: [string, (outcome: Outcome) => string][] = [
    ['Gini, owners', ({ byOwner }) => formatGini(byOwner)],
    ['Gini, sources', ({ bySource }) => formatGini(bySource)],
    ['owners who earn', ({ byOwner }) => String(byOwner.earners)],
    ...first!.byOwner.top.map(({ earners }, i): [string, (outcome: Outcome) => string] => [
      `top ${earners} owners`,
      ({ byOwner }) => percentOf(byOwner.top[i]!.ppm),
    ]),
    ['best hundredth', ({ byOwner }) => percentOf(byOwner.topHundredthPpm)],
  ];
  return sideBySide(
    'unevenness',
    outcomes,
    rows.map(([name]) => name),
    (outcome, row) => rows[row]![1](outcome),
  );
}

function reachTable(outcomes: readonly Outcome[]): Promise<string> {
  const last = outcomes[0]!.reachPpm.length - 1;
  const names = outcomes[0]!.reachPpm.map((_, step) => {
    if (step === 0) return 'paid for itself';
    return step === last ? `ancestor ${step} on` : `ancestor ${step}`;
  });
  return sideBySide('kept by', outcomes, names, ({ reachPpm }, row) => percentOf(reachPpm[row]!));
}

const changed = ({ owner, before, after }: Change): string => {
  const by = after - before;
  return `${cutTo(owner, 24)} ${by > 0n ? '+' : ''}${formatAmount(by)}`;
};

function comparisonText(comparison: Comparison, at: number): string {
  const { movedPpm, gaining, losing, gains, losses } = comparison;
  const lines = [
    `${letter(at + 1)} against A: ${percentOf(movedPpm)} of the money moves; ${gaining} owners gain, ${losing} lose.`,
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
        `  ${cutTo(name, 24)} ${formatAmount(amount)} (${percentOf(ppm(amount, total))}, ${sources} source${sources === 1 ? '' : 's'})`,
    );
  return [`Best owners under ${letter(at)} (${cutTo(scheme, 50)}):`, ...lines].join('\n');
}

/** The outcomes as tables of at most 80 columns, a column for each rule. */
export async function simulationText(simulation: Simulation): Promise<string> {
  const { sources, edges, owners, jobs, paidFor, total, outcomes, comparisons } = simulation;
  return [
    `${sources} sources, ${edges} edges, ${owners} owners`,
    `${jobs} jobs for ${paidFor} of the sources: ${formatAmount(total)} coins`,
    ...outcomes.map(({ scheme }, i) => `${letter(i)}  ${cutTo(scheme, 76)}`),
    await groupTable('by kind', outcomes, ({ byKind }) => byKind),
    await groupTable('oldest first', outcomes, ({ byAge }) => byAge),
    await reachTable(outcomes),
    await unevenness(outcomes),
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
