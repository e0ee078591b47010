import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COIN } from '#src/base/index.js';
import { buildGraph, payout, payoutByOwner, type SourceDeclaration } from '#src/reward/index.js';
import { sourcesArbitrary } from '../flow/graphs.js';

/** What each owner is paid when these amounts are paid. */
function earned(sources: readonly SourceDeclaration[], paid: readonly [string, bigint][]) {
  const graph = buildGraph(sources);
  const owners = payoutByOwner(graph, payout(graph, paid));
  return new Map(owners.map(({ owner, amount }) => [owner, amount]));
}
const of = (owner: string, id: string, ...parents: [string, number][]): SourceDeclaration => ({
  id,
  owner,
  parents: parents.map(([parent, ppm]) => ({ id: parent, ppm })),
});
const amount = fc.bigInt({ min: 1n, max: 10_000n * COIN });

describe('a ring of sources that cite each other', () => {
  const ring = (keep: number): SourceDeclaration[] =>
    [0, 1, 2].map((i) => of('eve', `ring${i}`, [`ring${(i + 1) % 3}`, 1_000_000 - keep]));

  it('earns nothing from the money of others, who do not name it', () => {
    fc.assert(
      fc.property(sourcesArbitrary(8, { acyclic: true }), amount, (honest, units) => {
        const owned = honest.map((source) => ({ ...source, owner: 'honest' }));
        const target = owned[0]!.id;
        // the ring names the honest ones as much as it likes
        const attack = [...owned, ...ring(100_000), of('eve', 'eve', [target, 400_000])];
        const graph = buildGraph(attack);
        expect(payout(graph, [[target, units]])).toEqual(
          payout(buildGraph(owned), [[target, units]]),
        );
      }),
    );
  });

  it('brings its owner back no more than the owner paid into it, to the unit', () => {
    fc.assert(
      fc.property(amount, fc.integer({ min: 1, max: 999_999 }), (units, keep) => {
        expect(earned(ring(keep), [['ring0', units]]).get('eve')).toBe(units);
      }),
    );
  });

  it('takes nothing from a parent that one of it names: what comes round is divided again', () => {
    const straight = [of('eve', 'model', ['verses', 200_000]), of('ben', 'verses')];
    const circled = [
      of('eve', 'model', ['verses', 200_000], ['shell', 700_000]),
      of('eve', 'shell', ['model', 1_000_000]),
      of('ben', 'verses'),
    ];
    const pay: [string, bigint][] = [['model', 100n * COIN]];
    expect(earned(straight, pay).get('ben')).toBe(20n * COIN);
    // 20 of 30: the ring costs its owner 46 coins of 80
    expect(earned(circled, pay).get('ben')).toBe(6_666_666_667n);
  });

  it('that keeps nothing is refused before any money enters it', () => {
    expect(() => earned(ring(0), [['ring0', COIN]])).toThrow(/could never leave/);
  });
});

describe('a source that is split into many', () => {
  it('brings its owner no more than a base unit for each new part and parent', () => {
    const parts = fc.integer({ min: 2, max: 6 });
    const graphs = sourcesArbitrary(8, { acyclic: true, generous: false });
    fc.assert(
      fc.property(graphs, parts, amount, (sources, k, units) => {
        const target = sources.at(-1)!;
        const honest = sources.map((source) => ({
          ...source,
          owner: source === target ? 'eve' : 'honest',
        }));
        const names = Array.from({ length: k }, (_, i) => `${target.id}-${i}`);
        const split = honest.flatMap((source): SourceDeclaration[] =>
          source.id === target.id
            ? names.map((id) => ({ ...source, id }))
            : [
                {
                  ...source,
                  parents: source.parents.flatMap(({ id, ppm }) =>
                    id !== target.id
                      ? [{ id, ppm }]
                      : names.map((name, i) => ({
                          id: name,
                          ppm: Math.floor(ppm / k) + (i < ppm % k ? 1 : 0),
                        })),
                  ),
                },
              ],
        );
        const root = honest[0]!.id;
        fc.pre(root !== target.id);
        const before = earned(honest, [[root, units]]).get('eve') ?? 0n;
        const after = earned(split, [[root, units]]).get('eve') ?? 0n;
        expect(after - before).toBeLessThanOrEqual(BigInt(k * target.parents.length));
      }),
      { numRuns: 300 },
    );
  });

  it('is one line in what its owner is paid, however many parts there are', () => {
    const parts = Array.from({ length: 200 }, (_, i): [string, number] => [`part${i}`, 1_000]);
    const sources = [of('ann', 'model', ...parts), ...parts.map(([id]) => of('eve', id))];
    const graph = buildGraph(sources);
    const owners = payoutByOwner(graph, payout(graph, [['model', 100n * COIN]]));
    expect(owners.map(({ owner, amount: a }) => [owner, a])).toEqual([
      ['ann', 80n * COIN],
      ['eve', 20n * COIN],
    ]);
  });
});

describe('an empty shell between a model and its parent', () => {
  /** A model that is worth 20 % to its parent, and passes it through shells that keep half each. */
  function throughShells(count: number): SourceDeclaration[] {
    const name = (i: number): string => (i === count ? 'verses' : `shell${i}`);
    const shells = Array.from({ length: count }, (_, i) =>
      of('eve', name(i), [name(i + 1), 500_000]),
    );
    return [of('eve', 'model', [name(0), 200_000]), ...shells, of('ben', 'verses')];
  }

  it('is not prevented: each that keeps half halves what the parent gets, and its owner gains that', () => {
    const shares = [0, 1, 2, 3].map((count) => {
      const all = earned(throughShells(count), [['model', 100n * COIN]]);
      return [all.get('ben'), all.get('eve')].map((units) => Number(units) / Number(COIN));
    });
    expect(shares).toEqual([
      [20, 80],
      [10, 90],
      [5, 95],
      [2.5, 97.5],
    ]);
  });

  it('that keeps nothing is of no use: the parent gets what it would get without', () => {
    fc.assert(
      fc.property(amount, (units) => {
        const through = [
          of('eve', 'model', ['shell', 200_000]),
          of('eve', 'shell', ['verses', 1_000_000]),
          of('ben', 'verses'),
        ];
        const direct = earned(throughShells(0), [['model', units]]);
        expect(earned(through, [['model', units]])).toEqual(direct);
      }),
    );
  });
});

describe('a farm of rounding', () => {
  it('of 249 parents of one part per million keeps less than one base unit of each', () => {
    const parents = Array.from({ length: 249 }, (_, i): [string, number] => [`p${i}`, 1]);
    const sources = [of('eve', 'farm', ...parents), ...parents.map(([id]) => of('ben', id))];
    fc.assert(
      fc.property(amount, (units) => {
        const got = earned(sources, [['farm', units]]).get('ben') ?? 0n;
        const exact = units * 249n; // millionths
        const missing = exact - got * 1_000_000n;
        expect(missing).toBeGreaterThanOrEqual(0n);
        expect(missing).toBeLessThan(249n * 1_000_000n);
      }),
    );
    // the largest gain there is: 249 units, 0.00000249 coins, of a payment in which every part just misses a unit
    expect(earned(sources, [['farm', 999_999n]]).get('ben')).toBeUndefined();
    expect(earned(sources, [['farm', 1_000_000n]]).get('ben')).toBe(249n);
  });

  it('loses what is paid at once: many users of a source pay it one sum, which is rounded once', () => {
    const users = Array.from({ length: 100 }, (_, i) => of('dee', `user${i}`, ['farm', 500_000]));
    const sources = [...users, of('eve', 'farm', ['verses', 100_000]), of('ben', 'verses')];
    const paid = users.map(({ id }): [string, bigint] => [id, 38n]);
    // apart, each 19 units would leave ben 1 of 1.9; together 1,900 leave him all 190
    expect(earned(sources, paid).get('ben')).toBe(190n);
    const apart = users.map(({ id }) => earned(sources, [[id, 38n]]).get('ben')!);
    expect(apart.reduce((sum, units) => sum + units, 0n)).toBe(100n);
  });

  it('as the last parent by id gets what rounding leaves of a source that keeps nothing: a unit a parent', () => {
    const sources = [
      of('ann', 'model', ['a', 333_333], ['b', 333_333], ['z', 333_334]),
      of('ben', 'a'),
      of('cy', 'b'),
      of('eve', 'z'),
    ];
    fc.assert(
      fc.property(amount, (units) => {
        const gain =
          (earned(sources, [['model', units]]).get('eve') ?? 0n) - (units * 333_334n) / 1_000_000n;
        expect(gain).toBeLessThanOrEqual(2n);
      }),
    );
  });
});
