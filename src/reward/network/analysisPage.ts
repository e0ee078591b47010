import { formatAmount, type Markup, markup } from '../../base/index.js';
import type { DegreeDistribution, Income, NetworkAnalysis } from './analyse.js';
import { analysisPanels } from './analysisPanels.js';
import { type Concentration, formatGini } from './concentration.js';
import { figureRows, grouped, percentOf } from './figures.js';
import { lawSentences } from './lawWords.js';
import {
  foreign,
  type PageFacts,
  pageFacts,
  pageFigure,
  pageOf,
  pageSection,
  pageTable,
} from './page.js';

/** Sources with so many edges or more, for as many as are asked for. */
function atLeast({ histogram }: DegreeDistribution, least: number): number {
  return histogram.reduce((sum, [value, count]) => (value >= least ? sum + count : sum), 0);
}

function lawWords(what: string, { fit }: DegreeDistribution): Markup {
  if ('refused' in fit)
    return markup`<p><b>${what}</b>: no power law fitted. ${fit.refused}.</p>\n`;
  const { exponent, standardError, xMinimum, tail } = fit;
  const items = lawSentences(fit).map((sentence) => markup`<li>${sentence}</li>\n`);
  return markup`<p><b>${what}</b>: exponent ${exponent.toFixed(3)} ± ${standardError.toFixed(3)} from ${xMinimum} on, fitted to ${grouped(tail)} sources.</p>
<ul>${items}</ul>
`;
}

const RATIO = markup`<p class="quiet">A ratio above 0 speaks for the power law, below 0 for the other; p is the chance of such a ratio if both were as good. Where p is above 0.1 the data can’t tell them apart.</p>
`;

/** `1 generation`, `2 generations`. */
const generations = (count: number): string => `${count} generation${count === 1 ? '' : 's'}`;

function degrees(analysis: NetworkAnalysis): Markup {
  const { inDegree, outDegree, nodes } = analysis;
  const most = Math.max(inDegree.maximum, outDegree.maximum, 1);
  const fitted = [inDegree, outDegree].some(({ fit }) => !('refused' in fit));
  const steps = Array.from({ length: Math.floor(Math.log2(most)) + 1 }, (_, i) => 2 ** i);
  const rows = steps.map((least) => ({
    name: `${grouped(least)} or more`,
    cells: [grouped(atLeast(inDegree, least)), grouped(atLeast(outDegree, least))],
  }));
  const panel = { ...analysisPanels(analysis).degrees, title: 'Sources with x edges or more' };
  const says = `Of ${nodes} sources the most used one is used by ${inDegree.maximum}, and one uses ${outDegree.maximum}. The table below has the numbers.`;
  return pageSection(
    'How uses are spread',
    markup`<p>Both axes are logarithmic: a power law is a straight line there, but not every line that looks straight is a power law.</p>
<div class="charts">${pageFigure('degrees', panel, says)}<div>
${lawWords('Used by', inDegree)}${lawWords('Uses', outDegree)}${fitted ? RATIO : undefined}</div></div>
`,
    pageTable('Sources by their edges', ['edges', 'used by so many', 'use so many'], rows),
  );
}

function hubs({ hubs: most }: NetworkAnalysis): Markup {
  const hasKinds = most.some(({ kind }) => kind !== undefined);
  const rows = most.map(({ id, name, kind = '', dependents, parents }) => ({
    name: foreign(name ?? id),
    ...(name === undefined ? {} : { means: id }),
    cells: [...(hasKinds ? [foreign(kind)] : []), grouped(dependents), grouped(parents)],
  }));
  const head = ['source', ...(hasKinds ? ['kind'] : []), 'used by', 'uses'];
  return pageSection('What most stand on', pageTable('The most used sources', head, rows));
}

function incomeTable({ bySource, byOwner }: Income): Markup {
  const columns: Concentration[] = [bySource, ...(byOwner ? [byOwner] : [])];
  const row = (
    name: string,
    means: string,
    value: (spread: Concentration) => string,
  ): { name: string; means: string; cells: string[] } => ({
    name,
    means,
    cells: columns.map(value),
  });
  return pageTable(
    'Income by rank',
    ['income', 'by source', 'by owner'].slice(0, columns.length + 1),
    [
      row('who could earn', 'sources, or owners', ({ holders }) => grouped(holders)),
      row('who earns', 'those who get anything', ({ earners }) => grouped(earners)),
      row('Gini', '0: all earn the same; 1: one earns all', formatGini),
      ...bySource.top.map(({ earners }, i) =>
        row(`best ${grouped(earners)}`, 'their share of all income', ({ top }) =>
          top[i] ? percentOf(top[i].ppm) : '',
        ),
      ),
      row('best hundredth', 'share of the best 1 %', ({ topHundredthPpm }) =>
        percentOf(topHundredthPpm),
      ),
    ],
  );
}

function income(analysis: NetworkAnalysis): Markup {
  const { income: earned } = analysis;
  if ('refused' in earned) {
    return pageSection(
      'Who earns what',
      markup`<p>It can’t be worked out. ${earned.refused}</p>\n`,
    );
  }
  const { income: lorenz, shares } = analysisPanels(analysis);
  const { bySource } = earned;
  const lorenzSays = `The Gini coefficient by source is ${formatGini(bySource)}; the best hundredth has ${percentOf(bySource.topHundredthPpm)} of all income.`;
  const best = bySource.top.map(
    ({ earners, ppm }) => `The best ${earners} have ${percentOf(ppm)}.`,
  );
  const sharesSays = best.join(' ') || 'Nobody could earn.';
  return pageSection(
    'Who earns what',
    markup`<p>${formatAmount(bySource.total)} coins paid: ${earned.paidFor}. Each source keeps its part and passes on the rest, as the weights say.</p>
<div class="charts">${pageFigure('lorenz', lorenz, lorenzSays)}${pageFigure('shares', shares, sharesSays)}</div>
`,
    incomeTable(earned),
  );
}

function comparison(analysis: NetworkAnalysis): Markup {
  const { mandala, paths, meanDegree } = analysis;
  const panel = { ...analysisPanels(analysis).mandala, title: 'The two side by side' };
  const says = `Mean path ${paths.undirected.mean?.toFixed(2) ?? 'none'} here, ${mandala.meanPath.toFixed(2)} there; neighbours ${meanDegree.toFixed(2)} here, ${((2 * mandala.edges) / mandala.nodes).toFixed(2)} there.`;
  return pageSection(
    'Beside a Mandala network',
    markup`<p>Mandala networks (Sampaio Filho and others, Scientific Reports 5:9082, 2015) keep all paths short with few edges: the mean path tends to 8/3 however large they grow. The one nearest in size has ${generations(mandala.generations)}, ${grouped(mandala.nodes)} sources and ${grouped(mandala.edges)} edges.</p>
<div class="charts">${pageFigure('mandala', panel, says)}</div>
`,
  );
}

function method(analysis: NetworkAnalysis, facts: PageFacts): Markup {
  const { undirected, directed } = analysis.paths;
  const searched = (paths: typeof directed): string =>
    paths.exact
      ? 'exact'
      : `sought from ${grouped(paths.searches)} sources, with the standard error`;
  return pageSection(
    'How this was computed',
    pageFacts(facts),
    markup`<ul>
<li>Paths: undirected ${searched(undirected)}; directed ${searched(directed)}.</li>
<li>Power laws: discrete maximum likelihood from the start with the least Kolmogorov–Smirnov distance, held against other laws by likelihood ratios (Clauset, Shalizi and Newman, SIAM Review 51, 2009; Vuong, Econometrica 57, 1989).</li>
<li>Income: the exact payout, in integers. Everything else is exact, and each figure is defined in docs/model-network.md.</li>
</ul>
`,
  );
}

/**
 * The analysis as a page of its own: one file without a script that fetches nothing.
 * @param facts how it was computed: the graph, the height, the version, the command
 * @returns HTML; the same for the same arguments
 */
export function analysisPage(analysis: NetworkAnalysis, title: string, facts: PageFacts): string {
  const { nodes, edges, depth, mandala } = analysis;
  const figures = figureRows(analysis).map(({ name, here, there = '', means }) => ({
    name,
    means,
    cells: [here, there],
  }));
  const head = ['figure', 'this network', `Mandala, ${generations(mandala.generations)}`];
  return pageOf(
    title,
    markup`A network of ${grouped(nodes)} sources with ${grouped(edges)} uses among them, at most ${grouped(depth)} one upon the other.`,
    [
      pageSection('Figures', pageTable('The network in figures', head, figures)),
      degrees(analysis),
      hubs(analysis),
      income(analysis),
      comparison(analysis),
      method(analysis, facts),
    ],
  );
}
