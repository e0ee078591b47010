import fc from 'fast-check';
import {
  buildGraph,
  type ContributionGraph,
  type SourceDeclaration,
  STANDINGS,
} from '#src/reward/index.js';

/** Characters that each format must take care of, and a few that none need. */
const CHARACTERS = [...'ab<>&"\',;=+@ \u00a0\\/{}[]:%é中😀\u00ad\u202e\u0301'];

/** A text that may be an id: of any characters, those that are not printable left out. */
export const labelArbitrary = fc
  .oneof(
    fc.string({ unit: fc.constantFrom(...CHARACTERS), minLength: 1, maxLength: 8 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
  )
  .map((text) => text.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\ufeff\ufffe\uffff]/gu, 'x'));

/** Any graph: odd ids, labels or none, standings, circles and self-loops. */
export const graphArbitrary: fc.Arbitrary<ContributionGraph> = fc
  .uniqueArray(labelArbitrary, { minLength: 1, maxLength: 8 })
  .chain((ids) => {
    const parents = fc.uniqueArray(
      fc.record(
        {
          id: fc.constantFrom(...ids),
          ppm: fc.integer({ min: 1, max: Math.floor(1_000_000 / ids.length) }),
          standing: fc.constantFrom(...STANDINGS),
        },
        { requiredKeys: ['id', 'ppm'] },
      ),
      { selector: ({ id }) => id, maxLength: ids.length },
    );
    const labels = fc.record(
      { owner: labelArbitrary, kind: labelArbitrary, name: labelArbitrary },
      { requiredKeys: [] },
    );
    return fc
      .tuple(
        ...ids.map((id) => fc.tuple(labels, parents).map(([l, p]) => ({ ...l, id, parents: p }))),
      )
      .map((sources: SourceDeclaration[]) => buildGraph(sources));
  });

/** A graph without typed arrays and absent fields, to be held against another. */
export function plain(graph: ContributionGraph): unknown {
  return {
    ids: graph.ids,
    numbers: [...graph.numberOf],
    rows: [...graph.rows],
    parents: [...graph.parents],
    weights: [...graph.weights],
    own: [...graph.own],
    labels: [graph.owners, graph.kinds, graph.names],
    standings: graph.standings && [...graph.standings],
  };
}

/** Bytes in pieces of a few, so that every boundary is tried. */
export function* inPieces(text: string, size: number): Generator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
