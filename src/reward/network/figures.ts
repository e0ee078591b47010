import type { DegreeDistribution, NetworkAnalysis } from './analyse.js';
import type { PathLengths } from './distances.js';

/** A figure of a network in words. */
export interface FigureRow {
  readonly name: string;
  /** Of the network. */
  readonly here: string;
  /** Of the Mandala network nearest in size, where a closed form tells. */
  readonly there?: string;
  /** One line on what it says. */
  readonly means: string;
}

/** A whole number with its thousands apart. */
export const grouped = (value: number): string => value.toLocaleString('en-GB');

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

/** The figures of an analysis, beside those of the Mandala network. */
export function figureRows(analysis: NetworkAnalysis): FigureRow[] {
  const { paths, clustering, mandala, weak, strong } = analysis;
  const { undirected, directed } = paths;
  return [
    {
      name: 'sources',
      here: grouped(analysis.nodes),
      there: grouped(mandala.nodes),
      means: 'models, data, papers, people and whatever else the graph names',
    },
    {
      name: 'edges',
      here: grouped(analysis.edges),
      there: grouped(mandala.edges),
      means: 'uses: one source stands on another',
    },
    {
      name: 'of them to itself',
      here: grouped(analysis.selfLoops),
      there: '0',
      means: 'sources that are said to use themselves',
    },
    {
      name: 'neighbours, mean',
      here: analysis.meanDegree.toFixed(3),
      there: ((2 * mandala.edges) / mandala.nodes).toFixed(3),
      means: 'other sources that one is joined to, either way',
    },
    {
      name: 'neighbours, most',
      here: grouped(analysis.mostNeighbours),
      there: grouped(mandala.degrees[0]!),
      means: 'of the best joined source',
    },
    {
      name: 'used by, at most',
      here: grouped(analysis.inDegree.maximum),
      means: 'how many stand on the most used source',
    },
    {
      name: 'exponent of that',
      here: exponentText(analysis.inDegree),
      means: 'fitted power law: twice as many are 2 to this power times as rare',
    },
    {
      name: 'uses, at most',
      here: grouped(analysis.outDegree.maximum),
      means: 'how many the source with the most parents stands on',
    },
    {
      name: 'exponent of that',
      here: exponentText(analysis.outDegree),
      means: 'fitted power law: twice as many are 2 to this power times as rare',
    },
    {
      name: 'reciprocity',
      here: analysis.reciprocity.toFixed(5),
      there: '0',
      means: 'share of the edges whose reverse is there, too',
    },
    {
      name: 'density',
      here: analysis.density.toExponential(3),
      there: (mandala.edges / (mandala.nodes * (mandala.nodes - 1))).toExponential(3),
      means: 'edges over all that there could be',
    },
    {
      name: 'weak components',
      here: `${grouped(weak.count)}, largest ${grouped(weak.largest)}`,
      there: '1',
      means: 'parts that no edge joins',
    },
    {
      name: 'circles',
      here: strong.circles === 0 ? '0' : `${grouped(strong.circles)}, largest ${strong.largest}`,
      there: '0',
      means: 'groups in which each stands on each other, by some way',
    },
    {
      name: 'depth',
      here: grouped(analysis.depth),
      there: String(2 * mandala.generations),
      means: 'longest chain of uses; a circle counts as one source',
    },
    {
      name: 'mean path',
      here: pathText(undirected),
      there: mandala.meanPath.toFixed(4),
      means: 'steps between two sources, either way along edges, on average',
    },
    {
      name: 'diameter',
      here: diameterText(undirected),
      there: String(mandala.diameter),
      means: 'the longest of these shortest paths',
    },
    {
      name: 'mean path, directed',
      here: pathText(directed),
      means: 'steps from a source down to one that it stands on, on average',
    },
    { name: 'diameter, directed', here: diameterText(directed), means: 'the longest of these' },
    {
      name: 'clustering, local',
      here: clustering.local.toFixed(4),
      means: 'how many of a source’s neighbours are neighbours of each other',
    },
    {
      name: 'clustering, global',
      here: clustering.global.toFixed(4),
      there: mandala.clustering.toFixed(4),
      means: 'how many pairs of edges that meet are closed to a triangle',
    },
    {
      name: 'triangles',
      here: grouped(clustering.triangles),
      there: grouped(mandala.triangles),
      means: 'three sources, each joined to each',
    },
  ];
}
