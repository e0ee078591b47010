import { lorenzPanel, lorenzSeries } from '../network/analysisPanels.js';
import { linearScale, nameScale, type Panel, type Series } from '../network/chart.js';
import { formatGini } from '../network/concentration.js';
import type { Group, Outcome } from './outcome.js';

const MOST_KINDS = 9;

/** An amount as a percentage of all that was paid, with four decimals. */
function percent(amount: bigint, total: bigint): number {
  return total === 0n ? 0 : Number((amount * 1_000_000n) / total) / 10_000;
}

function highest(series: readonly Series[]): number {
  return series.reduce((most, { at }) => at.reduce((m, [, y]) => Math.max(m, y), most), 0);
}

function groupPanel(
  outcomes: readonly Outcome[],
  names: readonly string[],
  groupsOf: (outcome: Outcome) => readonly Group[],
  text: Pick<Panel, 'title' | 'xLabel'>,
): Panel {
  const series = outcomes.map((outcome): Series => {
    const amounts = new Map(groupsOf(outcome).map(({ name, amount }) => [name, amount]));
    return {
      label: outcome.scheme,
      form: 'bars',
      at: names.map((name, i) => [i, percent(amounts.get(name) ?? 0n, outcome.total)]),
    };
  });
  return {
    ...text,
    x: nameScale(names),
    y: linearScale(1.3 * highest(series), ' %'),
    yLabel: 'share of all income',
    series,
  };
}

function reachPanel(outcomes: readonly Outcome[]): Panel {
  const series = outcomes.map(
    ({ scheme, reachPpm }): Series => ({
      label: scheme,
      form: 'bars',
      at: reachPpm.slice(1).map((ppm, i) => [i, ppm / 10_000]),
    }),
  );
  const steps = outcomes[0]!.reachPpm.length - 1;
  return {
    title: 'What reaches the n-th ancestor',
    x: nameScale(
      Array.from({ length: steps }, (_, i) => (i + 1 < steps ? `${i + 1}` : `${i + 1}+`)),
    ),
    y: linearScale(1.1 * highest(series), ' %'),
    xLabel: 'steps from the source that was paid for',
    yLabel: 'share kept there',
    series,
  };
}

/** The diagrams of a simulation: incomes by kind, by age, by distance, and Lorenz curves of the owners. */
export function outcomePanels(
  outcomes: readonly Outcome[],
): Readonly<Record<'kinds' | 'ages' | 'reach' | 'lorenz', Panel>> {
  const [first] = outcomes;
  const kinds = first!.byKind.slice(0, MOST_KINDS).map(({ name }) => name);
  const ages = first!.byAge.map(({ name }) => name);
  const lorenz = outcomes.map(({ scheme, byOwner }) =>
    lorenzSeries(`Gini ${formatGini(byOwner)}: ${scheme}`, byOwner),
  );
  return {
    kinds: groupPanel(outcomes, kinds, ({ byKind }) => byKind, {
      title: 'By kind',
      xLabel: 'kind',
    }),
    ages: groupPanel(outcomes, ages, ({ byAge }) => byAge, {
      title: 'By age',
      xLabel: 'tenths of the sources, the oldest first',
    }),
    reach: reachPanel(outcomes),
    lorenz: lorenzPanel(lorenz),
  };
}
