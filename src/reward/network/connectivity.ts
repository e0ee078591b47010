import { stronglyConnectedComponents } from '../flow/components.js';
import type { ContributionGraph } from '../graph/graph.js';
import type { Neighbours } from './neighbours.js';

/** How a network hangs together. */
export interface Connectivity {
  /** Parts between which no edge runs, in either direction. */
  readonly weak: { readonly count: number; readonly largest: number };
  /** Sets of sources each of which stands on all others of its set. `circles` have more than one member. */
  readonly strong: { readonly count: number; readonly circles: number; readonly largest: number };
  /** Longest chain of edges from a source to one that it stands on, each circle counted as one source. */
  readonly depth: number;
  /** Numbers of the sources in the largest weak component, ascending; the one with the smallest number among equals. */
  readonly giant: Uint32Array;
}

/** Longest path over the condensation, whose components come parents first. */
function depthOf(graph: ContributionGraph): Pick<Connectivity, 'strong' | 'depth'> {
  const components = stronglyConnectedComponents(graph);
  const depths = new Uint32Array(components.count);
  let depth = 0;
  let circles = 0;
  let largest = 0;
  for (let c = 0; c < components.count; c++) {
    let longest = 0;
    const begin = components.starts[c]!;
    const end = components.starts[c + 1]!;
    for (let m = begin; m < end; m++) {
      const source = components.members[m]!;
      for (let e = graph.rows[source]!; e < graph.rows[source + 1]!; e++) {
        const other = components.of[graph.parents[e]!]!;
        if (other !== c) longest = Math.max(longest, depths[other]! + 1);
      }
    }
    depths[c] = longest;
    depth = Math.max(depth, longest);
    if (end - begin > 1) circles++;
    largest = Math.max(largest, end - begin);
  }
  return { strong: { count: components.count, circles, largest }, depth };
}

/** Weak and strong components and the depth of a network; linear time. */
export function connectivity(graph: ContributionGraph, neighbours: Neighbours): Connectivity {
  const count = graph.ids.length;
  const seen = new Uint8Array(count);
  const queue = new Uint32Array(count);
  let end = 0;
  let weak = 0;
  let giant = queue.subarray(0, 0);
  for (let root = 0; root < count; root++) {
    if (seen[root]) continue;
    weak++;
    const begin = end;
    seen[root] = 1;
    queue[end++] = root;
    for (let at = begin; at < end; at++) {
      const source = queue[at]!;
      for (let e = neighbours.rows[source]!; e < neighbours.rows[source + 1]!; e++) {
        const target = neighbours.targets[e]!;
        if (seen[target]) continue;
        seen[target] = 1;
        queue[end++] = target;
      }
    }
    if (end - begin > giant.length) giant = queue.subarray(begin, end);
  }
  return {
    weak: { count: weak, largest: giant.length },
    ...depthOf(graph),
    giant: giant.slice().sort(),
  };
}
