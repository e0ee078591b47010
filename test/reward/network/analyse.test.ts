import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildGraph, type ContributionGraph, PPM } from '#src/reward/index.js';
import { analyse, type NetworkAnalysis } from '#src/reward/network/analyse.js';
import { analysisSvg } from '#src/reward/network/analysisSvg.js';

/** The graph of these edges, each source passing on half in equal parts. */
function graphOf(edges: readonly (readonly [string, string])[]): ContributionGraph {
  const parents = new Map<string, Set<string>>();
  for (const [child, parent] of edges) {
    if (!parents.has(child)) parents.set(child, new Set());
    if (!parents.has(parent)) parents.set(parent, new Set());
    parents.get(child)!.add(parent);
  }
  return buildGraph(
    [...parents].map(([id, set]) => ({
      id,
      parents: [...set].map((parent) => ({ id: parent, ppm: Math.floor(PPM / 2 / set.size) })),
    })),
  );
}

const fixture = (name: string): string =>
  readFileSync(new URL(`../../../fixtures/graphs/${name}`, import.meta.url), 'utf8');

describe('the dependencies of Debian', () => {
  const expected = JSON.parse(fixture('debian-expected.json'));
  const edges = fixture('debian.csv').trim().split('\n').slice(1);
  const graph = graphOf(edges.map((line) => line.split(',') as [string, string]));
  const analysis = analyse(graph, { rounds: 20 });

  it('have the figures that NetworkX finds', () => {
    for (const figure of ['nodes', 'edges', 'selfLoops', 'depth', 'weak', 'strong'] as const) {
      expect(analysis[figure]).toEqual(expected[figure]);
    }
    for (const figure of ['density', 'reciprocity', 'meanDegree'] as const) {
      expect(analysis[figure]).toBeCloseTo(expected[figure], 12);
    }
    for (const way of ['undirected', 'directed'] as const) {
      expect(analysis.paths[way]).toMatchObject({ exact: true, diameter: expected[way].diameter });
      expect(analysis.paths[way].mean).toBeCloseTo(expected[way].mean, 12);
    }
    expect(analysis.clustering.triangles).toBe(expected.clustering.triangles);
    expect(analysis.clustering.local).toBeCloseTo(expected.clustering.local, 12);
    expect(analysis.clustering.global).toBeCloseTo(expected.clustering.global, 12);
    expect(analysis.hubs.map(({ id, dependents }) => [id, dependents])).toEqual(expected.hubs);
  });

  it.each(['inDegree', 'outDegree'] as const)(
    'have the power law that powerlaw fits to %s',
    (way) => {
      const { fit, maximum } = analysis[way];
      const { exponent, xMinimum, tail, distance } = expected[way];
      expect(maximum).toBe(expected[way].maximum);
      expect(fit).toMatchObject({ xMinimum, tail });
      const found = fit as Exclude<typeof fit, { refused: string }>;
      // the package searches for the exponent to four digits
      expect(Math.abs(found.exponent - exponent)).toBeLessThan(1e-4);
      expect(Math.abs(found.distance - distance)).toBeLessThan(1e-4);
      expect(found.standardError).toBeGreaterThan((0.8 * (exponent - 1)) / Math.sqrt(tail));
      expect(found.standardError).toBeLessThan((1.2 * (exponent - 1)) / Math.sqrt(tail));
    },
  );

  it('pay everybody in spite of their circles', () => {
    expect(analysis.strong.circles).toBe(14);
    expect(analysis.income).toMatchObject({ bySource: { holders: 2391 } });
  });
});

describe('small networks', () => {
  const small = (edges: [string, string][]): NetworkAnalysis => analyse(graphOf(edges));

  it('count a circle as one source for the depth, and leave loops out of reciprocity', () => {
    const analysis = small([
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'b'],
      ['c', 'd'],
      ['d', 'd'],
    ]);
    expect(analysis).toMatchObject({
      nodes: 4,
      edges: 5,
      selfLoops: 1,
      depth: 2,
      strong: { count: 3, circles: 1, largest: 2 },
      weak: { count: 1, largest: 4 },
      paths: { undirected: { diameter: 3 }, directed: { diameter: 3 } },
    });
    // a to b, c, d: 1 + 2 + 3; b to c, d: 1 + 2; c to b, d: 1 + 1
    expect(analysis.paths.directed.mean).toBeCloseTo(11 / 7, 12);
    expect(analysis.reciprocity).toBeCloseTo(2 / 4, 12);
  });

  it('have no fit where there are too few values, and say so', () => {
    const { fit } = small([['a', 'b']]).inDegree;
    expect(fit).toHaveProperty('refused', expect.stringContaining('at least 50'));
  });

  it('have no mean path where nobody is joined', () => {
    const analysis = analyse(buildGraph([{ id: 'a', parents: [] }]));
    expect(analysis.paths.undirected).toMatchObject({ mean: undefined, diameter: 0, exact: true });
    expect(analysis.clustering).toEqual({ local: 0, global: 0, triangles: 0 });
  });

  it('may have no source at all', () => {
    const analysis = analyse(buildGraph([]));
    expect(analysis).toMatchObject({
      nodes: 0,
      edges: 0,
      depth: 0,
      weak: { count: 0, largest: 0 },
    });
    expect(analysisSvg(analysis, 'x')).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('are analysed even where money could never leave them', () => {
    const graph = buildGraph([
      { id: 'a', parents: [{ id: 'b', ppm: PPM }] },
      { id: 'b', parents: [{ id: 'a', ppm: PPM }] },
    ]);
    expect(analyse(graph)).toMatchObject({
      edges: 2,
      income: { refused: expect.stringContaining('could never leave') },
    });
  });

  it('sum incomes by owner; who has none stands for itself', () => {
    const graph = buildGraph([
      { id: 'a', owner: 'ann', parents: [{ id: 'b', ppm: 250_000 }] },
      { id: 'b', owner: 'ann', parents: [] },
      { id: 'c', parents: [] },
    ]);
    expect(analyse(graph).income).toMatchObject({
      bySource: { holders: 3, total: 200_000_000n },
      byOwner: { holders: 2, giniPpm: 0 },
    });
  });

  it('are drawn without anything that a title could smuggle in', () => {
    const graph = buildGraph([{ id: '</svg><script>', parents: [] }]);
    const svg = analysisSvg(analyse(graph), '</title><script>"&');
    expect(svg).not.toContain('<script');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('have the distances and triangles that trying everything finds', () => {
    const edge = fc.tuple(fc.nat(11), fc.nat(11));
    fc.assert(
      fc.property(fc.array(edge, { minLength: 1, maxLength: 40 }), (pairs) => {
        const graph = graphOf(pairs.map(([a, b]) => [`n${a}`, `n${b}`]));
        const analysis = analyse(graph, { rounds: 0 });
        expect(analysis.clustering.triangles).toBe(trianglesOf(graph));
        expect(analysis.paths.directed).toMatchObject(directedPathsOf(graph));
        expect(analysisSvg(analysis, 'x')).not.toMatch(/NaN|Infinity|undefined/);
      }),
      { numRuns: 200 },
    );
  });
});

function joined(graph: ContributionGraph): boolean[][] {
  const matrix = graph.ids.map(() => graph.ids.map(() => false));
  graph.ids.forEach((_, i) => {
    for (let e = graph.rows[i]!; e < graph.rows[i + 1]!; e++) matrix[i]![graph.parents[e]!] = true;
  });
  return matrix;
}

function trianglesOf(graph: ContributionGraph): number {
  const edge = joined(graph);
  const either = (a: number, b: number): boolean => edge[a]![b]! || edge[b]![a]!;
  let triangles = 0;
  for (let a = 0; a < edge.length; a++) {
    for (let b = a + 1; b < edge.length; b++) {
      for (let c = b + 1; c < edge.length; c++) {
        if (either(a, b) && either(b, c) && either(a, c)) triangles++;
      }
    }
  }
  return triangles;
}

/** Floyd and Warshall's algorithm. */
function directedPathsOf(graph: ContributionGraph): { mean: number | undefined; diameter: number } {
  const length = joined(graph).map((row) => row.map((is) => (is ? 1 : Number.POSITIVE_INFINITY)));
  const all = length.map((_, i) => i);
  for (const via of all) {
    for (const a of all) {
      for (const b of all) {
        length[a]![b] = Math.min(length[a]![b]!, length[a]![via]! + length[via]![b]!);
      }
    }
  }
  const finite = all.flatMap((a) =>
    all.filter((b) => a !== b && Number.isFinite(length[a]![b])).map((b) => length[a]![b]!),
  );
  const sum = finite.reduce((a, b) => a + b, 0);
  return {
    mean: finite.length === 0 ? undefined : sum / finite.length,
    diameter: finite.reduce((a, b) => Math.max(a, b), 0),
  };
}
