import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  LEAST_PAYMENT,
  owedTotal,
  paidTotal,
  planPayment,
  proportional,
} from '#src/reward/index.js';
import { cases } from '../../long.js';
import { idOf } from './issuer.js';

const MODEL = idOf('m');
const INCOME = new Uint8Array(80).fill(0x51);
const scriptOf = (n: number): string => `76a914${n.toString(16).padStart(40, '0')}88ac`;
const holdersOf = (units: readonly bigint[]) => new Map(units.map((u, i) => [scriptOf(i), u]));
const snapshotOf = (units: readonly bigint[]) => ({
  height: 5,
  holders: holdersOf(units),
  units: units.reduce((a, b) => a + b, 0n),
  unsold: 0n,
  root: new Uint8Array(32),
});
const units = fc.array(fc.bigInt({ min: 1n, max: 2n ** 62n }), { minLength: 1, maxLength: 40 });
const money = fc.bigInt({ min: 0n, max: 10n ** 12n });

describe('income in proportion to units', () => {
  it('is divided to the last base unit, and nobody is a whole unit off', () => {
    fc.assert(
      fc.property(units, money, (held, amount) => {
        const shares = proportional(amount, holdersOf(held));
        const all = held.reduce((a, b) => a + b, 0n);
        expect(owedTotal(shares)).toBe(amount);
        for (const [i, own] of held.entries()) {
          const share = shares.get(scriptOf(i))!;
          const floor = (amount * own) / all;
          expect(share === floor || share === floor + 1n).toBe(true);
        }
      }),
      { numRuns: cases(500, 100_000) },
    );
  });

  it('gives what is left to the largest fractions, ties to the smaller script', () => {
    expect([...proportional(2n, holdersOf([1n, 1n, 1n])).values()]).toEqual([1n, 1n, 0n]);
    expect([...proportional(1n, holdersOf([1n, 3n, 2n])).values()]).toEqual([0n, 1n, 0n]);
    expect([...proportional(5n, new Map()).values()]).toEqual([]);
  });
});

describe('a payment to holders', () => {
  it('keeps every base unit: paid, or carried in the contract for whom it is', () => {
    fc.assert(
      fc.property(units, money, money, (held, first, second) => {
        const one = planPayment(MODEL, INCOME, snapshotOf(held), first, new Map());
        expect(paidTotal(one) + owedTotal(one.carried)).toBe(first);
        const taken = second + owedTotal(one.carried);
        const two = planPayment(MODEL, INCOME, snapshotOf(held), taken, one.carried);
        expect(two.shared).toBe(second);
        expect(paidTotal(two) + owedTotal(two.carried)).toBe(taken);
        for (const amount of two.paid.values()) expect(amount >= LEAST_PAYMENT).toBe(true);
        const outputs = two.outputs.reduce((sum, { value }) => sum + value, 0n);
        expect(outputs).toBe(taken);
      }),
      { numRuns: cases(300, 50_000) },
    );
  });

  it('carries the dust of thousands of one-unit holders, and pays it once it is worth an output', () => {
    const farm = snapshotOf([...Array<bigint>(4_000).fill(1n), 6_000n]);
    const one = planPayment(MODEL, INCOME, farm, 2_000_000n, new Map());
    expect([one.paid.size, one.carried.size]).toEqual([1, 4_000]);
    expect(paidTotal(one)).toBe(1_200_000n);
    expect(one.outputs).toHaveLength(3);
    const two = planPayment(MODEL, INCOME, farm, 800_000n + 4_000_000n, one.carried);
    expect([two.paid.size, two.carried.size]).toEqual([4_001, 0]);
    expect(two.paid.get(scriptOf(7))).toBe(600n);
  });

  it('pays those who are owed most first, where there are more than one transaction pays', () => {
    const many = snapshotOf([...Array<bigint>(6_000).fill(1n), 10n]);
    const one = planPayment(MODEL, INCOME, many, 6_010_000n, new Map());
    expect([one.paid.size, one.carried.size]).toEqual([5_000, 1_001]);
    expect(one.paid.has(scriptOf(6_000))).toBe(true);
    const rest = owedTotal(one.carried);
    const two = planPayment(MODEL, INCOME, many, rest, one.carried);
    expect([two.shared, two.paid.size, two.carried.size]).toEqual([0n, 1_001, 0]);
  });
});
