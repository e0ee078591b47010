import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import { computePayout } from '#src/reward/flow/payout.js';
import { buildGraph, type ContributionGraph } from '#src/reward/index.js';
import { analyse } from '#src/reward/network/analyse.js';
import { byLevel, stepsFromTop } from '#src/reward/simulation/age.js';
import { grow, type World } from '#src/reward/simulation/grow.js';
import { labelled } from '#src/reward/simulation/labels.js';
import { type Market, POPULARITIES, runMarket } from '#src/reward/simulation/market.js';
import { reweighed, type Scheme } from '#src/reward/simulation/schemes.js';
import { simulate } from '#src/reward/simulation/simulate.js';
import { simulationSvg } from '#src/reward/simulation/simulationSvg.js';

const COIN = 100_000_000n;
const MARKET: Market = {
  jobs: 500,
  prices: { least: COIN, most: COIN, spread: 'uniform' },
  popularity: 'zipf',
};
const EQUAL: Scheme = { name: 'equal', rule: 'equal', sharePpm: 200_000 };
const FIRST: Scheme = { name: 'first', rule: 'first', sharePpm: 200_000 };
const DECAY: Scheme = { name: 'decay', rule: 'decay', sharePpm: 400_000, factorPpm: 500_000 };
const KINDS: Scheme = {
  name: 'kinds',
  rule: 'kinds',
  shares: new Map([
    ['dataset', 100_000],
    ['paper', 50_000],
  ]),
};
const DECLARED: Scheme = { name: 'declared', rule: 'declared' };
const sum = (amounts: BigUint64Array): bigint => amounts.reduce((a, b) => a + b, 0n);

function parentsOf(graph: ContributionGraph, id: string): Record<string, number> {
  const i = graph.numberOf.get(id)!;
  const found: Record<string, number> = {};
  for (let e = graph.rows[i]!; e < graph.rows[i + 1]!; e++) {
    found[graph.ids[graph.parents[e]!]!] = graph.weights[e]!;
  }
  return found;
}

/** model ← user; the model stands on two data sets and a paper, which stands on a theory and on itself. */
const FAMILY = buildGraph([
  { id: 'user', kind: 'model', owner: 'ann', parents: [{ id: 'model', ppm: 300_000 }] },
  {
    id: 'model',
    kind: 'model',
    owner: 'ben',
    parents: [
      { id: 'data1', ppm: 100_000 },
      { id: 'data2', ppm: 50_000 },
      { id: 'paper', ppm: 10_000 },
    ],
  },
  { id: 'data1', kind: 'dataset', owner: 'cy', parents: [] },
  { id: 'data2', kind: 'dataset', parents: [] },
  {
    id: 'paper',
    kind: 'paper',
    owner: 'ann',
    parents: [
      { id: 'theory', ppm: 500_000 },
      { id: 'paper', ppm: 100_000 },
    ],
  },
  { id: 'theory', parents: [] },
]);
const family: World = { graph: FAMILY, byAge: byLevel(FAMILY) };

describe('growing by preferential attachment', () => {
  const { graph } = grow({ model: 'preferential', sources: 20_000, parents: 3 }, 200_000, '7');

  it('gives each source its number of different older parents', () => {
    graph.ids.forEach((_, i) => {
      const row = graph.parents.subarray(graph.rows[i]!, graph.rows[i + 1]!);
      expect(row.length).toBe(Math.min(i, 3));
      expect(row.every((parent, at) => parent < i && (at === 0 || parent > row[at - 1]!))).toBe(
        true,
      );
    });
    expect([...graph.ids]).toEqual([...graph.ids].sort());
  });

  it('has in-degrees of the exponent 2 + 1/3', () => {
    const { fit } = analyse(graph, { rounds: 0, samples: 2 }).inDegree;
    if ('refused' in fit) throw new Error(fit.refused);
    expect(Math.abs(fit.exponent - 7 / 3)).toBeLessThan(0.12);
  });

  it('grows another network from another seed, and the same one from the same', () => {
    const small = (seed: string): number[] => [
      ...grow({ model: 'preferential', sources: 50, parents: 2 }, 200_000, seed).graph.parents,
    ];
    expect(small('a')).toEqual(small('a'));
    expect(small('a')).not.toEqual(small('b'));
    // the same on every machine: integers alone decide
    expect(small('0').slice(0, 12)).toEqual([0, 0, 1, 0, 1, 0, 2, 0, 1, 0, 1, 0]);
  });

  const refused: [string, number, number][] = [
    ['no sources', 0, 3],
    ['no parents', 10, 0],
    ['too many sources', 2_000_001, 1],
    ['too many edges', 2_000_000, 11],
    ['half a source', 1.5, 1],
    ['not a number of sources', Number.NaN, 1],
  ];
  it.each(refused)('refuses %s', (_, sources, parents) => {
    expect(() => grow({ model: 'preferential', sources, parents }, 200_000, '0')).toThrow(
      expect.objectContaining({ code: 'BAD_OPTION' }),
    );
  });
});

describe('ages', () => {
  it('follow the longest chain below a source', () => {
    const order = [...family.byAge].map((i) => FAMILY.ids[i]);
    expect(order).toEqual(['data1', 'data2', 'theory', 'paper', 'model', 'user']);
  });

  it('count steps down from what nobody uses', () => {
    const steps = stepsFromTop(FAMILY);
    const of = (id: string): number => steps[FAMILY.numberOf.get(id)!]!;
    expect(['user', 'model', 'data1', 'paper', 'theory'].map(of)).toEqual([0, 1, 2, 2, 3]);
  });
});

describe('rules for weights', () => {
  it('declared: are those of the graph', () => {
    expect(reweighed(FAMILY, DECLARED)).toBe(FAMILY);
  });

  it('equal: divide one share among the parents, itself left out', () => {
    const graph = reweighed(FAMILY, EQUAL);
    expect(parentsOf(graph, 'user')).toEqual({ model: 200_000 });
    expect(parentsOf(graph, 'model')).toEqual({ data1: 66_666, data2: 66_666, paper: 66_666 });
    expect(parentsOf(graph, 'paper')).toEqual({ theory: 200_000 });
    expect(graph.own[graph.numberOf.get('model')!]).toBe(800_002);
  });

  it('first: give all of it to the first parent by id', () => {
    const graph = reweighed(FAMILY, FIRST);
    expect(parentsOf(graph, 'model')).toEqual({ data1: 200_000 });
  });

  it('decay: halve what is passed on with each step', () => {
    const graph = reweighed(FAMILY, DECAY);
    expect(parentsOf(graph, 'user')).toEqual({ model: 400_000 });
    expect(parentsOf(graph, 'model')).toEqual({ data1: 66_666, data2: 66_666, paper: 66_666 });
    expect(parentsOf(graph, 'paper')).toEqual({ theory: 100_000 });
  });

  it('kinds: give each kind its share, others nothing', () => {
    const graph = reweighed(FAMILY, KINDS);
    expect(parentsOf(graph, 'user')).toEqual({});
    expect(parentsOf(graph, 'model')).toEqual({ data1: 50_000, data2: 50_000, paper: 50_000 });
  });

  it('are refused above the whole', () => {
    const kinds: Scheme = {
      ...KINDS,
      shares: new Map([
        ['a', 600_000],
        ['b', 400_001],
      ]),
    };
    for (const scheme of [kinds, { ...EQUAL, sharePpm: -1 }, { ...EQUAL, sharePpm: 0.5 }]) {
      expect(() => reweighed(FAMILY, scheme as Scheme)).toThrow(
        expect.objectContaining({ code: 'BAD_OPTION' }),
      );
    }
  });
});

describe('demand', () => {
  const world = grow({ model: 'preferential', sources: 200, parents: 2 }, 200_000, '1');

  it.each(POPULARITIES)('%s: sells every job, the same for a seed', (popularity) => {
    const demand = runMarket(world, { ...MARKET, popularity }, 'x');
    expect(sum(demand)).toBe(500n * COIN);
    expect(runMarket(world, { ...MARKET, popularity }, 'x')).toEqual(demand);
    expect(runMarket(world, { ...MARKET, popularity }, 'y')).not.toEqual(demand);
  });

  it('newest: prefers the youngest source', () => {
    const demand = runMarket(world, { ...MARKET, popularity: 'newest' }, 'x');
    const most = demand.reduce((a, b) => (a > b ? a : b), 0n);
    expect(demand[199]).toBe(most);
  });

  it('is for models where there are any, or for the kind that is named', () => {
    const bought = (paidKind?: string): (string | undefined)[] => {
      const demand = runMarket(family, { ...MARKET, paidKind }, 'x');
      return [...new Set(FAMILY.kinds.filter((_, i) => demand[i]! > 0n))];
    };
    expect(bought()).toEqual(['model']);
    expect(bought('dataset')).toEqual(['dataset']);
    expect(() => bought('moon')).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  });

  it('halving prices are doublings of the lowest, most often the lowest', () => {
    const prices = { least: COIN, most: 8n * COIN, spread: 'halving' } as const;
    const one = buildGraph([{ id: 'a', parents: [] }]);
    const total = sum(
      runMarket({ graph: one, byAge: Uint32Array.of(0) }, { ...MARKET, prices, jobs: 4000 }, 'x'),
    );
    expect(total % COIN).toBe(0n);
    // mean (1·½ + 2·¼ + 4·⅛ + 8·⅛) = 2.5
    expect(Math.abs(Number(total / COIN) / 4000 - 2.5)).toBeLessThan(0.15);
  });

  const refused: [string, Partial<Market>][] = [
    ['no jobs', { jobs: 0 }],
    ['too many jobs', { jobs: 10_000_001 }],
    ['free jobs', { prices: { least: 0n, most: 1n, spread: 'uniform' } }],
    ['prices upside down', { prices: { least: 2n, most: 1n, spread: 'uniform' } }],
    ['prices beyond all coins', { prices: { least: 1n, most: 1n << 60n, spread: 'uniform' } }],
    [
      'more than can exist',
      { jobs: 10_000_000, prices: { least: 1n, most: 1n << 50n, spread: 'uniform' } },
    ],
  ];
  it('is not run where there is nothing to buy', () => {
    const nothing = { graph: buildGraph([]), byAge: new Uint32Array(0) };
    expect(() => runMarket(nothing, MARKET, '0')).toThrow(
      expect.objectContaining({ code: 'BAD_OPTION' }),
    );
  });

  it.each(refused)('refuses %s', (_, change) => {
    expect(() => runMarket(world, { ...MARKET, ...change }, '0')).toThrow(BitmodelError);
  });
});

describe('a simulation', () => {
  const schemes = [DECLARED, EQUAL, FIRST, DECAY, KINDS];

  it('pays by the exact payout, whatever the rule, and loses nothing', () => {
    const simulation = simulate(family, { market: MARKET, schemes, seed: 'x' });
    const demand = runMarket(family, MARKET, 'x');
    expect(simulation).toMatchObject({ sources: 6, owners: 5, jobs: 500, total: 500n * COIN });
    simulation.outcomes.forEach((outcome, i) => {
      const paid = computePayout(reweighed(FAMILY, schemes[i]!), demand);
      const of = (id: string): bigint => paid[FAMILY.numberOf.get(id)!]!;
      const groups = Object.fromEntries(outcome.byKind.map(({ name, amount }) => [name, amount]));
      expect(groups).toEqual({
        model: of('user') + of('model'),
        dataset: of('data1') + of('data2'),
        paper: of('paper'),
        '(none)': of('theory'),
      });
      const ann = outcome.topOwners.find(({ name }) => name === 'ann');
      expect(ann).toEqual({ name: 'ann', sources: 2, amount: of('user') + of('paper') });
      const { byAge, topOwners, total } = outcome;
      for (const list of [byAge, topOwners]) {
        expect(list.reduce((units, { amount }) => units + amount, 0n)).toBe(total);
      }
    });
  });

  it('says what reaches the n-th ancestor', () => {
    const line = buildGraph(
      ['a', 'b', 'c', 'd'].map((id, i, all) => ({
        id,
        kind: i === 0 ? 'model' : 'paper',
        parents: i < 3 ? [{ id: all[i + 1]!, ppm: 100_000 }] : [],
      })),
    );
    const settings = { market: MARKET, schemes: [DECLARED], seed: '0' };
    const { outcomes } = simulate({ graph: line, byAge: byLevel(line) }, settings);
    expect(outcomes[0]!.reachPpm).toEqual([900_000, 90_000, 9000, 1000, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('says who gains and who loses against the first rule', () => {
    const settings = { market: MARKET, schemes: [DECLARED, FIRST], seed: 'x' };
    const [change] = simulate(family, settings).comparisons;
    expect(change).toMatchObject({ scheme: 'first', against: 'declared' });
    const gained = change!.gains.reduce((units, c) => units + c.after - c.before, 0n);
    const lost = change!.losses.reduce((units, c) => units + c.before - c.after, 0n);
    expect(gained).toBe(lost);
    expect(change!.movedPpm).toBe(Number((gained * 1_000_000n) / (500n * COIN)));
    expect(change!.gains.length).toBe(change!.gaining);
    expect(change!.losses.length).toBe(change!.losing);
  });

  it('conserves money over grown networks of any settings, and draws them', () => {
    const settings = fc.record({
      sources: fc.integer({ min: 1, max: 60 }),
      parents: fc.integer({ min: 1, max: 8 }),
      owners: fc.integer({ min: 1, max: 20 }),
      jobs: fc.integer({ min: 1, max: 40 }),
      most: fc.bigInt(1n, 1n << 40n),
      popularity: fc.constantFrom(...POPULARITIES),
      spread: fc.constantFrom('uniform', 'halving' as const),
      seed: fc.string(),
    });
    fc.assert(
      fc.property(
        settings,
        ({ sources, parents, owners, jobs, most, popularity, spread, seed }) => {
          const made = grow({ model: 'preferential', sources, parents }, 500_000, seed);
          const labels = {
            owners,
            ownership: 'zipf',
            kinds: [
              ['model', 3],
              ['dataset', 2],
            ],
          } as const;
          const world = { ...made, graph: labelled(made.graph, labels, seed) };
          const market = { jobs, prices: { least: 1n, most, spread }, popularity };
          const simulation = simulate(world, { market, schemes, seed });
          const total = sum(runMarket(world, market, seed));
          for (const outcome of simulation.outcomes) {
            expect(outcome.total).toBe(total);
            const kinds = outcome.byKind.reduce((units, { amount }) => units + amount, 0n);
            expect(kinds).toBe(total);
            const reached = outcome.reachPpm.reduce((a, b) => a + b, 0);
            expect(reached > 999_980 && reached <= 1_000_000).toBe(true);
          }
          expect(simulationSvg(simulation, 'x')).not.toMatch(/NaN|Infinity|undefined/);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('refuses no rule, seven, or one named twice', () => {
    const run = (list: Scheme[]): unknown =>
      simulate(family, { market: MARKET, schemes: list, seed: '0' });
    const seven = Array.from({ length: 7 }, (_, i) => ({ ...EQUAL, name: `rule ${i}` }));
    for (const list of [[], seven, [EQUAL, EQUAL]]) {
      expect(() => run(list)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    }
  });
});

describe('owners and kinds', () => {
  const bare = grow({ model: 'mandala', generations: 6 }, 500_000, '0').graph;

  it('are drawn for sources that have none, by their parts', () => {
    const kinds = [
      ['model', 3],
      ['paper', 1],
      ['code', 0],
    ] as const;
    const graph = labelled(bare, { owners: 5, ownership: 'uniform', kinds }, 's');
    const models = graph.kinds.filter((kind) => kind === 'model').length;
    expect(Math.abs(models / graph.ids.length - 0.75)).toBeLessThan(0.1);
    expect(new Set(graph.kinds)).toEqual(new Set(['model', 'paper']));
    expect(new Set(graph.owners).size).toBe(5);
    const named = labelled(FAMILY, { owners: 1, ownership: 'zipf', kinds: [['code', 1]] }, 's');
    expect(named.owners.filter((owner) => owner === 'owner-1').length).toBe(2);
    expect(named.kinds.filter((kind) => kind === 'code').length).toBe(1);
  });

  it("by Zipf's law gives the first owner more than the last", () => {
    const { owners } = labelled(bare, { owners: 9, ownership: 'zipf' }, 's');
    const of = (name: string): number => owners.filter((owner) => owner === name).length;
    expect(of('owner-1')).toBeGreaterThan(2 * of('owner-9'));
  });

  it.each([
    [{ owners: 0, ownership: 'uniform' as const }],
    [{ ownership: 'uniform' as const, kinds: [] }],
    [{ ownership: 'uniform' as const, kinds: [['model', 0]] as const }],
    [{ ownership: 'uniform' as const, kinds: [['model', -1]] as const }],
  ])('refuses %j', (settings) => {
    expect(() => labelled(bare, settings, '0')).toThrow(
      expect.objectContaining({ code: 'BAD_OPTION' }),
    );
  });
});
