import { messageOf, parseAmount } from '../../base/index.js';
import { type ContributionGraph, graphError, quoted, standingOf } from './graph.js';
import { JsonGraphReader } from './JsonGraphReader.js';

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw graphError(`${what} is not valid JSON: ${messageOf(thrown)}.`, 'Mend the file');
  }
}

/** Bytes that the reader takes at once. */
const PIECE = 1 << 16;

/**
 * The graph in a JSON text `{v:1, sources:[{id, owner?, kind?, name?, parents:[{id, ppm, standing?}]}]}`, or in JSON
 * lines of such sources.
 * @throws BitmodelError `BAD_GRAPH` (exit 2) that names what is wrong and where
 */
export function parseGraph(text: string): ContributionGraph {
  const reader = new JsonGraphReader();
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += PIECE) reader.write(bytes.subarray(at, at + PIECE));
  return reader.end();
}

/** The beginning of an object's text, to which more fields are added. */
function opened(object: object): string {
  return JSON.stringify(object).slice(0, -1);
}

/**
 * The JSON text of a graph in pieces, sources and parents in the order of their ids. Uses of weight 0 are not in a
 * graph and so not in its text.
 */
export function* jsonPieces(graph: ContributionGraph): Generator<string> {
  yield '{"v":1,"sources":[';
  for (let i = 0; i < graph.ids.length; i++) {
    const labels = { owner: graph.owners[i], kind: graph.kinds[i], name: graph.names[i] };
    yield `${i > 0 ? ',' : ''}${opened({ id: graph.ids[i], ...labels })},"parents":[`;
    const begin = graph.rows[i]!;
    for (let e = begin; e < graph.rows[i + 1]!; e++) {
      const id = graph.ids[graph.parents[e]!]!;
      const parent = { id, ppm: graph.weights[e]!, standing: standingOf(graph, e) };
      yield `${e > begin ? ',' : ''}${JSON.stringify(parent)}`;
    }
    yield ']}';
  }
  yield ']}';
}

/** As {@link jsonPieces}, as one text. */
export function formatGraph(graph: ContributionGraph): string {
  return [...jsonPieces(graph)].join('');
}

/**
 * What was paid for which source, from a JSON text `{id: "1.5", …}` of decimal coins.
 * @returns base units by id
 * @throws BitmodelError `BAD_GRAPH` or `BAD_AMOUNT` (exit 2)
 */
export function parseDemand(text: string): Map<string, bigint> {
  const value = parseJson(text, 'The list of amounts');
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw graphError('The list of amounts is not a JSON object.', 'Write it as {"ID":"1.5"}');
  }
  const demand = new Map<string, bigint>();
  for (const [id, amount] of Object.entries(value)) {
    if (typeof amount !== 'string') {
      throw graphError(
        `The amount for ${quoted(id)} is not a text.`,
        'Write amounts in quotes, as {"ID":"1.5"}, so that none is rounded on the way',
      );
    }
    demand.set(id, parseAmount(amount));
  }
  return demand;
}
