import { GraphBuilder } from '../graph/GraphBuilder.js';
import type { ContributionGraph } from '../graph/graph.js';

/** Which part of a graph is wanted. */
export interface PartOptions {
  /** Only this source and what it stands on. */
  readonly root?: number | undefined;
  /** Only what is so many steps from the root; without a root it means nothing. */
  readonly depth?: number | undefined;
  /** Most sources. */
  readonly sources?: number | undefined;
}

/** Numbers of the sources at most so many steps from a root, nearest first. */
function reachedFrom(graph: ContributionGraph, root: number, depth: number): number[] {
  const reached = new Uint8Array(graph.ids.length);
  reached[root] = 1;
  const found = [root];
  let begin = 0;
  for (let step = 0; step < depth && begin < found.length; step++) {
    const end = found.length;
    for (; begin < end; begin++) {
      const source = found[begin]!;
      for (let e = graph.rows[source]!; e < graph.rows[source + 1]!; e++) {
        const parent = graph.parents[e]!;
        if (reached[parent]) continue;
        reached[parent] = 1;
        found.push(parent);
      }
    }
  }
  return found;
}

/** Edges from and to each source. */
function degrees(graph: ContributionGraph): Uint32Array {
  const degree = new Uint32Array(graph.ids.length);
  for (let i = 0; i < degree.length; i++) {
    degree[i]! += graph.rows[i + 1]! - graph.rows[i]!;
    for (let e = graph.rows[i]!; e < graph.rows[i + 1]!; e++) degree[graph.parents[e]!]!++;
  }
  return degree;
}

/**
 * A part of a graph: what a source stands on, or its best connected sources, with the edges between them. What they pass
 * to sources that are left out is no longer there, so that it looks as if they kept it: good for drawing, not for paying.
 */
export function partOf(graph: ContributionGraph, options: PartOptions): ContributionGraph {
  const { root, depth = Number.POSITIVE_INFINITY, sources = Number.POSITIVE_INFINITY } = options;
  let chosen = root === undefined ? [...graph.ids.keys()] : reachedFrom(graph, root, depth);
  if (root === undefined && chosen.length <= sources) return graph;
  if (chosen.length > sources) {
    const degree = degrees(graph);
    const first = root === undefined ? [] : [root];
    const others = chosen.filter((source) => source !== root);
    others.sort((a, b) => degree[b]! - degree[a]! || a - b);
    chosen = [...first, ...others].slice(0, sources);
  }
  const builder = new GraphBuilder();
  const kept = new Map<number, number>();
  for (const source of chosen) {
    const labels = {
      owner: graph.owners[source],
      kind: graph.kinds[source],
      name: graph.names[source],
    };
    kept.set(source, builder.declare(graph.ids[source]!, labels));
  }
  for (const [source, number] of kept) {
    for (let e = graph.rows[source]!; e < graph.rows[source + 1]!; e++) {
      const parent = kept.get(graph.parents[e]!);
      if (parent === undefined) continue;
      builder.edge(number, parent, graph.weights[e]!, graph.standings?.[e] ?? 0);
    }
  }
  return builder.build();
}
