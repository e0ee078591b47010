import { messageOf } from '../../base/index.js';
import { computePayout } from '../flow/payout.js';
import { type ContributionGraph, unusedSources } from '../graph/graph.js';
import { type Clustering, clustering } from './clustering.js';
import { type Concentration, concentration } from './concentration.js';
import { type Connectivity, connectivity } from './connectivity.js';
import { distances, type PathLengths } from './distances.js';
import { type MandalaFigures, mandalaFigures, nearestMandala } from './mandala.js';
import { dependentsOf, type Neighbours, undirected } from './neighbours.js';
import { fitPowerLaw, type Histogram, type PowerLawFit } from './powerLaw.js';

/** How often each number of edges occurs, and the law behind it. */
export interface DegreeDistribution {
  readonly maximum: number;
  readonly histogram: Histogram;
  readonly fit: PowerLawFit;
}

/** A source that many others stand on. */
export interface Hub {
  readonly id: string;
  readonly name: string | undefined;
  readonly kind: string | undefined;
  /** Sources that use it, itself included where it does. */
  readonly dependents: number;
  readonly parents: number;
}

/** Who earns how much of what is paid. */
export interface Income {
  /** Where the money entered, in words. */
  readonly paidFor: string;
  readonly bySource: Concentration;
  /** Undefined where no source names an owner. Sources without one stand for themselves. */
  readonly byOwner: Concentration | undefined;
}

/** All that `reward analyse` says of a network. docs/model-network.md defines each figure. */
export interface NetworkAnalysis extends Pick<Connectivity, 'weak' | 'strong' | 'depth'> {
  readonly nodes: number;
  readonly edges: number;
  readonly selfLoops: number;
  /** Edges over those that could be, self-loops left aside. */
  readonly density: number;
  /** Neighbours per source, directions left aside. */
  readonly meanDegree: number;
  readonly mostNeighbours: number;
  /** Share of the edges, self-loops left aside, whose reverse is there, too. */
  readonly reciprocity: number;
  /** By how many sources each one is used. */
  readonly inDegree: DegreeDistribution;
  /** How many parents each one has. */
  readonly outDegree: DegreeDistribution;
  readonly hubs: readonly Hub[];
  readonly paths: {
    /** Within the largest weak component, either way along edges. */
    readonly undirected: PathLengths;
    /** From every source to all it stands on. */
    readonly directed: PathLengths;
  };
  readonly clustering: Clustering;
  readonly income: Income | { readonly refused: string };
  readonly mandala: MandalaFigures;
}

/** What an analysis takes beside the graph; each has a usual value. */
export interface AnalysisOptions {
  /** Chooses the samples where something is not computed exactly; `0` unless stated. */
  readonly seed?: string;
  /** Sources that shortest paths are sought from where all would take too long; 64 unless stated. */
  readonly samples?: number;
  /** Samples for the plausibility of a power law; 100 unless stated, none above 50,000 sources. */
  readonly rounds?: number;
  readonly hubs?: number;
  /** Base units paid for each source, by number; unless stated one coin for each that no other uses. */
  readonly demand?: BigUint64Array;
}

const COIN = 100_000_000n;
const DEFAULT_SAMPLES = 64;
const DEFAULT_ROUNDS = 100;
const DEFAULT_HUBS = 10;
/** Up to so many sources the plausibility of a fit is worked out without being asked for. */
const PLAUSIBILITY_NODES = 50_000;

function degreesOf(rows: Uint32Array): Uint32Array {
  return Uint32Array.from({ length: rows.length - 1 }, (_, i) => rows[i + 1]! - rows[i]!);
}

function distribution(degrees: Uint32Array, rounds: number, seed: string): DegreeDistribution {
  const sorted = degrees.slice().sort();
  const histogram: [number, number][] = [];
  for (const degree of sorted) {
    const last = histogram.at(-1);
    if (last?.[0] === degree) last[1]++;
    else histogram.push([degree, 1]);
  }
  return {
    maximum: sorted.at(-1) ?? 0,
    histogram,
    fit: fitPowerLaw(histogram, rounds, seed),
  };
}

/** The most used sources, ties by id. */
function hubsOf(graph: ContributionGraph, inDegrees: Uint32Array, wanted: number): Hub[] {
  const order = Uint32Array.from(graph.ids.keys());
  order.sort((a, b) => inDegrees[b]! - inDegrees[a]! || a - b);
  return Array.from(order.subarray(0, wanted), (i) => ({
    id: graph.ids[i]!,
    name: graph.names[i],
    kind: graph.kinds[i],
    dependents: inDegrees[i]!,
    parents: graph.rows[i + 1]! - graph.rows[i]!,
  }));
}

/**
 * One coin for each source that no other uses, or for every source where all are used: what is paid for where nothing
 * is known of the real demand.
 */
export function oneCoinEach(graph: ContributionGraph): { demand: BigUint64Array; paidFor: string } {
  const demand = new BigUint64Array(graph.ids.length);
  const unused = unusedSources(graph);
  if (unused.length === 0)
    return { demand: demand.fill(COIN), paidFor: 'one coin for each source' };
  for (const source of unused) demand[source] = COIN;
  return { demand, paidFor: 'one coin for each source that no other uses' };
}

/** Sums what sources get by their owners; a source without one stands for itself. */
export function incomeByOwner(graph: ContributionGraph, paid: BigUint64Array): BigUint64Array {
  const places = new Map<string, number>();
  const sums = new BigUint64Array(paid.length);
  let count = 0;
  for (let i = 0; i < paid.length; i++) {
    const { [i]: owner } = graph.owners;
    let place = owner === undefined ? undefined : places.get(owner);
    if (place === undefined) {
      place = count++;
      if (owner !== undefined) places.set(owner, place);
    }
    sums[place]! += paid[i]!;
  }
  return sums.slice(0, count);
}

function incomeOf(graph: ContributionGraph, demand?: BigUint64Array): NetworkAnalysis['income'] {
  const asked = demand ? { demand, paidFor: 'the amounts given' } : oneCoinEach(graph);
  let paid: BigUint64Array;
  try {
    paid = computePayout(graph, asked.demand);
  } catch (thrown) {
    // a circle that can't be paid says nothing against the rest of the analysis
    return { refused: messageOf(thrown) };
  }
  const owned = graph.owners.some((owner) => owner !== undefined);
  return {
    paidFor: asked.paidFor,
    bySource: concentration(paid),
    byOwner: owned ? concentration(incomeByOwner(graph, paid)) : undefined,
  };
}

function countLoops(graph: ContributionGraph): number {
  let loops = 0;
  for (let i = 0; i < graph.ids.length; i++) {
    for (let e = graph.rows[i]!; e < graph.rows[i + 1]!; e++) if (graph.parents[e] === i) loops++;
  }
  return loops;
}

/**
 * Analyses a contribution graph as a network (DESIGN 9): a million sources in a minute or two. Edges run from a source to
 * those it stands on; weights count only for the income. Everything is exact but the shortest paths of large networks,
 * which say so.
 */
export function analyse(graph: ContributionGraph, options: AnalysisOptions = {}): NetworkAnalysis {
  const { seed = '0', samples = DEFAULT_SAMPLES } = options;
  const nodes = graph.ids.length;
  const rounds = options.rounds ?? (nodes <= PLAUSIBILITY_NODES ? DEFAULT_ROUNDS : 0);
  const dependents = dependentsOf(graph);
  const either = undirected(graph, dependents);
  const { giant, ...connected } = connectivity(graph, either);
  const selfLoops = countLoops(graph);
  const proper = graph.parents.length - selfLoops;
  const inDegrees = degreesOf(dependents.rows);
  const forward: Neighbours = { rows: graph.rows, targets: graph.parents };
  const all = Uint32Array.from(graph.ids.keys());
  return {
    nodes,
    edges: graph.parents.length,
    selfLoops,
    density: nodes < 2 ? 0 : proper / (nodes * (nodes - 1)),
    meanDegree: nodes === 0 ? 0 : either.targets.length / nodes,
    mostNeighbours: degreesOf(either.rows).reduce((a, b) => Math.max(a, b), 0),
    reciprocity: proper === 0 ? 0 : either.mutual / proper,
    inDegree: distribution(inDegrees, rounds, `in ${seed}`),
    outDegree: distribution(degreesOf(graph.rows), rounds, `out ${seed}`),
    hubs: hubsOf(graph, inDegrees, options.hubs ?? DEFAULT_HUBS),
    ...connected,
    paths: {
      undirected: distances(either, giant, samples, seed, true),
      directed: distances(forward, all, samples, seed, false),
    },
    clustering: clustering(either),
    income: incomeOf(graph, options.demand),
    mandala: mandalaFigures(nearestMandala(nodes)),
  };
}
