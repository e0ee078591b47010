import { formatAmount } from '../../base/index.js';
import {
  type Concentration,
  type DegreeDistribution,
  figureRows,
  formatGini,
  grouped,
  lawSentences,
  type NetworkAnalysis,
  percentOf,
} from '../../reward/index.js';
import { cutTo } from './columns.js';
import { listTable } from './tables.js';

/** What an exponent is worth, a sentence a line. */
function fitLines(what: string, { fit }: DegreeDistribution): string[] {
  if ('refused' in fit) return [`${what}: no power law fitted.`, `  ${fit.refused}.`];
  const { tail, distance } = fit;
  const found = `${what}: ${grouped(tail)} sources fitted, distance ${distance.toFixed(4)}.`;
  return [found, ...lawSentences(fit).map((sentence) => `  ${sentence}`)];
}

async function incomeText({ income }: NetworkAnalysis): Promise<string> {
  if ('refused' in income) return `Income: can't be worked out. ${income.refused}`;
  const columns: Concentration[] = [income.bySource, ...(income.byOwner ? [income.byOwner] : [])];
  const row = (name: string, value: (c: Concentration) => string): string[] => [
    name,
    ...columns.map(value),
  ];
  const head = ['income', 'by source', 'by owner'].slice(0, columns.length + 1);
  const rows = [
    row('who could earn', ({ holders }) => grouped(holders)),
    row('who earns', ({ earners }) => grouped(earners)),
    row('Gini', formatGini),
    ...income.bySource.top.map(({ earners }, i) =>
      row(`top ${earners}`, ({ top }) => (top[i] ? percentOf(top[i].ppm) : '')),
    ),
    row('top hundredth', ({ topHundredthPpm }) => percentOf(topHundredthPpm)),
  ];
  const paid = `${formatAmount(income.bySource.total)} coins paid: ${income.paidFor}.`;
  return `${await listTable(head, rows)}\n${paid}`;
}

/** The analysis as tables of at most 80 columns. */
export async function analysisText(analysis: NetworkAnalysis): Promise<string> {
  const { mandala, paths } = analysis;
  const head = ['', 'this network', `Mandala, g = ${mandala.generations}`];
  const hubs = analysis.hubs.map(({ id, name, kind, dependents, parents }) => [
    cutTo(name ?? id, 34),
    cutTo(kind ?? '', 12),
    grouped(dependents),
    grouped(parents),
  ]);
  const sampled =
    paths.undirected.exact && paths.directed.exact
      ? []
      : [
          `Paths sought from ${paths.undirected.searches} sources (undirected) and ${paths.directed.searches} (directed).\n  Where that is a sample, ± is the standard error.`,
        ];
  return [
    await listTable(
      head,
      figureRows(analysis).map(({ name, here, there = '' }) => [name, here, there]),
    ),
    ...fitLines('Used by', analysis.inDegree),
    ...fitLines('Uses', analysis.outDegree),
    ...sampled,
    await listTable(['most used', 'kind', 'used by', 'uses'], hubs),
    await incomeText(analysis),
  ].join('\n');
}

/** How unevenly an amount is spread, with amounts as decimal strings. */
export function incomeJson({ holders, earners, total, ...rest }: Concentration): object {
  return { holders, earners, total: formatAmount(total), ...rest };
}

/** The analysis with amounts as decimal strings. */
export function analysisJson(analysis: NetworkAnalysis): object {
  const { income } = analysis;
  if ('refused' in income) return analysis;
  const { paidFor, bySource, byOwner } = income;
  return {
    ...analysis,
    income: {
      paidFor,
      bySource: incomeJson(bySource),
      ...(byOwner ? { byOwner: incomeJson(byOwner) } : {}),
    },
  };
}
