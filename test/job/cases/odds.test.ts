import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chanceOfSeats, disputeOdds } from '#src/job/cases/odds.js';

const SHARES = [0.05, 0.1, 0.2, 1 / 3];
const DRAWS = [
  [3, 2],
  [7, 4],
  [15, 8],
] as const;

const ROWS = [
  ['decides', 'decides'],
  ['shields', 'shields'],
  ['clearsUnpunished', 'clears unpunished'],
  ['slashesUnpunished', 'slashes unpunished'],
  ['burns', 'burns'],
] as const;

/** As the docs print a probability: percent with two digits that count, below a tenth of a thousandth as a power of ten. */
function printed(chance: number): string {
  if (chance === 0) return '0';
  if (chance >= 1e-4) return `${Number((100 * chance).toPrecision(2))} %`;
  const [digits, power] = chance.toExponential(0).split('e');
  const superscripts = [...power!.replace('-', '')].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]);
  return `${digits}·10⁻${superscripts.join('')}`;
}

/** The rows that the docs must hold. */
function rows(size?: number): string[] {
  const draw = (share: number) => (size === undefined ? { share } : { share, size });
  return DRAWS.flatMap(([count, threshold]) =>
    ROWS.map(([what, name]) => {
      const cells = SHARES.map((share) =>
        printed(disputeOdds(draw(share), count, threshold)[what]),
      );
      return `| ${count}, ${threshold} | ${name} | ${cells.join(' | ')} |`;
    }),
  );
}

describe('the odds of a dispute', () => {
  it('are those that docs/rastic.md prints', () => {
    const docs = readFileSync('docs/rastic.md', 'utf8');
    for (const row of [...rows(), ...rows(100)]) expect(docs).toContain(row);
    for (const [count, threshold] of DRAWS) {
      const tries = SHARES.map((share) => 1 / disputeOdds({ share }, count, threshold).shields);
      const cells = tries.map((each) => Number(each.toPrecision(2)).toLocaleString('en'));
      expect(docs).toContain(`| ${count}, ${threshold} | tries | ${cells.join(' | ')} |`);
    }
  });

  it('keep a false accusation unpunished wherever it decides, and a false clearing only where it shields as well', () => {
    for (const share of SHARES) {
      const odds = disputeOdds({ share }, 7, 4);
      expect(odds.slashesUnpunished).toBe(odds.decides);
      expect(odds.clearsUnpunished).toBe(odds.decides * odds.shields);
      expect(odds.clearsUnpunished).toBeLessThan(odds.slashesUnpunished);
    }
  });

  it('come to 1 over all numbers of seats, for registries of any size', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 31, max: 5000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 31 }),
        (size, share, seats) => {
          expect(chanceOfSeats({ size, share }, seats, 0)).toBeCloseTo(1, 9);
          expect(chanceOfSeats({ share }, seats, 0)).toBeCloseTo(1, 9);
        },
      ),
    );
  });

  it('are those of draws that were made', () => {
    const size = 40;
    const theirs = 8;
    const draws = 20_000;
    let state = 1;
    const below = (bound: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return Math.floor((state / 2 ** 32) * bound);
    };
    let decided = 0;
    for (let i = 0; i < draws; i++) {
      const left = Array.from({ length: size }, (_, key) => key < theirs);
      let held = 0;
      for (let seat = 0; seat < 7; seat++) {
        const [taken] = left.splice(below(left.length), 1);
        if (taken) held++;
      }
      if (held >= 4) decided++;
    }
    const expected = chanceOfSeats({ size, share: theirs / size }, 7, 4);
    const deviation = Math.sqrt((expected * (1 - expected)) / draws);
    expect(Math.abs(decided / draws - expected)).toBeLessThan(5 * deviation);
  });
});
