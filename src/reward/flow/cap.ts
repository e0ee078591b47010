import { type ContributionGraph, PPM } from '../graph/graph.js';

/**
 * The graph with no source passing on more than a part of what it gets (DESIGN 9: "forwarded share capped"): where its
 * parents' weights sum to more, each is lowered in proportion, rounded down; what that frees stays with the source.
 * Whoever puts empty shells between a model and its parents then loses a part in each, to the shell's holder.
 * @param mostPpm parts per million, 0 to 1,000,000
 */
export function capForwarded(graph: ContributionGraph, mostPpm: number): ContributionGraph {
  const { ids } = graph;
  const rows = new Uint32Array(ids.length + 1);
  const parents = graph.parents.slice();
  const weights = graph.weights.slice();
  const own = graph.own.slice();
  const standings = graph.standings?.slice();
  let end = 0;
  for (let i = 0; i < ids.length; i++) {
    const given = PPM - graph.own[i]!;
    let left = PPM;
    for (let e = graph.rows[i]!; e < graph.rows[i + 1]!; e++) {
      const weight = graph.weights[e]!;
      // below 10¹², so exact
      const capped = given > mostPpm ? Math.floor((weight * mostPpm) / given) : weight;
      if (capped === 0) continue;
      parents[end] = graph.parents[e]!;
      weights[end] = capped;
      if (standings) standings[end] = graph.standings![e]!;
      left -= capped;
      end++;
    }
    own[i] = left;
    rows[i + 1] = end;
  }
  return {
    ...graph,
    rows,
    parents: parents.subarray(0, end),
    weights: weights.subarray(0, end),
    own,
    ...(standings ? { standings: standings.subarray(0, end) } : {}),
  };
}
