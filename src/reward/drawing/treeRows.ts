import {
  type ContributionGraph,
  type Standing,
  standingOf,
  unusedSources,
} from '../graph/graph.js';

/** One line of a tree of sources. */
export type TreeRow = TreeSource | TreeRest;

/** A source in the tree, under one that uses it. */
export interface TreeSource {
  /** For each level above whether more of it follows below; empty for a root. The last is this row's own level. */
  readonly follows: readonly boolean[];
  /** Its number in the graph. */
  readonly source: number;
  /** Parts per million that it is passed by the source above; undefined for a root. */
  readonly ppm: number | undefined;
  readonly standing: Standing | undefined;
  /** Why what it stands on is not shown under it: it is already, further up, or above this very row. */
  readonly seen: 'above' | 'circle' | undefined;
  /** Parents that are left out because the tree is as deep as it may be. */
  readonly hidden: number;
}

/** So many more on this level. */
export interface TreeRest {
  readonly follows: readonly boolean[];
  readonly more: number;
  /** Parts per million that they are passed together; undefined for roots. */
  readonly ppm: number | undefined;
}

/** How much of a graph a tree shows. */
export interface TreeOptions {
  /** The source to begin with; by default all that no other uses. */
  readonly root?: number;
  /** Levels below a root. */
  readonly depth: number;
  /** Most sources under one. */
  readonly breadth: number;
  /** Most rows at all. */
  readonly rows: number;
}

/** The largest few edges of a row, largest first, ties in the order of ids: found without sorting a million. */
function largestEdges(graph: ContributionGraph, source: number, most: number): number[] {
  const { weights, rows } = graph;
  const largest: number[] = [];
  for (let e = rows[source]!; e < rows[source + 1]!; e++) {
    if (largest.length === most && weights[largest.at(-1)!]! >= weights[e]!) continue;
    let place = largest.length;
    while (place > 0 && weights[largest[place - 1]!]! < weights[e]!) place--;
    largest.splice(place, 0, e);
    if (largest.length > most) largest.pop();
  }
  return largest;
}

/** Roots from which everything is reached: what nobody uses, then of the circles that nothing leads to the first by id. */
function rootsOf(graph: ContributionGraph): number[] {
  const roots = unusedSources(graph);
  const reached = new Uint8Array(graph.ids.length);
  const waiting: number[] = [];
  const reach = (root: number): void => {
    reached[root] = 1;
    waiting.push(root);
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      for (let e = graph.rows[at]!; e < graph.rows[at + 1]!; e++) {
        const parent = graph.parents[e]!;
        if (reached[parent]) continue;
        reached[parent] = 1;
        waiting.push(parent);
      }
    }
  };
  for (const root of roots) reach(root);
  for (let i = 0; i < reached.length; i++) {
    if (reached[i]) continue;
    roots.push(i);
    reach(i);
  }
  return roots;
}

/** Draws one tree, or several with what they share shown once. */
class TreeWalk {
  readonly #graph: ContributionGraph;
  readonly #options: TreeOptions;
  readonly #shown = new Set<number>();
  readonly #path = new Set<number>();
  #left: number;

  constructor(graph: ContributionGraph, options: TreeOptions) {
    this.#graph = graph;
    this.#options = options;
    this.#left = options.rows;
  }

  *roots(roots: readonly number[]): Generator<TreeRow> {
    for (const [at, root] of roots.entries()) {
      if (this.#left <= 0) {
        yield { follows: [], more: roots.length - at, ppm: undefined };
        return;
      }
      yield* this.#source(root, undefined, []);
    }
  }

  #seen(source: number): 'above' | 'circle' | undefined {
    if (this.#path.has(source)) return 'circle';
    const isLeaf = this.#graph.rows[source] === this.#graph.rows[source + 1];
    return this.#shown.has(source) && !isLeaf ? 'above' : undefined;
  }

  *#source(
    source: number,
    edge: number | undefined,
    follows: readonly boolean[],
  ): Generator<TreeRow> {
    const graph = this.#graph;
    const parents = graph.rows[source + 1]! - graph.rows[source]!;
    const seen = this.#seen(source);
    const isDeep = follows.length >= this.#options.depth;
    this.#left--;
    yield {
      follows,
      source,
      ppm: edge === undefined ? undefined : graph.weights[edge]!,
      standing: edge === undefined ? undefined : standingOf(graph, edge),
      seen,
      hidden: isDeep && seen === undefined ? parents : 0,
    };
    if (seen !== undefined || isDeep) return;
    this.#shown.add(source);
    this.#path.add(source);
    yield* this.#parents(source, follows);
    this.#path.delete(source);
  }

  *#parents(source: number, follows: readonly boolean[]): Generator<TreeRow> {
    const graph = this.#graph;
    const count = graph.rows[source + 1]! - graph.rows[source]!;
    const edges = largestEdges(graph, source, this.#options.breadth);
    let passed = edges.length < count ? 1_000_000 - graph.own[source]! : 0;
    for (const [at, edge] of edges.entries()) {
      if (this.#left <= 0) {
        const rest = edges.slice(at).reduce((sum, each) => sum + graph.weights[each]!, 0);
        const ppm = edges.length < count ? passed : rest;
        yield { follows: [...follows, false], more: count - at, ppm };
        return;
      }
      passed -= graph.weights[edge]!;
      const isLast = at === count - 1;
      yield* this.#source(graph.parents[edge]!, edge, [...follows, !isLast]);
    }
    if (edges.length < count) {
      yield { follows: [...follows, false], more: count - edges.length, ppm: passed };
    }
  }
}

/** The rows of a graph drawn as a tree: each source with what it stands on under it, what is shared shown once. */
export function treeRows(graph: ContributionGraph, options: TreeOptions): Generator<TreeRow> {
  const roots = options.root === undefined ? rootsOf(graph) : [options.root];
  return new TreeWalk(graph, options).roots(roots);
}
