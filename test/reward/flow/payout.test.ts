import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildGraph,
  MAXIMUM_CIRCLE,
  type OwnerShare,
  ownerShares,
  payout,
  payoutByOwner,
  type SourceDeclaration,
  soleUnusedSource,
  stronglyConnectedComponents,
} from '#src/reward/index.js';
import { sourcesArbitrary } from './graphs.js';
import { exactShares, slowPayout } from './reference.js';

const to = (id: string, ppm: number) => ({ id, ppm });
const source = (id: string, ...parents: { id: string; ppm: number }[]): SourceDeclaration => ({
  id,
  parents,
});
const pay = (
  sources: SourceDeclaration[],
  amounts: Record<string, bigint>,
): Record<string, bigint> =>
  Object.fromEntries(payout(buildGraph(sources), Object.entries(amounts)));
const sum = (values: Iterable<bigint>): bigint => [...values].reduce((a, b) => a + b, 0n);
const amount = fc.oneof(fc.bigInt(0n, 100n), fc.bigInt(0n, 10n ** 16n));

/** Any graph with amounts paid for some of its sources. */
const paidGraph = (options = {}, size = 9) =>
  sourcesArbitrary(size, options).chain((sources) =>
    fc
      .array(amount, { minLength: sources.length, maxLength: sources.length })
      .map((units) => ({ sources, demand: new Map(sources.map((s, i) => [s.id, units[i]!])) })),
  );

describe('a payout on an acyclic graph', () => {
  it('passes each parent its part, rounded down, and leaves the source the rest', () => {
    const sources = [
      source('model', to('data', 333_333), to('paper', 1)),
      source('data'),
      source('paper'),
    ];
    expect(pay(sources, { model: 10n })).toEqual({ data: 3n, model: 7n });
    expect(pay(sources, { model: 3_000_000n })).toEqual({
      data: 999_999n,
      model: 1_999_998n,
      paper: 3n,
    });
  });

  it('gives what rounding leaves to the last parent by id where the source keeps no share', () => {
    const sources = [source('m', to('b', 500_000), to('a', 500_000)), source('a'), source('b')];
    expect(pay(sources, { m: 7n })).toEqual({ a: 3n, b: 4n });
  });

  it('passes nothing to a parent of weight 0, not even what rounding leaves', () => {
    const sources = [source('m', to('a', 1_000_000), to('z', 0)), source('a'), source('z')];
    expect(pay(sources, { m: 7n })).toEqual({ a: 7n });
  });

  it('rounds each flow once, after all that comes in is summed', () => {
    const sources = [
      source('m', to('x', 500_000)),
      source('n', to('x', 500_000)),
      source('x', to('y', 500_000)),
      source('y'),
    ];
    expect(pay(sources, { m: 2n, n: 2n })).toEqual({ m: 1n, n: 1n, x: 1n, y: 1n });
  });

  it('passes through a chain of 300,000 sources, kept or not', () => {
    const length = 300_000;
    const id = (i: number): string => String(i).padStart(7, '0');
    const chain = (ppm: number): SourceDeclaration[] =>
      Array.from({ length }, (_, i) =>
        i + 1 < length ? source(id(i), to(id(i + 1), ppm)) : source(id(i)),
      );
    expect(pay(chain(1_000_000), { [id(0)]: 5n })).toEqual({ [id(length - 1)]: 5n });
    expect(sum(Object.values(pay(chain(999_999), { [id(0)]: 10n ** 15n })))).toBe(10n ** 15n);
  });

  it('pays 200,000 parents of one source', () => {
    const parents = Array.from({ length: 200_000 }, (_, i) => source(`p${i}`));
    const model = { id: 'm', parents: parents.map((p) => to(p.id, 5)) };
    const shares = pay([model, ...parents], { m: 10n ** 6n });
    expect(Object.keys(shares).length).toBe(200_000);
    expect(shares.p0).toBe(5n);
  });

  it('stays exact with all the coins there can be', () => {
    const all = 10n ** 16n;
    const shares = pay([source('m', to('a', 999_999)), source('a')], { m: all });
    expect(shares).toEqual({
      a: (all * 999_999n) / 1_000_000n,
      m: all - (all * 999_999n) / 1_000_000n,
    });
    const most = 2n ** 63n - 1n;
    expect(pay([source('m', to('a', 1_000_000)), source('a')], { m: most })).toEqual({ a: most });
  });
});

describe('a payout on a graph with circles', () => {
  it('gives a source that stands on itself the whole of what it does not pass to others', () => {
    const sources = [source('m', to('m', 500_000), to('a', 250_000)), source('a')];
    expect(pay(sources, { m: 100n })).toEqual({ a: 50n, m: 50n });
  });

  it('solves two sources that stand on each other', () => {
    // f_a = 100 + f_b/2, f_b = f_a/2, so f_a = 400/3 and f_b = 200/3, of which each keeps half
    const sources = [source('a', to('b', 500_000)), source('b', to('a', 500_000))];
    expect(pay(sources, { a: 100n })).toEqual({ a: 67n, b: 33n });
  });

  it('breaks ties between equal remainders by id', () => {
    const sources = [source('a', to('b', 500_000)), source('b', to('a', 500_000))];
    expect(pay(sources, { a: 1n, b: 2n })).toEqual({ a: 1n, b: 2n });
    const half = [
      source('a', to('a', 1), to('b', 499_999), to('c', 500_000)),
      source('b', to('a', 0)),
      source('c'),
    ];
    expect(sum(Object.values(pay(half, { a: 1n })))).toBe(1n);
    const even = [source('a', to('a', 500_000), to('b', 250_000)), source('b')];
    expect(pay(even, { a: 1n })).toEqual({ a: 1n });
  });

  it('lets a circle without own share pass everything on to parents outside it', () => {
    const sources = [
      source('a', to('b', 1_000_000)),
      source('b', to('a', 500_000), to('c', 500_000)),
      source('c'),
    ];
    expect(pay(sources, { a: 9n })).toEqual({ c: 9n });
  });

  it('refuses to pay into a circle that money could never leave, and names it', () => {
    const ring = [
      source('m', to('x', 1)),
      source('x', to('y', 1_000_000)),
      source('y', to('x', 1_000_000)),
    ];
    expect(() => pay(ring, { m: 1_000_000n })).toThrow(/"x" could never leave: it and 1 others/);
    expect(() => pay([source('x', to('x', 1_000_000))], { x: 1n })).toThrow(/everything to itself/);
  });

  it('leaves a closed circle alone that no money reaches', () => {
    const sources = [source('m'), source('x', to('x', 1_000_000))];
    expect(pay(sources, { m: 5n })).toEqual({ m: 5n });
  });

  const ring = (size: number): SourceDeclaration[] =>
    Array.from({ length: size }, (_, i) => source(`r${i}`, to(`r${(i + 1) % size}`, 900_000)));

  it(`solves circles of up to ${MAXIMUM_CIRCLE} sources and refuses larger ones`, () => {
    for (const size of [2, 24, 25, 64, 65, 200]) {
      expect(sum(Object.values(pay(ring(size), { r1: 12_345n })))).toBe(12_345n);
    }
    expect(() => pay(ring(MAXIMUM_CIRCLE + 1), { r5: 1n })).toThrow(/at most 1000/);
  });

  it('agrees with the slow reference on a circle of 40, with equal remainders by id', () => {
    const even = Array.from({ length: 40 }, (_, i) =>
      source(`r${i}`, to(`r${(i + 1) % 40}`, 400_000), to(`r${(i + 7) % 40}`, 300_000)),
    );
    const demand = new Map(even.map((s) => [s.id, 1n]));
    demand.set('r3', 8n);
    const slow = slowPayout(even, demand) as Map<string, bigint>;
    const paid = payout(buildGraph(even), demand);
    for (const [id, units] of slow) expect([id, paid.get(id) ?? 0n]).toEqual([id, units]);
  });

  it('finds the components of a circle of 300,000 without overflowing the stack', () => {
    expect(stronglyConnectedComponents(buildGraph(ring(300_000))).count).toBe(1);
  });
});

describe('any payout', () => {
  it('sums to what was paid, to the unit, or refuses a closed circle', () => {
    fc.assert(
      fc.property(paidGraph(), ({ sources, demand }) => {
        const slow = slowPayout(sources, demand);
        const run = () => payout(buildGraph(sources), demand);
        if (slow instanceof Map) expect(sum(run().values())).toBe(sum(demand.values()));
        else expect(run).toThrow(/could never leave/);
      }),
      { numRuns: 300 },
    );
  });

  it('agrees with a slow rational reference, to the unit', () => {
    fc.assert(
      fc.property(paidGraph(), ({ sources, demand }) => {
        const slow = slowPayout(sources, demand);
        if (!(slow instanceof Map)) return;
        const paid = payout(buildGraph(sources), demand);
        for (const [id, units] of slow) expect([id, paid.get(id) ?? 0n]).toEqual([id, units]);
      }),
      { numRuns: 300 },
    );
  });

  it('is nowhere further from the unrounded solution than there are roundings', () => {
    fc.assert(
      fc.property(sourcesArbitrary(8, { generous: false }), amount, (sources, units) => {
        const demand = new Map([[sources[0]!.id, units % 10n ** 9n]]);
        const exact = exactShares(sources, demand);
        if (!exact || !(slowPayout(sources, demand) instanceof Map)) return;
        const paid = payout(buildGraph(sources), demand);
        const roundings = sources.reduce((n, s) => n + s.parents.length + 1, 0);
        for (const [id, share] of exact) {
          expect(Math.abs(Number(paid.get(id) ?? 0n) - share)).toBeLessThanOrEqual(roundings);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('does not depend on the order of sources or of their parents', () => {
    const shuffled = paidGraph().chain(({ sources, demand }) =>
      fc
        .tuple(
          fc.shuffledSubarray(sources, { minLength: sources.length }),
          fc.shuffledSubarray([...demand], { minLength: demand.size }),
        )
        .map(([other, amounts]) => ({ sources, demand, other, amounts })),
    );
    fc.assert(
      fc.property(shuffled, ({ sources, demand, other, amounts }) => {
        const outcome = (list: SourceDeclaration[], paid: Iterable<[string, bigint]>): unknown => {
          try {
            return [...payout(buildGraph(list), paid)];
          } catch (thrown) {
            return (thrown as { code: string }).code;
          }
        };
        const reversed = other.map((s) => ({ ...s, parents: [...s.parents].reverse() }));
        expect(outcome(reversed, amounts)).toEqual(outcome(sources, demand));
      }),
      { numRuns: 200 },
    );
  });

  it('refuses an unknown source, a negative amount, and more than 63 bits of money', () => {
    const graph = buildGraph([source('a'), source('b')]);
    expect(() => payout(graph, [['x', 1n]])).toThrow(/no source "x"/);
    expect(() => payout(graph, [['a', -1n]])).toThrow(/negative/);
    expect(() =>
      payout(graph, [
        ['a', 2n ** 62n],
        ['b', 2n ** 62n],
      ]),
    ).toThrow(/more than can exist/);
  });
});

describe('a payout by owner', () => {
  it('gives one who splits a work into many sources one sum, largest first', () => {
    const graph = buildGraph([
      {
        id: 'm',
        owner: 'ann',
        parents: [to('d1', 200_000), to('d2', 400_000), to('wild', 100_000)],
      },
      { id: 'd1', owner: 'ben', parents: [] },
      { id: 'd2', owner: 'ben', parents: [] },
      { id: 'wild', parents: [] },
    ]);
    expect(payoutByOwner(graph, payout(graph, [['m', 100n]]))).toEqual([
      { owner: 'ben', sources: ['d1', 'd2'], amount: 60n },
      { owner: 'ann', sources: ['m'], amount: 30n },
      { owner: undefined, sources: ['wild'], amount: 10n },
    ]);
  });

  it('is that of gathering one by one, on any graph, also where amounts differ by less than a double can hold', () => {
    const base = 2n ** 62n;
    const drawn = fc.record({
      owners: fc.array(fc.option(fc.constantFrom('ann', 'ben', 'cy'), { nil: undefined }), {
        minLength: 12,
        maxLength: 12,
      }),
      shares: fc.array(fc.constantFrom(0n, 1n, 2n, base, base + 1n, base + 2n), {
        minLength: 12,
        maxLength: 12,
      }),
    });
    fc.assert(
      fc.property(drawn, ({ owners, shares }) => {
        const graph = buildGraph(
          owners.map((owner, i) => ({ id: `s${i + 10}`, owner, parents: [] })),
        );
        const expected = new Map<string, OwnerShare>();
        shares.forEach((units, i) => {
          const { [i]: owner } = owners;
          const key = owner ?? `s${i + 10}`;
          if (units === 0n) return;
          const { sources, amount } = expected.get(key) ?? { sources: [], amount: 0n };
          const sum = BigInt.asUintN(64, amount + units);
          expected.set(key, { owner, sources: [...sources, `s${i + 10}`], amount: sum });
        });
        const nameOf = ({ owner, sources }: OwnerShare): string => owner ?? sources[0]!;
        const sorted = [...expected.values()].sort((a, b) =>
          a.amount === b.amount ? (nameOf(a) < nameOf(b) ? -1 : 1) : a.amount > b.amount ? -1 : 1,
        );
        expect([...ownerShares(graph, BigUint64Array.from(shares))]).toEqual(sorted);
      }),
    );
  });
});

describe('the source that was paid for, when none is named', () => {
  it('is the only one that no other uses', () => {
    expect(soleUnusedSource(buildGraph([source('m', to('m', 5), to('a', 5)), source('a')]))).toBe(
      'm',
    );
  });

  it('must be named where there is none or more than one', () => {
    expect(() => soleUnusedSource(buildGraph([source('a'), source('b')]))).toThrow(/2 sources/);
    expect(() =>
      soleUnusedSource(buildGraph([source('a', to('b', 5)), source('b', to('a', 5))])),
    ).toThrow(/used by another/);
  });
});
