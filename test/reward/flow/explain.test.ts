import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildGraph,
  computeFlows,
  demandOf,
  explainShare,
  type SourceDeclaration,
} from '#src/reward/index.js';
import { sourcesArbitrary } from './graphs.js';

const sum = (values: readonly { readonly amount: bigint }[]): bigint =>
  values.reduce((total, { amount }) => total + amount, 0n);

/** Whether a source's uses lead back to it. */
function inCircle(sources: readonly SourceDeclaration[], id: string): boolean {
  const paidBy = (user: string): string[] =>
    sources.find((s) => s.id === user)!.parents.flatMap((p) => (p.ppm > 0 ? [p.id] : []));
  const seen = new Set<string>();
  const waiting = paidBy(id);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    waiting.push(...paidBy(next));
  }
  return seen.has(id);
}

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
        for (const { ids, amount, members } of explained.users) {
          expect(members === undefined).toBe(!inCircle(sources, ids[0]!));
          if (members) expect(sum(members)).toBe(amount);
        }
        if (explained.circle) {
          const { users, flow } = explained.circle;
          expect(sum(users) + sum(explained.users) + explained.paid).toBe(flow);
          // the share is the source's part of its flow; either is rounded to less than a unit
          const apart = explained.share * 1_000_000n - flow * BigInt(graph.own[at]!);
          expect(apart < 2_000_000n && apart > -2_000_000n).toBe(true);
        }
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

  it('says what each user in a circle passed on, by the exact flow round it', () => {
    // f(a) = 9 + f(b)/2 and f(b) = f(a)/3, so 10.8 and 3.6 units; the tail gets 3.6 + 1.8 = 5.4
    const graph = buildGraph([
      { id: 'a', parents: ['b', 'tail'].map((id) => ({ id, ppm: 333_333 })) },
      { id: 'b', parents: ['a', 'tail'].map((id) => ({ id, ppm: 500_000 })) },
      { id: 'tail', parents: [] },
    ]);
    const demand = demandOf(graph, [['a', 9n]]);
    const flows = computeFlows(graph, demand);
    const [a, b, tail] = [0, 1, 2].map((at) => explainShare(graph, demand, flows, at));
    expect(a!.circle).toEqual({
      ids: ['a', 'b'],
      received: 9n,
      users: [{ id: 'b', amount: 1n }],
      flow: 10n,
    });
    expect([b!.users, b!.circle]).toEqual([
      [],
      { ids: ['a', 'b'], received: 9n, users: [{ id: 'a', amount: 3n }], flow: 3n },
    ]);
    expect(tail!.users).toEqual([
      {
        ids: ['a', 'b'],
        amount: 5n,
        // 3.6 and 1.8 rounded down, and the unit that is left to the larger remainder
        members: [
          { id: 'a', amount: 3n },
          { id: 'b', amount: 2n },
        ],
      },
    ]);
  });

  it('of one that stands on itself has what it passed itself', () => {
    const graph = buildGraph([{ id: 'a', parents: [{ id: 'a', ppm: 750_000 }] }]);
    const demand = demandOf(graph, [['a', 5n]]);
    const { users, circle, share } = explainShare(graph, demand, computeFlows(graph, demand), 0);
    expect([users, circle?.users, circle?.flow, share]).toEqual([
      [],
      [{ id: 'a', amount: 15n }],
      20n,
      5n,
    ]);
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
