import type { DegreeDistribution, NetworkAnalysis } from './analyse.js';
import { linearScale, logScale, nameScale, type Panel, type Series } from './chart.js';
import { type Concentration, formatGini } from './concentration.js';
import type { Histogram } from './powerLaw.js';
import { hurwitzZeta } from './zeta.js';

const CURVE_STEPS = 40;
const MOST_POINTS = 400;

/** Which diagrams there are. */
export type AnalysisPanel = 'degrees' | 'income' | 'mandala' | 'shares';

/** Share of the values that are x or more, for each x above 0 that occurs. */
function cumulative(histogram: Histogram): [number, number][] {
  const total = histogram.reduce((sum, [, count]) => sum + count, 0);
  let left = total;
  const points: [number, number][] = [];
  for (const [value, count] of histogram) {
    if (value > 0) points.push([value, left / total]);
    left -= count;
  }
  return points;
}

/** The same of the fitted law, from its start on, as far as the data reach. */
function fittedCurve({ histogram, fit, maximum }: DegreeDistribution): [number, number][] {
  if ('refused' in fit) return [];
  const { exponent, xMinimum, tail } = fit;
  const total = histogram.reduce((sum, [, count]) => sum + count, 0);
  const whole = hurwitzZeta(exponent, xMinimum);
  return Array.from({ length: CURVE_STEPS + 1 }, (_, i) => {
    const x = Math.round(xMinimum * (maximum / xMinimum) ** (i / CURVE_STEPS));
    return [x, (tail / total) * (hurwitzZeta(exponent, x) / whole)];
  });
}

function degreeSeries(label: string, distribution: DegreeDistribution): Series[] {
  const points = cumulative(distribution.histogram);
  const step = Math.ceil(points.length / MOST_POINTS);
  const shown = points.filter((_, i) => i % step === 0 || i === points.length - 1);
  const series: Series[] = [{ label, form: 'points', at: shown }];
  const { fit } = distribution;
  if (!('refused' in fit)) {
    const text = `fit: exponent ${fit.exponent.toFixed(2)} from ${fit.xMinimum}`;
    series.push({ label: text, form: 'line', at: fittedCurve(distribution) });
  }
  return series;
}

/** The degrees as a complementary cumulative distribution on two logarithmic axes. */
function degreePanel(analysis: NetworkAnalysis): Panel {
  const series = [
    ...degreeSeries('used by x or more', analysis.inDegree),
    ...degreeSeries('uses x or more', analysis.outDegree),
  ].filter(({ at }) => at.length > 0);
  const { maximum } = analysis.inDegree;
  const lowest = series.flatMap(({ at }) => at.map(([, y]) => y)).filter((y) => y > 0);
  return {
    title: 'Degrees',
    x: logScale(1, Math.max(2, maximum, analysis.outDegree.maximum)),
    y: logScale(
      lowest.reduce((a, b) => Math.min(a, b), 1),
      1,
    ),
    xLabel: 'x, edges of a source',
    yLabel: 'share of the sources',
    series,
  };
}

/** A Lorenz curve as a series in percent. */
export function lorenzSeries(label: string, { lorenzPpm }: Concentration): Series {
  const last = lorenzPpm.length - 1;
  return { label, form: 'line', at: lorenzPpm.map((ppm, i) => [(100 * i) / last, ppm / 10_000]) };
}

/** The panel of Lorenz curves, with the diagonal on which all would earn the same. */
export function lorenzPanel(series: readonly Series[]): Panel {
  const even: Series = {
    label: 'all alike',
    form: 'dashes',
    at: [
      [0, 0],
      [100, 100],
    ],
  };
  return {
    title: 'Income (Lorenz curve)',
    x: linearScale(100, ' %'),
    y: linearScale(100, ' %'),
    xLabel: 'poorest sources or owners',
    yLabel: 'share of all income',
    series: [...series, even],
  };
}

function incomePanel({ income }: NetworkAnalysis): Panel {
  if ('refused' in income) return { ...lorenzPanel([]), title: 'Income: can not be paid' };
  const { bySource, byOwner } = income;
  const gini = (spread: Concentration): string => `Gini ${formatGini(spread)}`;
  const series = [lorenzSeries(`by source, ${gini(bySource)}`, bySource)];
  if (byOwner) series.push(lorenzSeries(`by owner, ${gini(byOwner)}`, byOwner));
  return lorenzPanel(series);
}

function sharesPanel({ income }: NetworkAnalysis): Panel {
  const top = 'refused' in income ? [] : income.bySource.top;
  return {
    title: 'Share of the best earners',
    x: nameScale(top.map(({ earners }) => `top ${earners}`)),
    y: linearScale(100, ' %'),
    xLabel: 'sources',
    yLabel: 'share of all income',
    series: [{ label: 'share', form: 'bars', at: top.map(({ ppm }, i) => [i, ppm / 10_000]) }],
  };
}

/** This network beside the Mandala network nearest in size. */
function comparisonPanel(analysis: NetworkAnalysis): Panel {
  const { mandala, paths, clustering } = analysis;
  const rows: [string, number, number][] = [
    ['mean path', paths.undirected.mean ?? 0, mandala.meanPath],
    ['diameter', paths.undirected.diameter, mandala.diameter],
    ['degree', analysis.meanDegree, (2 * mandala.edges) / mandala.nodes],
    ['clustering ×10', 10 * clustering.global, 10 * mandala.clustering],
  ];
  const most = rows.reduce((sum, [, here, there]) => Math.max(sum, here, there), 0);
  return {
    title: 'Beside a Mandala network',
    x: nameScale(rows.map(([name]) => name)),
    y: linearScale(1.3 * most),
    xLabel: 'directions left aside',
    yLabel: '',
    series: [
      { label: 'this network', form: 'bars', at: rows.map(([, here], i) => [i, here]) },
      {
        label: `Mandala, ${mandala.generations} generations`,
        form: 'bars',
        at: rows.map(([, , there], i) => [i, there]),
      },
    ],
  };
}

/** The diagrams of an analysis: degrees with their fits, incomes, the Mandala network beside it, the best earners. */
export function analysisPanels(analysis: NetworkAnalysis): Readonly<Record<AnalysisPanel, Panel>> {
  return {
    degrees: degreePanel(analysis),
    income: incomePanel(analysis),
    mandala: comparisonPanel(analysis),
    shares: sharesPanel(analysis),
  };
}
