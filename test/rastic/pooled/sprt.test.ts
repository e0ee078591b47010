import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CalibrationPair } from '#src/rastic/calibration.js';
import {
  DEFAULT_ALTERNATIVE,
  type Hypotheses,
  hypothesesFor,
  logRatio,
} from '#src/rastic/pooled/likelihood.js';
import {
  BEYOND,
  countClasses,
  MARGIN_CLASSES,
  marginClass,
} from '#src/rastic/pooled/marginClass.js';
import {
  checkErrorRates,
  type ErrorRates,
  observe,
  UNSEEN,
  waldBounds,
} from '#src/rastic/pooled/sprt.js';
import { cases } from '../../long.js';

const none = (): number[] => new Array<number>(MARGIN_CLASSES).fill(0);
const honest = { greedy: [9000, ...none().slice(1)], sampled: [9000, ...none().slice(1)] };
const int8 = { greedy: [980, 0, 0, 1, 1, 1, 2, 3, 12], sampled: [985, 0, 0, 0, 1, 1, 1, 2, 10] };
const pair: CalibrationPair = {
  seller: 'fp32/0/cpu',
  verifier: 'fp32/0/cpu',
  tauMicro: 1000,
  positions: 18_000,
  greatestShiftMicro: 20,
  greatestMarginMicro: 0,
  margins: honest,
  cheaper: { variant: 'int8', margins: int8 },
};

/** Numbers from 0 to 1 that are the same on every machine (Marsaglia's xorshift32). */
function* uniform(seed: number): Generator<number> {
  let state = (seed + 1) * 0x9e3779b1;
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield (state >>> 0) / 2 ** 32;
  }
}

/** A class drawn from a distribution. */
function drawn(chances: readonly number[], u: number): number {
  let left = u;
  for (const [i, chance] of chances.entries()) {
    left -= chance;
    if (left < 0) return i;
  }
  return 0;
}

/** How a seller stands after so many tokens that are distributed like this, and how many it took to leave it. */
function follow(
  { honest: p0, other: p1 }: Hypotheses,
  chances: readonly number[],
  tokens: number,
  rates: ErrorRates,
  seed: number,
): { left: number | undefined; passed: number } {
  let state = UNSEEN;
  const random = uniform(seed);
  for (let token = 1; token <= tokens; token++) {
    const each = drawn(chances, random.next().value as number);
    state = observe(state, Math.log(p1[each]! / p0[each]!), rates);
    if (state.left) return { left: token, passed: state.passed };
  }
  return { left: undefined, passed: state.passed };
}

/** What a rate may come out as in so many tries, but for one case in thirty thousand. */
function withChance(rate: number, tries: number): number {
  return rate + 4 * Math.sqrt((rate * (1 - rate)) / tries);
}

describe('classes of margins', () => {
  it('reach twice as far each, up to τ, and one lies beyond', () => {
    const tau = 0.64;
    expect(marginClass(0, tau)).toBe(0);
    expect(marginClass(-1, tau)).toBe(0);
    expect(marginClass(Number.NEGATIVE_INFINITY, tau)).toBe(0);
    for (let each = 1; each < BEYOND; each++) {
      const reach = tau / 2 ** (BEYOND - 1 - each);
      expect(marginClass(reach, tau)).toBe(each);
      expect(marginClass(reach * 1.0001, tau)).toBe(each + 1);
    }
    expect(marginClass(undefined, tau)).toBe(BEYOND);
    expect(countClasses([0, 0.64, 1, undefined], tau)).toEqual([1, 0, 0, 0, 0, 0, 0, 1, 2]);
  });
});

describe('the hypotheses of the test over jobs', () => {
  it('are distributions in which everything may happen', () => {
    const counts = fc.array(fc.nat(1e9), { minLength: MARGIN_CLASSES, maxLength: MARGIN_CLASSES });
    const kinds = fc.record({ greedy: counts, sampled: counts });
    fc.assert(
      fc.property(kinds, fc.option(kinds), fc.boolean(), (margins, cheaper, isGreedy) => {
        const { cheaper: _, ...plain } = pair;
        const own = {
          ...plain,
          margins,
          ...(cheaper && { cheaper: { variant: 'x', margins: cheaper } }),
        };
        for (const chances of Object.values(hypothesesFor(own, isGreedy))) {
          expect(chances.length).toBe(MARGIN_CLASSES);
          for (const chance of chances) expect(chance).toBeGreaterThan(0);
          expect(chances.reduce((sum: number, each: number) => sum + each, 0)).toBeCloseTo(1, 9);
        }
      }),
    );
  });

  it('let no single margin prove anything, however many honest ones were counted', () => {
    const many = [1e9, ...none().slice(1)];
    const sides = hypothesesFor({ ...pair, margins: { greedy: many, sampled: many } }, false);
    const { upper } = waldBounds({ falseLeave: 0.001, missed: 0.05 }, 0);
    for (const margin of [0.0001, 0.0005, 0.001, 5, undefined]) {
      expect(logRatio(sides, margin, 0.001)).toBeLessThan(0.8 * upper);
    }
    expect(logRatio(sides, 0, 0.001)).toBeLessThan(0);
  });

  it('never let a margin of zero speak against a seller, nor one above zero for it', () => {
    const counts = fc.array(fc.nat(300), { minLength: MARGIN_CLASSES, maxLength: MARGIN_CLASSES });
    const kinds = fc.record({ greedy: counts, sampled: counts });
    fc.assert(
      fc.property(
        kinds,
        kinds,
        fc.double({ min: 0, max: 2, noNaN: true }),
        (margins, of, margin) => {
          const own = { ...pair, margins, cheaper: { variant: 'x', margins: of } };
          const sides = hypothesesFor(own, true);
          expect(logRatio(sides, 0, 1)).toBeLessThanOrEqual(0);
          expect(logRatio(sides, margin === 0 ? 1 : margin, 1)).toBeGreaterThanOrEqual(0);
        },
      ),
    );
    const few = [2, ...none().slice(1)];
    const unsure = hypothesesFor({ ...pair, margins: { greedy: few, sampled: few } }, true);
    expect(unsure.other).toEqual(unsure.honest);
  });

  it('let no calibration, forged or not, have a token count beyond bounds on either side', () => {
    const counts = fc.array(fc.oneof(fc.nat(5), fc.nat(2e9)), {
      minLength: MARGIN_CLASSES,
      maxLength: MARGIN_CLASSES,
    });
    const kinds = fc.record({ greedy: counts, sampled: counts });
    const never = { greedy: [2e9, ...none().slice(1)], sampled: [2e9, ...none().slice(1)] };
    const always = { greedy: [...none().slice(1), 2e9], sampled: [...none().slice(1), 2e9] };
    const half = {
      greedy: [1e9, 8e8, ...none().slice(2)],
      sampled: [1e9, 8e8, ...none().slice(2)],
    };
    const each = fc.oneof(kinds, fc.constantFrom(never, always, half));
    const { upper, lower } = waldBounds({ falseLeave: 0.001, missed: 0.05 }, 0);
    fc.assert(
      fc.property(each, each, fc.boolean(), (margins, of, isGreedy) => {
        const own = { ...pair, margins, cheaper: { variant: 'forged', margins: of } };
        const { honest: p0, other: p1 } = hypothesesFor(own, isGreedy);
        const ratios = p0.map((chance, i) => Math.log(p1[i]! / chance));
        // one token never ends a test, and an honest one speaks for a seller, a little
        expect(Math.max(...ratios)).toBeLessThan(4.6 + 1e-6);
        expect(Math.max(...ratios)).toBeLessThan(0.7 * upper);
        expect(ratios[0]).toBeLessThanOrEqual(0);
        expect(Math.min(...ratios)).toBeGreaterThan(-0.1 - 1e-6);
        expect(Math.min(...ratios) * 25).toBeGreaterThan(lower);
        expect(p1.reduce((sum, chance) => sum + chance, 0)).toBeCloseTo(1, 9);
      }),
    );
  });

  it('are the same where the tolerance is so wide that another model may lie within it', () => {
    const wide = hypothesesFor({ ...pair, tauMicro: 250_001 }, true);
    expect(wide.other).toEqual(wide.honest);
    const fit = hypothesesFor({ ...pair, tauMicro: 250_000 }, true);
    expect(fit.other).not.toEqual(fit.honest);
  });

  it('are half the default where a cheaper model was measured, and all of it where none was', () => {
    const { cheaper: _, ...plain } = pair;
    expect(hypothesesFor(plain, true).other).toEqual(DEFAULT_ALTERNATIVE);
    const { honest: known, other } = hypothesesFor(pair, true);
    expect(other[BEYOND - 1]).toBeCloseTo((0.01 / 7 + 4 / 1009) / 2, 9);
    // half the measured would count 4.63
    expect(Math.log(other[BEYOND]! / known[BEYOND]!)).toBeCloseTo(4.6, 9);
  });
});

describe('the sequential test', () => {
  const rates = { falseLeave: 0.05, missed: 0.05 };
  const sides = hypothesesFor(pair, false);

  it('leaves no more honest sellers than asked for, even if they are as bad as it takes them for', () => {
    const sellers = cases(400, 100_000);
    let left = 0;
    for (let i = 0; i < sellers; i++) {
      if (follow(sides, sides.honest, 2000, rates, i).left !== undefined) left++;
    }
    expect(left).toBeGreaterThan(0);
    expect(left / sellers).toBeLessThanOrEqual(withChance(rates.falseLeave, sellers));
  });

  it('leaves nearly every seller of another model, and misses no more than asked for in its first test', () => {
    const sellers = cases(400, 50_000);
    let missed = 0;
    const took: number[] = [];
    for (let i = 0; i < sellers; i++) {
      const { left, passed } = follow(sides, sides.other, 3000, rates, i);
      if (passed > 0) missed++;
      if (left !== undefined) took.push(left);
    }
    expect(missed / sellers).toBeLessThanOrEqual(withChance(rates.missed, sellers));
    expect(took.length / sellers).toBeGreaterThan(0.99);
    took.sort((a, b) => a - b);
    expect(took[Math.floor(took.length / 2)]).toBeLessThan(500);
  });

  it('finds one who was honest for long and then changes', () => {
    let state = UNSEEN;
    for (let token = 0; token < 20_000; token++)
      state = observe(state, logRatio(sides, 0, 1), rates);
    expect(state).toMatchObject({ left: false });
    expect(state.passed).toBeGreaterThan(10);
    let tokens = 0;
    for (const u of uniform(7)) {
      const each = drawn(sides.other, u);
      state = observe(state, Math.log(sides.other[each]! / sides.honest[each]!), rates);
      if (state.left || ++tokens > 5000) break;
    }
    expect(state.left).toBe(true);
  });

  it('counts nothing more of one that was left, and takes no rates that make no sense', () => {
    const gone = { passed: 0, evidence: 9, left: true };
    expect(observe(gone, -100, rates)).toBe(gone);
    for (const rate of [0, 0.5, -1, Number.NaN]) {
      const wrong = expect.objectContaining({ code: 'BAD_ERROR_RATE' });
      expect(() => checkErrorRates({ falseLeave: rate, missed: 0.1 })).toThrow(wrong);
      expect(() => checkErrorRates({ falseLeave: 0.1, missed: rate })).toThrow(wrong);
    }
  });
});
