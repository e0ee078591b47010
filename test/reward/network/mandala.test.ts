import { describe, expect, it } from 'vitest';
import { stronglyConnectedComponents } from '#src/reward/flow/components.js';
import { computePayout } from '#src/reward/flow/payout.js';
import { analyse, oneCoinEach } from '#src/reward/network/analyse.js';
import { mandala, mandalaFigures } from '#src/reward/network/mandala.js';
import { dependentsOf, undirected } from '#src/reward/network/neighbours.js';

/** N, E, sum of all distances and triangles, each by its closed form in whole numbers, written out here once more. */
function closedForms(g: number): { N: bigint; E: bigint; distances: bigint; triangles: bigint } {
  const n = BigInt(g);
  const M = 2n ** n;
  return {
    N: 3n * (M - 1n),
    E: 3n * ((n - 1n) * M + 1n),
    distances: 3n * (4n * M * M - (n + 12n) * M + n + 10n),
    triangles: 1n + 3n * (n - 1n) * (((n - 2n) * M) / 2n + 1n),
  };
}

describe.each([1, 2, 3, 4, 5, 6, 7, 8])('a Mandala network of %i generations', (g) => {
  const graph = mandala(g, 500_000);
  const figures = mandalaFigures(g);
  const forms = closedForms(g);
  const either = undirected(graph, dependentsOf(graph));

  it('has N = 3(2^g − 1) sources and E = 3((g − 1)2^g + 1) edges', () => {
    expect(BigInt(graph.ids.length)).toBe(forms.N);
    expect(BigInt(graph.parents.length)).toBe(forms.E);
    expect(either.targets.length).toBe(2 * graph.parents.length);
    expect(figures).toMatchObject({ nodes: Number(forms.N), edges: Number(forms.E) });
  });

  it('gives each source of generation i the degree 2^(g−i+1) + i − 1', () => {
    graph.ids.forEach((id, i) => {
      const generation = Number(id.slice(1, 3));
      const degree = 2 ** (g - generation + 1) + generation - 1;
      expect(either.rows[i + 1]! - either.rows[i]!).toBe(degree);
      expect(figures.degrees[generation - 1]).toBe(degree);
    });
  });

  it('has the mean path, diameter, triangles and clustering of the closed forms, found by search', () => {
    const { paths, clustering, weak, strong, depth } = analyse(graph, { rounds: 0 });
    const pairs = Number((forms.N * (forms.N - 1n)) / 2n);
    expect(paths.undirected.exact).toBe(true);
    expect(paths.undirected.mean).toBeCloseTo(Number(forms.distances) / pairs, 12);
    expect(figures.meanPath).toBeCloseTo(Number(forms.distances) / pairs, 12);
    expect(paths.undirected.diameter).toBe(figures.diameter);
    expect(clustering.triangles).toBe(Number(forms.triangles));
    expect(figures.triangles).toBe(Number(forms.triangles));
    expect(clustering.global).toBeCloseTo(figures.clustering, 12);
    expect(weak.count).toBe(1);
    expect(strong.circles).toBe(0);
    expect(depth).toBe(2 * g);
  });

  it('is a contribution graph that pays everybody to the unit', () => {
    const { demand } = oneCoinEach(graph);
    const sum = (amounts: BigUint64Array): bigint => amounts.reduce((a, b) => a + b, 0n);
    const paid = computePayout(graph, demand);
    expect(sum(paid)).toBe(sum(demand));
    expect(paid.every((units) => units > 0n)).toBe(true);
    expect([...graph.ids]).toEqual([...graph.ids].sort());
    graph.ids.forEach((_, i) => {
      const row = graph.parents.subarray(graph.rows[i]!, graph.rows[i + 1]!);
      expect([...row]).toEqual([...new Set(row)].sort((a, b) => a - b));
    });
    expect(stronglyConnectedComponents(graph).count).toBe(graph.ids.length);
  });
});

describe('Mandala networks', () => {
  it('have a mean path that tends to 8/3', () => {
    expect(mandalaFigures(19).meanPath).toBeCloseTo(8 / 3, 4);
  });

  it.each([0, 20, 1.5, Number.NaN, -1])('are not made of %s generations', (generations) => {
    expect(() => mandala(generations, 500_000)).toThrow(
      expect.objectContaining({ code: 'BAD_OPTION' }),
    );
  });

  it.each([0, 999, 1_000_001, 0.5])('are not made with %s parts per million passed on', (share) => {
    expect(() => mandala(3, share)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  });
});
