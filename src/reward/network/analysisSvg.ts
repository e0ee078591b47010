import type { NetworkAnalysis } from './analyse.js';
import { analysisPanels } from './analysisPanels.js';
import { drawChart } from './chartSvg.js';

/** The analysis as a picture: degrees with their fits, incomes, and the Mandala network beside it. */
export function analysisSvg(analysis: NetworkAnalysis, title: string): string {
  const { nodes, edges, depth, strong } = analysis;
  const exact = analysis.paths.undirected.exact ? '' : ', paths from a sample';
  const { degrees, income, mandala, shares } = analysisPanels(analysis);
  return drawChart(
    title,
    `${nodes} sources, ${edges} edges, depth ${depth}, ${strong.circles} circles${exact}`,
    [degrees, income, mandala, shares],
  );
}
