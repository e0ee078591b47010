import fc from 'fast-check';
import { SaxesParser } from 'saxes';
import { describe, expect, it } from 'vitest';
import { buildGraph, graphSvg, partOf, type SourceDeclaration } from '#src/reward/index.js';
import { graphArbitrary } from '../graph/anyGraph.js';

interface Element {
  readonly name: string;
  readonly attributes: Record<string, string>;
}

/** The elements of a picture, which must be well-formed. */
function elements(svg: string): Element[] {
  const found: Element[] = [];
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => found.push({ name, attributes }));
  parser.write(svg).close();
  return found;
}

const boxes = (svg: string) =>
  elements(svg)
    .filter(({ attributes }) => attributes.class === 'box')
    .map(({ attributes: { x, y, width, height } }) => ({
      left: Number(x),
      top: Number(y),
      right: Number(x) + Number(width),
      bottom: Number(y) + Number(height),
    }));
const curves = (svg: string): string[] =>
  elements(svg).flatMap(({ name, attributes }) =>
    name === 'path' &&
    attributes.d?.startsWith('M') &&
    attributes['stroke-width'] &&
    / |C/.test(attributes.d) &&
    attributes.d.includes('C')
      ? [attributes.class!]
      : [],
  );
const id = (i: number): string => `s${i}`;

describe('a graph as a picture', () => {
  it('is well-formed, with text where strangers wrote something, and nothing of theirs but text', () => {
    const known = ['svg', 'title', 'style', 'defs', 'marker', 'path', 'rect', 'g', 'text'];
    fc.assert(
      fc.property(graphArbitrary, (graph) => {
        const found = elements(graphSvg(graph));
        expect(found.filter(({ name }) => !known.includes(name))).toEqual([]);
        const names = found.flatMap(({ attributes }) => Object.keys(attributes));
        expect(names.filter((name) => /^on|href/i.test(name))).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it('has all of its legend within its width, however many kinds and claims there are', () => {
    const kinds = ['model', 'dataset', 'algorithm', 'theory', 'paper', 'developer', 'compute'];
    const standings = ['confirmed', 'unconfirmed', 'disputed'] as const;
    const graph = buildGraph(
      kinds.map((kind, i) => ({
        id: id(i),
        kind,
        parents:
          i === 0 ? standings.map((standing, j) => ({ id: id(j + 1), ppm: 1000, standing })) : [],
      })),
    );
    const svg = graphSvg(graph);
    const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(svg)!.map(Number);
    const notes = [...svg.matchAll(/class="note" x="([\d.]+)" y="([\d.]+)">([^<]*)</g)];
    expect(notes.map(([, , , text]) => text)).toEqual(
      expect.arrayContaining([...standings, ...kinds]),
    );
    for (const [, x, y, text] of notes) {
      expect(Number(x) + 7 * text!.length).toBeLessThanOrEqual(width!);
      expect(Number(y)).toBeLessThanOrEqual(height! - 8);
    }
  });

  it('shows what would be a script as what it is', () => {
    const script = '</text><script>alert(1)</script>';
    const svg = graphSvg(
      buildGraph([{ id: script, owner: '" onload="x', kind: '__proto__', parents: [] }]),
    );
    expect(svg).not.toMatch(/<script|onload="/);
    expect(svg).toContain('&lt;/text&gt;&lt;script&gt;');
  });

  it('has a box for each source, none on another, and a curve for each share', () => {
    fc.assert(
      fc.property(graphArbitrary, (graph) => {
        const svg = graphSvg(graph);
        const all = boxes(svg);
        expect(all.length).toBe(graph.ids.length);
        const clashes = all.flatMap((a, i) =>
          all
            .slice(i + 1)
            .filter(
              (b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom,
            ),
        );
        expect(clashes).toEqual([]);
        const loops = graph.ids.filter((_, i) =>
          graph.parents.subarray(graph.rows[i], graph.rows[i + 1]).includes(i),
        );
        expect(curves(svg).length).toBe(graph.parents.length - loops.length);
      }),
      { numRuns: 100 },
    );
  });

  it('puts users left of what they use, where there is no circle', () => {
    const sources: SourceDeclaration[] = Array.from({ length: 30 }, (_, i) => ({
      id: `s${String(i).padStart(2, '0')}`,
      parents: [i + 1, i + 7]
        .filter((to) => to < 30)
        .map((to) => ({ id: `s${String(to).padStart(2, '0')}`, ppm: 5 })),
    }));
    const lefts = boxes(graphSvg(buildGraph(sources))).map(({ left }) => left);
    expect(lefts).toEqual([...lefts].sort((a, b) => a - b));
  });

  it('says of no share that it is all or nothing which is not', () => {
    const graph = buildGraph([
      { id: 'a', parents: [{ id: 'b', ppm: 1 }] },
      { id: 'b', parents: [{ id: 'c', ppm: 999_999 }] },
      { id: 'c', parents: [{ id: 'd', ppm: 1_000_000 }] },
      { id: 'd', parents: [] },
    ]);
    const texts = [...graphSvg(graph).matchAll(/>((?:keeps )?(?:&[lg]t;)?[\d.]+ %)</g)].map(
      ([, text]) => text,
    );
    expect(texts).toEqual([
      '&lt;0.1 %',
      '&gt;99.9 %',
      '100 %',
      'keeps &gt;99.9 %',
      'keeps &lt;0.1 %',
      'keeps 0 %',
      'keeps 100 %',
    ]);
  });

  it('tells claims apart that are confirmed, not confirmed and disputed', () => {
    const graph = buildGraph([
      {
        id: 'a',
        parents: [
          { id: 'b', ppm: 1, standing: 'confirmed' },
          { id: 'c', ppm: 2, standing: 'unconfirmed' },
          { id: 'd', ppm: 3, standing: 'disputed' },
          { id: 'e', ppm: 4 },
        ],
      },
      ...['b', 'c', 'd', 'e'].map((id) => ({ id, parents: [] })),
    ]);
    const looks = curves(graphSvg(graph)).sort();
    expect(looks).toEqual(['edge confirmed', 'edge disputed', 'edge stated', 'edge unconfirmed']);
  });

  it('draws the 500 best connected of more, and says of how many', () => {
    const parents = Array.from({ length: 2000 }, (_, i) => ({ id: id(i), ppm: 1 }));
    const graph = buildGraph([
      { id: 'hub', parents },
      ...parents.map((p) => ({ id: p.id, parents: [] })),
    ]);
    const svg = graphSvg(graph);
    expect(boxes(svg).length).toBe(500);
    expect(svg).toContain('500 of 2001 sources, 499 of 2000 shares');
  });

  it('takes a chain of 100,000 and a full circle of 500, within bounds', () => {
    const chain = buildGraph(
      Array.from({ length: 100_000 }, (_, i) => ({
        id: id(i),
        parents: i < 99_999 ? [{ id: id(i + 1), ppm: 5 }] : [],
      })),
    );
    expect(boxes(graphSvg(chain)).length).toBe(500);
    const circle = buildGraph(
      Array.from({ length: 500 }, (_, i) => ({
        id: id(i),
        parents: Array.from({ length: 20 }, (_, k) => ({ id: id((i + k + 1) % 500), ppm: k + 1 })),
      })),
    );
    const svg = graphSvg(circle);
    expect(curves(svg).length).toBe(3000);
    expect(svg.length).toBeLessThan(10_000_000);
  });
});

describe('a part of a graph', () => {
  const graph = buildGraph([
    { id: 'a', owner: 'ann', parents: [{ id: 'b', ppm: 7, standing: 'disputed' }] },
    { id: 'b', parents: [{ id: 'c', ppm: 9 }] },
    { id: 'c', parents: [{ id: 'a', ppm: 1 }] },
    { id: 'd', parents: [{ id: 'c', ppm: 1 }] },
  ]);

  it('is all that a source stands on, unchanged', () => {
    const part = partOf(graph, { root: graph.numberOf.get('b')! });
    expect(part.ids).toEqual(['a', 'b', 'c']);
    expect([...part.own]).toEqual([...graph.own.subarray(0, 3)]);
    expect([part.owners[0], [...part.standings!]]).toEqual(['ann', [3, 0, 0]]);
  });

  it('ends so many steps from its root', () => {
    expect(partOf(graph, { root: 0, depth: 1 }).ids).toEqual(['a', 'b']);
    expect(partOf(graph, { root: 0, depth: 0 }).ids).toEqual(['a']);
  });
});
