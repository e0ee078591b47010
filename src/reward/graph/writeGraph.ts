import type { ContributionGraph } from './graph.js';
import { csvPieces } from './graphCsv.js';
import { jsonPieces } from './graphJson.js';
import { graphmlPieces } from './graphml.js';
import type { GraphFormat } from './readGraph.js';

/** Characters gathered before they are handed on. */
const PIECE = 1 << 16;

function piecesAs(graph: ContributionGraph, format: GraphFormat): Generator<string> {
  if (format === 'csv') return csvPieces(graph);
  return format === 'json' ? jsonPieces(graph) : graphmlPieces(graph);
}

/** The text of a graph in pieces of some 64 KiB; what is read from it by `readGraph` is the same graph. */
export function* writeGraph(graph: ContributionGraph, format: GraphFormat): Generator<string> {
  let gathered = '';
  for (const piece of piecesAs(graph, format)) {
    gathered += piece;
    if (gathered.length < PIECE) continue;
    yield gathered;
    gathered = '';
  }
  yield gathered;
}
