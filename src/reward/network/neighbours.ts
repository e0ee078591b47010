import type { ContributionGraph } from '../graph/graph.js';

/** Lists of neighbours in compressed sparse rows: those of source i are `targets[rows[i]]` to `targets[rows[i + 1]]`. */
export interface Neighbours {
  readonly rows: Uint32Array;
  /** Ascending within a row, each once. */
  readonly targets: Uint32Array;
}

/** The sources that each one is used by: the graph with its edges turned round. */
export function dependentsOf(graph: ContributionGraph): Neighbours {
  const count = graph.ids.length;
  const rows = new Uint32Array(count + 1);
  for (const parent of graph.parents) rows[parent + 1]!++;
  for (let i = 0; i < count; i++) rows[i + 1]! += rows[i]!;
  const next = rows.slice(0, count);
  const targets = new Uint32Array(graph.parents.length);
  for (let i = 0; i < count; i++) {
    for (let e = graph.rows[i]!; e < graph.rows[i + 1]!; e++) {
      const place = next[graph.parents[e]!]!++;
      targets[place] = i;
    }
  }
  return { rows, targets };
}

/** The simple undirected graph below a contribution graph: no direction, no self-loop, no edge twice. */
export interface Undirected extends Neighbours {
  /** Ordered pairs (a, b), a ≠ b, where a uses b and b uses a. */
  readonly mutual: number;
}

/** Merges each source's parents and dependents, both ascending, into one list of neighbours. */
export function undirected(graph: ContributionGraph, dependents: Neighbours): Undirected {
  const count = graph.ids.length;
  const rows = new Uint32Array(count + 1);
  const targets = new Uint32Array(2 * graph.parents.length);
  let end = 0;
  let mutual = 0;
  for (let i = 0; i < count; i++) {
    let a = graph.rows[i]!;
    let b = dependents.rows[i]!;
    const lastA = graph.rows[i + 1]!;
    const lastB = dependents.rows[i + 1]!;
    while (a < lastA || b < lastB) {
      const parent = a < lastA ? graph.parents[a]! : Number.POSITIVE_INFINITY;
      const dependent = b < lastB ? dependents.targets[b]! : Number.POSITIVE_INFINITY;
      const neighbour = Math.min(parent, dependent);
      if (parent === neighbour) a++;
      if (dependent === neighbour) b++;
      if (neighbour === i) continue;
      if (parent === dependent) mutual++;
      targets[end++] = neighbour;
    }
    rows[i + 1] = end;
  }
  return { rows, targets: targets.slice(0, end), mutual };
}
