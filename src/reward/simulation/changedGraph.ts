import { atLine, BitmodelError, EXIT } from '../../base/index.js';
import type { GraphChange } from '../flow/changes.js';
import { DynamicGraph } from '../flow/DynamicGraph.js';
import { type ContributionGraph, graphError, quoted } from '../graph/graph.js';

/** A change that is proposed, and the line that it stands in. */
export interface ProposedChange {
  readonly change: GraphChange;
  /** From 1. */
  readonly line: number;
}

function known(graph: DynamicGraph, id: string): number {
  const source = graph.numberOf(id);
  if (source !== undefined) return source;
  throw new BitmodelError('UNKNOWN_SOURCE', `The graph has no source ${quoted(id)}.`, {
    next: 'Name one of the ids in the graph, or add it to a file of the graph first',
    exitCode: EXIT.notFound,
  });
}

function apply(graph: DynamicGraph, change: GraphChange): void {
  if (change.kind === 'paid') {
    throw graphError(
      'A change says what was paid, which the jobs of a simulation decide.',
      'Take the line out, or use: bitmodel reward payout --changes',
    );
  }
  const source = known(graph, change.source);
  if (change.kind === 'parents') {
    graph.setRow(source, graph.rowFrom(change.source, change.parents));
    return;
  }
  const users = graph.usersOf(source);
  if (users > 0) {
    throw graphError(
      `${quoted(change.source)} is a parent of ${users} ${users === 1 ? 'source' : 'sources'} and can't be taken out.`,
      'Take it out of their parents first',
    );
  }
  graph.setRow(source, graph.rowFrom(change.source, []));
}

/**
 * The graph as it would be after changes, with the same sources under the same numbers: one that is taken out passes nothing
 * on, and nobody passes anything to it.
 * @throws BitmodelError `UNKNOWN_SOURCE`, or `BAD_GRAPH` for what a graph could not hold, their messages led by the line
 */
export function changedGraph(
  graph: ContributionGraph,
  changes: readonly ProposedChange[],
): ContributionGraph {
  const dynamic = new DynamicGraph(graph);
  for (const { change, line } of changes) {
    try {
      apply(dynamic, change);
    } catch (thrown) {
      throw atLine(line, thrown);
    }
  }
  const all = graph.ids.map((_, i) => dynamic.rowOf(i));
  const rows = new Uint32Array(all.length + 1);
  all.forEach((row, i) => {
    rows[i + 1] = rows[i]! + row.parents.length;
  });
  const parents = new Uint32Array(rows.at(-1)!);
  const weights = new Uint32Array(rows.at(-1)!);
  all.forEach((row, i) => {
    parents.set(row.parents, rows[i]!);
    weights.set(row.weights, rows[i]!);
  });
  const { ids, numberOf, owners, kinds, names } = graph;
  const own = Uint32Array.from(all, (row) => row.own);
  return { ids, numberOf, rows, parents, weights, own, owners, kinds, names };
}
