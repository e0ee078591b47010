import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitmodelError } from '#src/base/index.js';
import {
  decodeMoves,
  defaultMoves,
  drawMoves,
  encodeMoves,
  inverseOf,
  type Moves,
} from '#src/model/protect/moves.js';
import { drawSubset, RandomNumbers } from '#src/model/protect/random.js';
import { cases, timeLimit } from '../../long.js';

const sizes = fc
  .integer({ min: 1, max: 400 })
  .chain((total) => fc.tuple(fc.constant(total), fc.integer({ min: 1, max: total })));

/** The definition, an element at a time. */
function moved(row: readonly number[], { taken, placed, order }: Moves): number[] {
  const out: number[] = new Array(row.length).fill(-1);
  placed.forEach((at, j) => {
    out[at] = row[taken[order[j]!]!]!;
  });
  const gone = new Set(taken);
  const kept = row.filter((_, i) => !gone.has(i));
  return out.map((value) => (value < 0 ? kept.shift()! : value));
}

describe('moves', () => {
  it('put back by their inverse, for any number of elements and of moves', () => {
    fc.assert(
      fc.property(sizes, ([total, count]) => {
        const moves = drawMoves(count, total);
        const row = Array.from({ length: total }, (_, i) => i);
        const there = moved(row, moves);
        expect([...there].sort((a, b) => a - b)).toEqual(row);
        expect(moved(there, inverseOf(moves))).toEqual(row);
      }),
    );
  });

  it('draws different positions within the row, ascending', () => {
    fc.assert(
      fc.property(sizes, ([total, count]) => {
        const { taken, placed, order } = drawMoves(count, total);
        for (const list of [taken, placed]) {
          expect(list).toHaveLength(count);
          list.forEach((at, i) => {
            expect(at).toBeGreaterThan(i === 0 ? -1 : list[i - 1]!);
          });
          expect(list.at(-1)).toBeLessThan(total);
        }
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from(order.keys()));
      }),
    );
  });

  it('draws every position about as often as any other', () => {
    const random = new RandomNumbers();
    const counts = new Array(10).fill(0);
    for (let i = 0; i < 10_000; i++) for (const at of drawSubset(3, 10, random)) counts[at]++;
    // 3,000 each; the standard deviation is 46
    for (const count of counts) expect(Math.abs(count - 3000)).toBeLessThan(300);
  });

  it('draws numbers beyond 32 bits', () => {
    const random = new RandomNumbers();
    const drawn = Array.from({ length: 100 }, () => random.below(2 ** 53));
    expect(drawn.every(Number.isSafeInteger)).toBe(true);
    expect(drawn.some((value) => value >= 2 ** 32)).toBe(true);
  });

  it('moves at least 64, and never more than there are', () => {
    expect(defaultMoves(10)).toBe(10);
    expect(defaultMoves(1000)).toBe(64);
    expect(defaultMoves(135_000_001)).toBe(135_001);
  });

  it('read what they write, one list after the other', () => {
    fc.assert(
      fc.property(fc.array(sizes, { maxLength: 4 }), (lists) => {
        const moves = lists.map(([total, count]) => drawMoves(count, total));
        expect(decodeMoves(encodeMoves(moves))).toEqual(moves);
      }),
    );
    const far: Moves = {
      total: 2 ** 53 - 1,
      taken: Float64Array.of(0, 2 ** 53 - 2),
      placed: Float64Array.of(2 ** 40, 2 ** 41),
      order: Uint32Array.of(1, 0),
    };
    expect(decodeMoves(encodeMoves([far]))).toEqual([far]);
  });

  it(
    'take no other bytes, whatever they are',
    () => {
      const good = encodeMoves([drawMoves(20, 5000), drawMoves(3, 9)]);
      const mutated = fc
        .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
        .map((edits) => {
          const bytes = Uint8Array.from(good);
          for (const [at, value] of edits) bytes[at] = value;
          return bytes;
        });
      const cut = fc.nat(good.length).map((length) => good.slice(0, length));
      fc.assert(
        fc.property(fc.oneof(mutated, cut, fc.uint8Array({ maxLength: 80 })), (bytes) => {
          let read: Moves[];
          try {
            read = decodeMoves(bytes);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(BitmodelError);
            expect((thrown as BitmodelError).code).toBe('BAD_POSITIONS');
            return;
          }
          expect(encodeMoves(read)).toEqual(Uint8Array.from(bytes));
        }),
        { numRuns: cases(20_000, 5_000_000) },
      );
    },
    timeLimit(240_000),
  );
});
