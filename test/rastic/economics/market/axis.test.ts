import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { axisOf, spread } from '#src/rastic/economics/market/axis.js';

describe('an axis', () => {
  it.each([
    [
      [0, 0.8],
      [0, 0.2, 0.4, 0.6, 0.8],
    ],
    [
      [-0.013, 0.8],
      [-0.2, 0, 0.2, 0.4, 0.6, 0.8],
    ],
    [
      [0, 200],
      [0, 50, 100, 150, 200],
    ],
  ])('from %j has marks at round numbers', (values, marks) => {
    expect(axisOf(values, 5).marks).toEqual(marks);
  });

  it('holds every value and has few marks', () => {
    const value = fc.double({ min: -1e9, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 8 }), (values) => {
        const { least, most, marks } = axisOf(values, 5);
        const room = (most - least) * 1e-6;
        expect(least).toBeLessThanOrEqual(Math.min(...values) + room);
        expect(most).toBeGreaterThanOrEqual(Math.max(...values) - room);
        expect(marks.length).toBeGreaterThanOrEqual(2);
        expect(marks.length).toBeLessThanOrEqual(8);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('labels beside one another', () => {
  it('keep their distance and their order, and stay within bounds', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 7 }), (wanted) => {
        const placed = spread(wanted, 17, 0, 320);
        const order = [...placed.keys()].sort((a, b) => placed[a]! - placed[b]!);
        order.slice(1).forEach((at, index) => {
          const before = order[index]!;
          expect(placed[at]! - placed[before]!).toBeGreaterThanOrEqual(17);
          expect(wanted[at]!).toBeGreaterThanOrEqual(wanted[before]!);
        });
        for (const place of placed) {
          expect(place).toBeGreaterThanOrEqual(0);
          expect(place).toBeLessThanOrEqual(320);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
