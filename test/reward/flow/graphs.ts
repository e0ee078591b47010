import fc from 'fast-check';
import type { SourceDeclaration } from '#src/reward/index.js';

const WHOLE = 1_000_000;
const name = (i: number): string => `s${String(i).padStart(3, '0')}`;

/** Turns drawn numbers into weights whose sum is at most the whole; `all` gives everything away. */
function weights(drawn: readonly number[], all: boolean): number[] {
  const sum = drawn.reduce((a, b) => a + b, 0);
  if (sum === 0) return drawn.map(() => 0);
  const scaled = drawn.map((w) => Math.floor((w * WHOLE) / (all ? sum : Math.max(sum, WHOLE))));
  if (all) scaled[0]! += WHOLE - scaled.reduce((a, b) => a + b, 0);
  return scaled;
}

/** Any declared sources: up to `size` of them, with circles and self-loops unless `acyclic`. */
export function sourcesArbitrary(
  size: number,
  { acyclic = false, generous = true } = {},
): fc.Arbitrary<SourceDeclaration[]> {
  const row = fc.record({
    edges: fc.array(fc.tuple(fc.nat(size * 2), fc.nat(WHOLE)), { maxLength: 5 }),
    all: generous ? fc.boolean() : fc.constant(false),
  });
  return fc.array(row, { minLength: 1, maxLength: size }).map((rows) =>
    rows.map(({ edges, all }, i) => {
      const byParent = new Map<number, number>();
      for (const [at, weight] of edges) {
        // the numbering must not follow the direction of the money, or order by id would be order of flow
        const to = acyclic ? i + 1 + (at % rows.length) : at % rows.length;
        if (to < rows.length) byParent.set(to, weight);
      }
      const ppm = weights([...byParent.values()], all);
      const parents = [...byParent.keys()].map((to, j) => ({ id: label(to), ppm: ppm[j]! }));
      return { id: label(i), parents };
    }),
  );
}

/** A name whose order has nothing to do with the number. */
function label(i: number): string {
  return name((i * 37) % 101);
}
