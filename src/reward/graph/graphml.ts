import { markup } from '../../base/index.js';
import { type ContributionGraph, standingOf } from './graph.js';

const HEAD = `<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key id="owner" for="node" attr.name="owner" attr.type="string"/>
  <key id="kind" for="node" attr.name="kind" attr.type="string"/>
  <key id="name" for="node" attr.name="name" attr.type="string"/>
  <key id="ppm" for="edge" attr.name="ppm" attr.type="int"/>
  <key id="standing" for="edge" attr.name="standing" attr.type="string"/>
  <graph edgedefault="directed">
`;

function datum(key: string, text: string | number | undefined): string {
  return text === undefined ? '' : markup`<data key="${key}">${text}</data>`.toString();
}

/** What an attribute holds; most ids have nothing that must be escaped. */
function escaped(id: string): string {
  return /^[\w.:@/-]*$/.test(id) ? id : markup`${id}`.toString();
}

/** The GraphML of a graph in pieces; an edge goes from who used to what was used. */
export function* graphmlPieces(graph: ContributionGraph): Generator<string> {
  yield HEAD;
  const { ids } = graph;
  for (let i = 0; i < ids.length; i++) {
    const data =
      datum('owner', graph.owners[i]) +
      datum('kind', graph.kinds[i]) +
      datum('name', graph.names[i]);
    yield `    <node id="${escaped(ids[i]!)}"${data === '' ? '/>' : `>${data}</node>`}\n`;
  }
  for (let i = 0; i < ids.length; i++) {
    const child = escaped(ids[i]!);
    for (let e = graph.rows[i]!; e < graph.rows[i + 1]!; e++) {
      const parent = escaped(ids[graph.parents[e]!]!);
      const data = datum('ppm', graph.weights[e]) + datum('standing', standingOf(graph, e));
      yield `    <edge source="${child}" target="${parent}">${data}</edge>\n`;
    }
  }
  yield '  </graph>\n</graphml>\n';
}
