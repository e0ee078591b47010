import { formatAmount } from '../../base/index.js';
import {
  type Concentration,
  type DegreeDistribution,
  formatGini,
  lawSentences,
  type NetworkAnalysis,
  type PathLengths,
} from '../../reward/index.js';
import { cutTo } from './columns.js';
import { listTable } from './tables.js';

const grouped = (value: number): string => value.toLocaleString('en-GB');

/** Parts per million as a percentage of two places, cut. */
export function percentOf(ppm: number): string {
  if (ppm === 1_000_000) return '100 %';
  return `${(Math.floor(ppm / 100) / 100).toFixed(2)} %`;
}

function pathText({ mean, standardError, exact }: PathLengths): string {
  if (mean === undefined) return exact ? 'no two are joined' : 'none in the sample';
  return exact ? mean.toFixed(4) : `${mean.toFixed(4)} ± ${standardError!.toFixed(4)}`;
}

function diameterText({ diameter, exact }: PathLengths): string {
  return exact ? String(diameter) : `at least ${diameter}`;
}

/** `2.066 ± 0.044 from 4 on`, or that there is none. */
function exponentText({ fit }: DegreeDistribution): string {
  if ('refused' in fit) return 'no fit';
  return `${fit.exponent.toFixed(3)} ± ${fit.standardError.toFixed(3)} from ${fit.xMinimum} on`;
}

/** What an exponent is worth, a sentence a line. */
function fitLines(what: string, { fit }: DegreeDistribution): string[] {
  if ('refused' in fit) return [`${what}: no power law fitted.`, `  ${fit.refused}.`];
  const { tail, distance } = fit;
  const found = `${what}: ${grouped(tail)} sources fitted, distance ${distance.toFixed(4)}.`;
  return [found, ...lawSentences(fit).map((sentence) => `  ${sentence}`)];
}

function figureRows(analysis: NetworkAnalysis): string[][] {
  const { paths, clustering, mandala, weak, strong } = analysis;
  const { undirected, directed } = paths;
  return [
    ['sources', grouped(analysis.nodes), grouped(mandala.nodes)],
    ['edges', grouped(analysis.edges), grouped(mandala.edges)],
    ['of them to itself', grouped(analysis.selfLoops), '0'],
    [
      'neighbours, mean',
      analysis.meanDegree.toFixed(3),
      ((2 * mandala.edges) / mandala.nodes).toFixed(3),
    ],
    ['neighbours, most', grouped(analysis.mostNeighbours), grouped(mandala.degrees[0]!)],
    ['used by, at most', grouped(analysis.inDegree.maximum), ''],
    ['exponent of that', exponentText(analysis.inDegree), ''],
    ['uses, at most', grouped(analysis.outDegree.maximum), ''],
    ['exponent of that', exponentText(analysis.outDegree), ''],
    ['reciprocity', analysis.reciprocity.toFixed(5), '0'],
    [
      'density',
      analysis.density.toExponential(3),
      (mandala.edges / (mandala.nodes * (mandala.nodes - 1))).toExponential(3),
    ],
    ['weak components', `${grouped(weak.count)}, largest ${grouped(weak.largest)}`, '1'],
    [
      'circles',
      strong.circles === 0 ? '0' : `${grouped(strong.circles)}, largest ${strong.largest}`,
      '0',
    ],
    ['depth', grouped(analysis.depth), ''],
    ['mean path', pathText(undirected), mandala.meanPath.toFixed(4)],
    ['diameter', diameterText(undirected), String(mandala.diameter)],
    ['mean path, directed', pathText(directed), ''],
    ['diameter, directed', diameterText(directed), ''],
    ['clustering, local', clustering.local.toFixed(4), ''],
    ['clustering, global', clustering.global.toFixed(4), mandala.clustering.toFixed(4)],
    ['triangles', grouped(clustering.triangles), grouped(mandala.triangles)],
  ];
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
    await listTable(head, figureRows(analysis)),
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
