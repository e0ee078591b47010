import { describe, expect, it } from 'vitest';
import {
  buildGraph,
  type ContributionGraph,
  computeFlows,
  computePayout,
  PayoutEngine,
  PPM,
  payout,
} from '#src/reward/index.js';

/** A stream of whole numbers below a bound, the same each time. */
function stream(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** A graph in rows, as a reader would build it; ids are what the numbers say. */
function graphOf(rows: readonly (readonly (readonly [number, number])[])[]): ContributionGraph {
  const ids = rows.map((_, i) => String(i).padStart(8, '0'));
  return buildGraph(
    rows.map((row, i) => ({
      id: ids[i]!,
      parents: row.map(([parent, ppm]) => ({ id: ids[parent]!, ppm })),
    })),
  );
}

/** Passes money on by the definition in bigints, in the order that is given. */
function slow(
  graph: ContributionGraph,
  demand: BigUint64Array,
  order: readonly number[],
): bigint[] {
  const flow = Array.from(demand);
  for (const i of order) {
    const amount = flow[i]!;
    const [begin, end] = [graph.rows[i]!, graph.rows[i + 1]!];
    const exact = graph.own[i]! > 0 ? end : end - 1;
    let rest = amount;
    if (begin === end) continue;
    for (let e = begin; e < exact; e++) {
      const part = (amount * BigInt(graph.weights[e]!)) / BigInt(PPM);
      flow[graph.parents[e]!]! += part;
      rest -= part;
    }
    flow[i] = 0n;
    flow[exact === end ? i : graph.parents[exact]!]! += rest;
  }
  return flow;
}

const sum = (values: Iterable<bigint>): bigint => {
  let total = 0n;
  for (const value of values) total += value;
  return total;
};

/** Distinct parents behind each place of an order, with weights that may use up the whole. */
function acyclic(count: number, order: readonly number[], below: (n: number) => number) {
  const rows: [number, number][][] = Array.from({ length: count }, () => []);
  order.forEach((source, place) => {
    const parents = new Set<number>();
    const most = Math.min(below(7), count - 1 - place);
    for (let k = 0; k < most; k++) parents.add(order[place + 1 + below(count - 1 - place)]!);
    let left = PPM;
    for (const parent of parents) {
      const ppm = 1 + below(Math.max(1, Math.floor(left / 2)));
      left -= ppm;
      rows[source]!.push([parent, ppm]);
    }
    const last = rows[source]!.at(-1);
    if (last && below(4) === 0) last[1] += left;
  });
  return rows;
}

describe('a payout at scale', () => {
  const shapes: [string, (count: number, below: (n: number) => number) => number[]][] = [
    ['parents behind their users', (count) => Array.from({ length: count }, (_, i) => i)],
    [
      'parents before their users',
      (count) => Array.from({ length: count }, (_, i) => count - 1 - i),
    ],
    [
      'any order',
      (count, below) => {
        const order = Array.from({ length: count }, (_, i) => i);
        for (let i = count - 1; i > 0; i--) {
          const j = below(i + 1);
          [order[i], order[j]] = [order[j]!, order[i]!];
        }
        return order;
      },
    ],
  ];
  it.each(shapes)(
    'is the slow one to the unit on 10,000 sources numbered with %s',
    (_, orderOf) => {
      const count = 10_000;
      const below = stream(7);
      const order = orderOf(count, below);
      const graph = graphOf(acyclic(count, order, below));
      const demand = new BigUint64Array(count);
      for (let k = 0; k < 300; k++)
        demand[below(count)] = BigInt(below(2 ** 31)) * BigInt(below(2 ** 22));
      demand[order[0]!] = 2n ** 62n;
      const shares = computePayout(graph, demand);
      expect(Array.from(shares)).toEqual(slow(graph, demand, order));
      expect(sum(shares)).toBe(sum(demand));
      expect(computeFlows(graph, demand).shares).toEqual(shares);
    },
  );

  it('conserves money where circles and self-loops hang between the sources', () => {
    const count = 10_000;
    const below = stream(11);
    const order = Array.from({ length: count }, (_, i) => i);
    const rows = acyclic(count, order, below);
    for (let k = 0; k < 1200; k++) {
      const from = 10 + below(count - 10);
      const to = from - below(4);
      const given = rows[from]!.reduce((total, [, ppm]) => total + ppm, 0);
      if (given < 900_000 && !rows[from]!.some(([parent]) => parent === to)) {
        rows[from]!.push([to, 1 + below(90_000)]);
      }
    }
    const graph = graphOf(rows);
    const demand = new BigUint64Array(count);
    for (let k = 0; k < 2000; k++) demand[below(count)]! += BigInt(below(2 ** 31));
    const flows = computeFlows(graph, demand);
    expect(flows.circles.length).toBeGreaterThan(50);
    expect(sum(flows.shares)).toBe(sum(demand));
    const engine = new PayoutEngine(graph, demand);
    const update = engine.setParents(graph.ids[5_000]!, []);
    const changed = rows.map((row, i) => (i === 5_000 ? [] : row));
    const anew = computePayout(graphOf(changed), demand);
    for (const [id, units] of engine.shares()) {
      if (anew[graph.numberOf.get(id)!] !== units) throw new Error(`${id} differs`);
    }
    expect(sum([...engine.shares()].map(([, units]) => units))).toBe(sum(demand));
    expect(update.divided).toBeLessThan(count);
  });

  it('passes through a chain of a million and a hub with 200,000 users and parents', () => {
    const count = 1_000_000;
    const rows = new Uint32Array(count + 1).map((_, i) => Math.min(i, count - 1));
    const parents = new Uint32Array(count - 1).map((_, i) => i + 1);
    const chain = {
      ids: { length: count },
      rows,
      parents,
      weights: new Uint32Array(count - 1).fill(999_999),
      own: new Uint32Array(count).fill(1),
    } as unknown as ContributionGraph;
    const demand = new BigUint64Array(count);
    demand[0] = 10n ** 16n;
    expect(sum(computePayout(chain, demand))).toBe(10n ** 16n);
    const half = 100_000;
    const hub = graphOf([
      ...Array.from({ length: half }, () => [[half, 999_999] as const]),
      Array.from({ length: half }, (_, i) => [half + 1 + i, 9] as const),
      ...Array.from({ length: half }, () => []),
    ]);
    const paid = new Map(hub.ids.slice(0, half).map((id) => [id, 1_000_003n]));
    const shares = payout(hub, paid);
    expect(sum(shares.values())).toBe(1_000_003n * BigInt(half));
    expect(shares.get(hub.ids[half + 1]!)).toBe(
      (((1_000_003n * 999_999n) / 1_000_000n) * BigInt(half) * 9n) / 1_000_000n,
    );
  });
});
