import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { treeGuides, treeLine } from '#src/commands/shared/tree-view.js';
import { buildGraph, type ContributionGraph, treeRows } from '#src/reward/index.js';
import { graphArbitrary } from '../graph/anyGraph.js';

const BOUNDS = { depth: 8, breadth: 20, rows: 200 };
const BOXES = treeGuides({ LANG: 'en_GB.UTF-8' }, 'linux');

function draw(graph: ContributionGraph, options = {}, columns = 80): string[] {
  return Array.from(treeRows(graph, { ...BOUNDS, ...options }), (row) =>
    treeLine(graph, row, BOXES, columns)
      .map(({ text }) => text)
      .join(''),
  );
}
const parents = (...shares: [string, number][]) => shares.map(([id, ppm]) => ({ id, ppm }));
const leaf = (id: string) => ({ id, parents: [] });

describe('a graph as a tree', () => {
  it('has what each source stands on under it, largest share first, what is shared once', () => {
    const graph = buildGraph([
      {
        id: 'poet',
        kind: 'model',
        owner: 'ann',
        parents: parents(['verses', 200_000], ['base', 300_000]),
      },
      { id: 'base', name: 'Base 7B', parents: parents(['verses', 1], ['web', 10_000]) },
      { id: 'chat', parents: parents(['base', 50_000]) },
      leaf('verses'),
      leaf('web'),
    ]);
    expect(draw(graph)).toEqual([
      'chat, keeps 95 %',
      '└─ 5 %  Base 7B base, keeps 98.9999 %',
      '   ├─ 1 %  web, keeps 100 %',
      '   └─ 0.0001 %  verses, keeps 100 %',
      'poet (model), keeps 50 %, ann',
      '├─ 30 %  Base 7B base, keeps 98.9999 % (shown above)',
      '└─ 20 %  verses, keeps 100 %',
    ]);
    expect(draw(graph, { root: graph.numberOf.get('base')!, depth: 0 })).toEqual([
      'Base 7B base, keeps 98.9999 % … 2 parents',
    ]);
  });

  it('says where a circle closes, and begins one that nobody leads to with its first source', () => {
    const graph = buildGraph([
      { id: 'b', parents: parents(['a', 5]) },
      { id: 'a', parents: [{ id: 'b', ppm: 5, standing: 'disputed' }] },
    ]);
    expect(draw(graph)).toEqual([
      'a, keeps 99.9995 %',
      '└─ 0.0005 %  [disputed] b, keeps 99.9995 %',
      '   └─ 0.0005 %  a, keeps 99.9995 % (a circle: shown above)',
    ]);
  });

  it('bounds what stands on one level, and says what is left out', () => {
    const many = Array.from({ length: 1000 }, (_, i) => [`p${i}`, i + 1] as [string, number]);
    const graph = buildGraph([
      { id: 'hub', parents: parents(...many) },
      ...many.map(([id]) => leaf(id)),
    ]);
    const lines = draw(graph, { breadth: 2 });
    expect(lines).toEqual([
      'hub, keeps 49.95 %',
      '├─ 0.1 %  p999, keeps 100 %',
      '├─ 0.0999 %  p998, keeps 100 %',
      '└─ … 998 more, 49.8501 % together',
    ]);
  });

  it('bounds the rows at all, whatever the graph', () => {
    fc.assert(
      fc.property(graphArbitrary, fc.integer({ min: 1, max: 12 }), (graph, rows) => {
        const drawn = [...treeRows(graph, { ...BOUNDS, rows })];
        expect(drawn.filter((row) => 'source' in row).length).toBeLessThanOrEqual(rows);
        expect(drawn.length).toBeLessThan(rows + BOUNDS.depth + 2);
      }),
    );
  });

  it('shows every source of a small graph', () => {
    fc.assert(
      fc.property(graphArbitrary, (graph) => {
        const shown = new Set(
          Array.from(treeRows(graph, { depth: 100, breadth: 100, rows: 10_000 }), (row) =>
            'source' in row ? row.source : -1,
          ),
        );
        expect([...shown].sort((a, b) => a - b)).toEqual([...graph.ids.keys()]);
      }),
    );
  });

  it('keeps to the columns, and to one line a source', () => {
    const graph = buildGraph([
      { id: 'x'.repeat(200), name: '名'.repeat(100), owner: '\u202eann', parents: [] },
    ]);
    const [line] = draw(graph, {}, 40);
    expect(line).toBe(`${'名'.repeat(19)}…`);
  });

  it('uses line-drawing characters only where the locale has them', () => {
    expect(treeGuides({}, 'linux').fork).toBe('|- ');
    expect(treeGuides({ LC_ALL: 'C', LANG: 'en_GB.UTF-8' }, 'linux').fork).toBe('|- ');
    expect(treeGuides({ LANG: 'en_GB.utf8', TERM: 'dumb' }, 'linux').fork).toBe('|- ');
    expect(treeGuides({}, 'darwin').fork).toBe('├─ ');
  });

  it('does not run away on a chain of 100,000', () => {
    const chain = buildGraph(
      Array.from({ length: 100_000 }, (_, i) => ({
        id: `c${String(i).padStart(6, '0')}`,
        parents: i < 99_999 ? parents([`c${String(i + 1).padStart(6, '0')}`, 1]) : [],
      })),
    );
    expect(draw(chain).length).toBe(9);
    expect(draw(chain).at(-1)).toMatch(/… 1 parent$/);
  });
});
