import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CheatingTerms,
  cheating,
  contesting,
  formatChance,
  inspection,
  judging,
  parseChance,
} from '#src/rastic/index.js';

const ONE = 1_000_000_000n;
const chance = fc.bigInt(0n, ONE);
const some = fc.bigInt(1n, ONE);
const money = fc.bigInt(0n, 10n ** 15n);
const terms: fc.Arbitrary<CheatingTerms> = fc.record({
  auditRate: chance,
  detection: chance,
  conviction: chance,
  stake: money,
  name: money,
  gain: money,
  jobs: fc.integer({ min: 1, max: 1000 }),
});

describe('a chance', () => {
  it('comes back from its decimal', () => {
    fc.assert(fc.property(chance, (p) => parseChance(formatChance(p), 'it') === p));
  });

  it.each(['', '1.1', '2', '-0.1', '0.1234567891', '1e-3', '.5', '0.5 '])('is not %j', (text) => {
    expect(() => parseChance(text, '--audit-rate')).toThrow(/--audit-rate can't be/);
  });
});

describe('cheating', () => {
  it('pays exactly if G > a · d · w · (S + V)', () => {
    const edge: CheatingTerms = {
      auditRate: parseChance('0.1', ''),
      detection: parseChance('0.5', ''),
      conviction: ONE,
      stake: 200n,
      name: 0n,
      gain: 10n,
      jobs: 1,
    };
    expect(cheating(edge)).toMatchObject({ pays: false, perJob: 0n, loss: 10n, caught: 0.05 });
    expect(cheating({ ...edge, gain: 11n })).toMatchObject({ pays: true, perJob: 1n });
    expect(cheating({ ...edge, name: 1n })).toMatchObject({ pays: false });
  });

  it('stops to pay at the stake that is named, and pays at one unit less', () => {
    fc.assert(
      fc.property(terms, (asked) => {
        const { breakEvenStake: stake } = cheating(asked);
        if (stake === undefined) return;
        expect(cheating({ ...asked, stake }).pays).toBe(false);
        if (stake > 0n) expect(cheating({ ...asked, stake: stake - 1n }).pays).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('stops to pay at the audit rate that is named, or at none', () => {
    fc.assert(
      fc.property(terms, (asked) => {
        const { breakEvenAudit: auditRate } = cheating(asked);
        if (auditRate === undefined) {
          const all = cheating({ ...asked, auditRate: ONE });
          expect(all.pays || asked.gain === 0n).toBe(true);
          return;
        }
        expect(cheating({ ...asked, auditRate }).pays).toBe(false);
        if (auditRate > 0n) {
          expect(cheating({ ...asked, auditRate: auditRate - 1n }).pays).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('over many jobs brings what a job brings, times the jobs until the first conviction', () => {
    const answer = cheating({
      auditRate: parseChance('0.25', ''),
      detection: ONE,
      conviction: ONE,
      stake: 1000n,
      name: 0n,
      gain: 350n,
      jobs: 2,
    });
    // one job surely, a second one if the first was not convicted
    expect(answer.total).toBe(((350n - 250n) * 175n) / 100n);
    expect(answer.caughtInJobs).toBeCloseTo(0.4375, 12);
    expect(answer.jobsUntilCaught).toBe(4);
  });

  it('is for ever where nothing is checked', () => {
    const answer = cheating({
      auditRate: 0n,
      detection: ONE,
      conviction: ONE,
      stake: 10n,
      name: 0n,
      gain: 1n,
      jobs: 7,
    });
    expect(answer).toMatchObject({ pays: true, total: 7n, caughtInJobs: 0 });
    expect(answer.breakEvenStake).toBeUndefined();
    expect(answer.jobsUntilCaught).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('a contest', () => {
  const asked = {
    paid: 1000n,
    verifierFee: 10n,
    verifiers: 3,
    transactionFees: 5n,
    conviction: parseChance('0.9', ''),
    clearing: parseChance('0.1', ''),
  };

  it('brings the price on a conviction, and costs the bond on a clearing and the fees always', () => {
    expect(contesting(asked)).toMatchObject({ bond: 30n, expected: 892n, pays: true });
  });

  it('pays from the price that is named on', () => {
    fc.assert(
      fc.property(
        money,
        fc.bigInt(0n, 10n ** 9n),
        some,
        chance,
        (fee, fees, conviction, clearing) => {
          const contest = {
            ...asked,
            verifierFee: fee,
            transactionFees: fees,
            conviction,
            clearing,
          };
          const paid = contesting(contest).breakEvenPaid!;
          expect(contesting({ ...contest, paid }).pays).toBe(true);
          expect(contesting({ ...contest, paid: paid - 1n }).pays).toBe(false);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('makes checking worth its price only where somebody cheats', () => {
    const game = inspection(89n, parseChance('0.5', ''), contesting(asked), 7n);
    expect(game.auditRate).toBe(7n);
    expect(formatChance(game.cheatingRate!)).toBe('0.19955157');
    expect(inspection(1000n, ONE, contesting(asked), undefined)).toEqual({});
  });
});

describe('judging without looking', () => {
  const asked = {
    fee: 100n,
    cost: 20n,
    bond: 10_000n,
    planted: parseChance('0.1', ''),
    guessWrong: 0n,
    rejudged: parseChance('0.5', ''),
  };

  it('is wrong in half of what is planted, and then costs the bond where it is judged again', () => {
    expect(judging(asked)).toMatchObject({
      error: parseChance('0.05', ''),
      honest: 80n,
      lazy: -155n,
      guessingPays: false,
    });
    expect(judging({ ...asked, planted: 0n })).toMatchObject({ lazy: 100n, guessingPays: true });
  });

  it('stops to pay at the bond that is named, and pays at one unit less', () => {
    fc.assert(
      fc.property(
        money,
        money,
        chance,
        chance,
        some,
        (fee, cost, planted, guessWrong, rejudged) => {
          const question = { ...asked, fee, cost, planted, guessWrong, rejudged };
          const bond = judging(question).breakEvenBond;
          if (bond === undefined) return;
          expect(judging({ ...question, bond }).guessingPays).toBe(false);
          if (bond > 0n) expect(judging({ ...question, bond: bond - 1n }).guessingPays).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
