import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge } from '#src/rastic/economics/market/jury.js';
import {
  cheating,
  DEFAULT_MARKET,
  type MarketParameters,
  marketChart,
  marketJson,
  parseChance,
  SELLER_KINDS,
  sellerIncomes,
  simulateMarket,
  sumOf,
} from '#src/rastic/index.js';
import { cases } from '../../../long.js';

const SMALL: MarketParameters = { ...DEFAULT_MARKET, sellers: 400, buyers: 20, steps: 60 };

/** Mean income of each kind at the end, coins. */
function incomes(market: MarketParameters): Record<string, number> {
  return Object.fromEntries(
    sellerIncomes(simulateMarket(market)).map(({ name, mean }) => [
      name,
      Number(mean.at(-1)!) / 1e8,
    ]),
  );
}

const share = fc.integer({ min: 0, max: 20 }).map((n) => n / 100);
const chance = fc.integer({ min: 0, max: 100 }).map((n) => n / 100);
const markets: fc.Arbitrary<MarketParameters> = fc
  .record({
    seed: fc.string(),
    steps: fc.integer({ min: 1, max: 12 }),
    sellers: fc.integer({ min: 1, max: 60 }),
    buyers: fc.integer({ min: 1, max: 9 }),
    verifiers: fc.integer({ min: 15, max: 40 }),
    jury: fc.integer({ min: 1, max: 15 }),
    shares: fc.record({ int4: share, sometimes: share, truncate: share, 'new-name': share }),
    strategies: fc.record({ full: share, sample: share, leave: share }),
    auditRate: chance,
    cheatRate: chance,
    detection: chance,
    falseAccusation: chance,
    lazy: chance,
    planted: chance,
    rejudged: chance,
    wait: fc.nat(3),
    price: fc.bigInt(1n, 1_000_003n),
    verifierFee: fc.bigInt(0n, 7_919n),
  })
  .map((changes) => ({ ...DEFAULT_MARKET, ...changes }));

describe('a simulated market', () => {
  it('makes no money and loses none, in any step, whatever its numbers', () => {
    fc.assert(
      fc.property(markets, (market) => {
        for (const accounts of simulateMarket(market).history) expect(sumOf(accounts)).toBe(0n);
      }),
      { numRuns: cases(300, 30_000) },
    );
  });

  it('is the same for the same seed, byte for byte, and another for another', () => {
    const [one, again, other] = ['a', 'a', 'b'].map((seed) => simulateMarket({ ...SMALL, seed }));
    expect(JSON.stringify(marketJson(again!))).toBe(JSON.stringify(marketJson(one!)));
    expect(marketChart(again!)).toBe(marketChart(one!));
    expect(JSON.stringify(marketJson(other!))).not.toBe(JSON.stringify(marketJson(one!)));
  });

  it('pays cheats where nobody looks', () => {
    const { honest, int4, sometimes, 'new-name': renamed } = incomes({ ...SMALL, auditRate: 0 });
    expect(int4).toBeGreaterThan(honest!);
    expect(renamed).toBeGreaterThan(honest!);
    expect(sometimes).toBeGreaterThan(honest!);
  });

  it('pays no kind of cheat where every answer is checked', () => {
    const strategies = { full: 1, sample: 0, leave: 0 };
    const { honest, ...cheats } = incomes({ ...SMALL, auditRate: 1, strategies });
    for (const income of Object.values(cheats)) expect(income).toBeLessThan(honest!);
  });

  it('pays half answers less than honest ones even where nobody looks: they are paid by the token', () => {
    const { honest, truncate } = incomes({ ...SMALL, auditRate: 0 });
    expect(truncate).toBeCloseTo(honest! / 2, 10);
  });

  it('gives a cheat what the formula of `rastic economics` says', () => {
    const strategies = { full: 1, sample: 0, leave: 0 };
    const shares = { int4: 1, sometimes: 0, truncate: 0, 'new-name': 0 };
    const market = {
      ...DEFAULT_MARKET,
      sellers: 4000,
      auditRate: 0.1,
      strategies,
      shares,
      lazy: 0,
      steps: 50,
    };
    const { price, int4Cost, stake } = market;
    const { total } = cheating({
      auditRate: parseChance('0.1', ''),
      detection: parseChance('0.99', ''),
      conviction: parseChance('1', ''),
      stake,
      name: 0n,
      gain: price - int4Cost,
      jobs: market.steps,
    });
    // a cheated job brings 0.007 for sure and costs 0.02 once: 4,000 sellers have a mean within about 0.003 of the expected
    expect(incomes(market).int4).toBeGreaterThan(Number(total) / 1e8 - 0.006);
    expect(incomes(market).int4).toBeLessThan(Number(total) / 1e8 + 0.006);
  });

  it('lets buyers who never contest leave a cheat, and stay with the honest', () => {
    const strategies = { full: 0, sample: 0, leave: 1 };
    const { kinds } = simulateMarket({ ...SMALL, auditRate: 1, strategies, buyers: 4 });
    const jobs = Object.fromEntries(kinds.map(({ kind, sold, members }) => [kind, sold / members]));
    expect(jobs.honest).toBe(SMALL.steps);
    expect(jobs.int4).toBeLessThan(12);
    expect(jobs.truncate).toBeLessThan(12);
  });

  it('takes the bonds of verifiers that say “invalid” unseen, by planted jobs alone', () => {
    const caught = (planted: number) =>
      simulateMarket({ ...SMALL, planted, rejudged: 1 }).lazyCaught;
    expect(caught(0)).toBe(0);
    expect(caught(1)).toBeGreaterThan(10);
  });

  it('convicts nobody that is honest where verifiers look and checks don’t err', () => {
    const { kinds } = simulateMarket(SMALL);
    const honest = kinds.find(({ kind }) => kind === 'honest')!;
    expect(honest).toMatchObject({ cheated: 0, slashed: 0, cleared: 0, active: honest.members });
  });

  it.each([
    [{ sellers: 0 }, /sellers/],
    [{ sellers: 1_000_000 }, /too large/],
    [{ samples: 257 }, /samples/],
    [{ auditRate: 1.5 }, /auditRate/],
    [{ auditRate: Number.NaN }, /auditRate/],
    [{ shares: { int4: 0.5, sometimes: 0.5, truncate: 0.5, 'new-name': 0 } }, /more than all/],
    [{ stake: 1n }, /stake/],
    [{ verifiers: 2 }, /fewer verifiers/],
  ])('is none with %o', (change, message) => {
    expect(() => simulateMarket({ ...SMALL, ...change })).toThrow(message);
  });
});

describe('a panel', () => {
  const seats =
    (...numbers: number[]) =>
    (index: number) =>
      numbers[index]!;

  it.each([
    ['all honest, a wrong answer', true, 0, { verdict: 'invalid', paidHonest: 2, paidLazy: 0 }],
    ['all honest, a right answer', false, 0, { verdict: 'valid', paidHonest: 2, paidLazy: 0 }],
    ['one lazy, a right answer', false, 0.3, { verdict: 'valid', paidHonest: 2, paidLazy: 0 }],
    ['one lazy, a wrong answer', true, 0.3, { verdict: 'invalid', paidHonest: 1, paidLazy: 1 }],
    ['two lazy, a right answer', false, 0.6, { verdict: 'invalid', paidHonest: 0, paidLazy: 2 }],
  ])('of three with %s', (_, isInvalid, lazy, outcome) => {
    expect(judge(SMALL, isInvalid, lazy, seats(0.2, 0.5, 0.8))).toMatchObject(outcome);
  });
});

describe('a panel of two', () => {
  it('decides nothing where they differ, and nobody is paid', () => {
    const market = { ...SMALL, jury: 2 };
    const panel = judge(market, false, 0.3, (index) => [0.2, 0.5][index]!);
    expect(panel).toEqual({ verdict: undefined, honest: 1, lazy: 1, paidHonest: 0, paidLazy: 0 });
  });
});

describe('the picture of a market', () => {
  it('names every kind, scales to what there is, and holds nothing that runs', () => {
    for (const auditRate of [0, 1]) {
      const chart = marketChart(simulateMarket({ ...SMALL, auditRate, seed: '<script>&"' }));
      expect(chart).not.toMatch(
        /NaN|Infinity|undefined|<script|https?:(?!\/\/www\.w3\.org\/2000\/svg)/,
      );
      expect(chart.match(/<polyline/g)).toHaveLength(SELLER_KINDS.length + 2);
      expect(chart).toContain('&lt;script&gt;');
      const numbers = [...chart.matchAll(/(?:[\d.]+),(-?[\d.]+)/g)].map((match) =>
        Number(match[1]),
      );
      expect(Math.max(...numbers)).toBeLessThanOrEqual(560);
    }
  });

  it('is drawn for the smallest market, too', () => {
    const chart = marketChart(simulateMarket({ ...SMALL, sellers: 1, steps: 1, lazy: 0 }));
    expect(chart).not.toMatch(/NaN|Infinity|undefined/);
  });
});
