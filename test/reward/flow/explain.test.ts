import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildGraph, computeFlows, demandOf, explainShare } from '#src/reward/index.js';
import { sourcesArbitrary } from './graphs.js';

const sum = (values: readonly { readonly amount: bigint }[]): bigint =>
  values.reduce((total, { amount }) => total + amount, 0n);

describe('an explanation of a share', () => {
  it('sums to the share, and its users to what came in, on any graph', () => {
    const drawn = sourcesArbitrary(9).chain((sources) =>
      fc.record({
        sources: fc.constant(sources),
        units: fc.array(fc.bigInt(0n, 10n ** 12n), {
          minLength: sources.length,
          maxLength: sources.length,
        }),
        at: fc.nat(sources.length - 1),
        paths: fc.nat(20),
      }),
    );
    fc.assert(
      fc.property(drawn, ({ sources, units, at, paths }) => {
        const graph = buildGraph(sources);
        const demand = demandOf(
          graph,
          sources.map((s, i) => [s.id, units[i]!] as const),
        );
        let flows: ReturnType<typeof computeFlows>;
        try {
          flows = computeFlows(graph, demand);
        } catch {
          return;
        }
        const explained = explainShare(graph, demand, flows, at, { paths });
        expect(explained.paths.length).toBeLessThanOrEqual(paths);
        expect(sum(explained.paths) + explained.rest).toBe(flows.shares[at]);
        expect(sum(explained.users) + explained.paid).toBe(flows.received[at]);
        const amounts = explained.paths.map(({ amount }) => amount);
        expect(amounts).toEqual([...amounts].sort((a, b) => (a > b ? -1 : a < b ? 1 : 0)));
        for (const { sources: ids } of explained.paths) {
          expect(demand[graph.numberOf.get(ids[0]!)!]! > 0n).toBe(true);
          expect(ids.at(-1)).toBe(graph.ids[at]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('comes to an end where there are more paths than could be listed', () => {
    const layers = 40;
    const id = (layer: number, i: number): string => `${layer}-${i}`;
    const sources = Array.from({ length: layers * 4 }, (_, k) => {
      const [layer, i] = [Math.floor(k / 4), k % 4];
      const parents =
        layer + 1 < layers ? [0, 1, 2, 3].map((j) => ({ id: id(layer + 1, j), ppm: 250_000 })) : [];
      return { id: id(layer, i), parents };
    });
    const graph = buildGraph(sources);
    const demand = demandOf(graph, [[id(0, 0), 2n ** 62n]]);
    const target = graph.numberOf.get(id(layers - 1, 2))!;
    const explained = explainShare(graph, demand, computeFlows(graph, demand), target);
    expect(sum(explained.paths) + explained.rest).toBe(explained.share);
    expect(explained.users.length).toBe(4);
  });
});
