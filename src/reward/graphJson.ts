import { messageOf, parseAmount } from '../base/index.js';
import {
  assertLabel,
  buildGraph,
  type ContributionGraph,
  graphError,
  type ParentShare,
  quoted,
  type SourceDeclaration,
} from './graph.js';

type Fields = Readonly<Record<string, unknown>>;

const FORM = '{"v":1,"sources":[{"id":"…","parents":[{"id":"…","ppm":150000}]}]}';

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw graphError(`${what} is not valid JSON: ${messageOf(thrown)}.`, 'Mend the file');
  }
}

function assertObject(value: unknown, what: string, known: readonly string[]): Fields {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw graphError(`${what} is not a JSON object.`, `Write the graph as ${FORM}`);
  }
  const stranger = Object.keys(value).find((key) => !known.includes(key));
  if (stranger !== undefined) {
    // a misspelt "parents" would silently keep all the money
    throw graphError(
      `${what} has a field ${quoted(stranger)} that means nothing here.`,
      `The fields are ${known.join(', ')}`,
    );
  }
  return value as Fields;
}

function readParent(value: unknown, child: string): ParentShare {
  const fields = assertObject(value, `A parent of ${quoted(child)}`, ['id', 'ppm']);
  assertLabel(fields.id, `The id of a parent of ${quoted(child)}`);
  return { id: fields.id, ppm: fields.ppm as number };
}

function optionalLabel(value: unknown, what: string): string | undefined {
  if (value === undefined) return undefined;
  assertLabel(value, what);
  return value;
}

function readSource(value: unknown, at: number): SourceDeclaration {
  const known = ['id', 'owner', 'kind', 'name', 'parents'];
  const fields = assertObject(value, `Source ${at + 1}`, known);
  const { id, parents = [] } = fields;
  assertLabel(id, `The id of source ${at + 1}`);
  if (!Array.isArray(parents)) {
    throw graphError(
      `The parents of ${quoted(id)} are not a list.`,
      'Write them as [{"id":"…","ppm":150000}]',
    );
  }
  return {
    id,
    owner: optionalLabel(fields.owner, `The owner of ${quoted(id)}`),
    kind: optionalLabel(fields.kind, `The kind of ${quoted(id)}`),
    name: optionalLabel(fields.name, `The name of ${quoted(id)}`),
    parents: parents.map((parent) => readParent(parent, id)),
  };
}

/**
 * The graph in a JSON text `{v:1, sources:[{id, owner?, kind?, name?, parents:[{id, ppm}]}]}`.
 * @throws BitmodelError `BAD_GRAPH` (exit 2) that names what is wrong and where
 */
export function parseGraph(text: string): ContributionGraph {
  const fields = assertObject(parseJson(text, 'The graph'), 'The graph', ['v', 'sources']);
  if (fields.v !== 1) {
    throw graphError('The graph is not of version 1.', 'Begin it with {"v":1');
  }
  if (!Array.isArray(fields.sources) || fields.sources.length === 0) {
    throw graphError('The graph has no sources.', `Write the graph as ${FORM}`);
  }
  return buildGraph(fields.sources.map(readSource));
}

/**
 * The JSON text of a graph, sources and parents in the order of their ids. Uses of weight 0 are not in a graph and
 * so not in its text.
 */
export function formatGraph(graph: ContributionGraph): string {
  const sources = graph.ids.map((id, i) => {
    const parents: ParentShare[] = [];
    for (let e = graph.rows[i]!; e < graph.rows[i + 1]!; e++) {
      parents.push({ id: graph.ids[graph.parents[e]!]!, ppm: graph.weights[e]! });
    }
    const { [i]: owner } = graph.owners;
    const { [i]: kind } = graph.kinds;
    const { [i]: name } = graph.names;
    return { id, owner, kind, name, parents };
  });
  return JSON.stringify({ v: 1, sources });
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
