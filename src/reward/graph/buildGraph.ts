import { GraphBuilder } from './GraphBuilder.js';
import { type ContributionGraph, type SourceDeclaration, STANDINGS } from './graph.js';
import { readPpm } from './weight.js';

/**
 * The graph of these declarations, checked; {@link GraphBuilder} builds those that come from a stream.
 * @throws BitmodelError `BAD_GRAPH` (exit 2): an id twice or unprintable, a parent unknown or named twice, a weight
 * that is no whole number from 0 to 1,000,000, weights that sum to more than 1,000,000
 */
export function buildGraph(sources: readonly SourceDeclaration[]): ContributionGraph {
  const builder = new GraphBuilder();
  for (const source of sources) builder.declare(source.id, source);
  for (const { id, parents } of sources) {
    const child = builder.number(id);
    for (const { id: parentId, ppm, standing } of parents) {
      const parent = builder.number(parentId);
      const weight = readPpm(String(ppm), id, parentId);
      builder.edge(child, parent, weight, standing ? STANDINGS.indexOf(standing) + 1 : 0);
    }
  }
  return builder.build();
}
