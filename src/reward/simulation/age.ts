import { stronglyConnectedComponents } from '../flow/components.js';
import { type ContributionGraph, unusedSources } from '../graph/graph.js';

/**
 * The sources of a network that does not say how old they are, in an order in which they could have come: by the longest
 * chain of sources below them, those on a circle together, ties by id.
 */
export function byLevel(graph: ContributionGraph): Uint32Array {
  const components = stronglyConnectedComponents(graph);
  const levels = new Uint32Array(components.count);
  for (let c = 0; c < components.count; c++) {
    for (let m = components.starts[c]!; m < components.starts[c + 1]!; m++) {
      const source = components.members[m]!;
      for (let e = graph.rows[source]!; e < graph.rows[source + 1]!; e++) {
        const other = components.of[graph.parents[e]!]!;
        if (other !== c) levels[c] = Math.max(levels[c]!, levels[other]! + 1);
      }
    }
  }
  const levelOf = Uint32Array.from(graph.ids.keys(), (i) => levels[components.of[i]!]!);
  return Uint32Array.from(graph.ids.keys()).sort((a, b) => levelOf[a]! - levelOf[b]! || a - b);
}

/**
 * Fewest steps from a source that no other uses down to each one; 0 for those that none such stands on.
 */
export function stepsFromTop(graph: ContributionGraph): Uint32Array {
  const steps = new Uint32Array(graph.ids.length);
  const seen = new Uint8Array(graph.ids.length);
  const queue = new Uint32Array(graph.ids.length);
  let end = 0;
  for (const top of unusedSources(graph)) {
    seen[top] = 1;
    queue[end++] = top;
  }
  for (let at = 0; at < end; at++) {
    const source = queue[at]!;
    for (let e = graph.rows[source]!; e < graph.rows[source + 1]!; e++) {
      const parent = graph.parents[e]!;
      if (seen[parent]) continue;
      seen[parent] = 1;
      steps[parent] = steps[source]! + 1;
      queue[end++] = parent;
    }
  }
  return steps;
}
