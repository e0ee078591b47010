import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildGraph,
  type ParentShare,
  PayoutEngine,
  payout,
  type SourceDeclaration,
} from '#src/reward/index.js';
import { cases } from '../../long.js';
import { sourcesArbitrary } from './graphs.js';

type Change =
  | { readonly kind: 'parents'; readonly at: number; readonly of: SourceDeclaration[] }
  | { readonly kind: 'weights'; readonly at: number; readonly ppm: number }
  | { readonly kind: 'remove'; readonly at: number }
  | { readonly kind: 'new'; readonly name: number; readonly of: SourceDeclaration[] }
  | { readonly kind: 'pay'; readonly at: number; readonly units: bigint };

const at = fc.nat(1000);
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('parents' as const), at, of: sourcesArbitrary(9) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('weights' as const),
      at,
      ppm: fc.integer({ min: 0, max: 300_000 }),
    }),
  },
  fc.record({ kind: fc.constant('remove' as const), at }),
  fc.record({ kind: fc.constant('new' as const), name: fc.nat(30), of: sourcesArbitrary(9) }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('pay' as const),
      at,
      units: fc.bigInt(0n, 10n ** 12n),
    }),
  },
);

/** The graph as a list, changed as the engine is. */
class Model {
  readonly sources: Map<string, readonly ParentShare[]>;
  readonly demand = new Map<string, bigint>();

  constructor(sources: readonly SourceDeclaration[]) {
    this.sources = new Map(sources.map((s) => [s.id, s.parents]));
  }

  declarations(): SourceDeclaration[] {
    return [...this.sources].map(([id, parents]) => ({ id, parents }));
  }

  pick(place: number): string {
    return [...this.sources.keys()][place % this.sources.size]!;
  }

  /** Drawn parents, as far as they are in the graph. */
  parents(of: readonly SourceDeclaration[]): ParentShare[] {
    const drawn = of[0]?.parents ?? [];
    return drawn.filter(({ id }) => this.sources.has(id));
  }
}

/** Makes a change to both; undefined for one that makes no sense. */
function apply(model: Model, engine: PayoutEngine, step: Change): (() => void) | undefined {
  if (step.kind === 'pay') {
    const id = model.pick(step.at);
    model.demand.set(id, (model.demand.get(id) ?? 0n) + step.units);
    return () => engine.pay([[id, step.units]]);
  }
  if (step.kind === 'remove') {
    const id = model.pick(step.at);
    const isUsed = [...model.sources].some(
      ([user, parents]) => user !== id && parents.some((p) => p.id === id),
    );
    if (isUsed || model.demand.has(id) || model.sources.size === 1) return undefined;
    model.sources.delete(id);
    return () => engine.remove(id);
  }
  const id = step.kind === 'new' ? `a${step.name}` : model.pick(step.at);
  const parents =
    step.kind === 'weights'
      ? model.sources.get(id)!.map((p) => ({ ...p, ppm: Math.min(p.ppm, step.ppm) }))
      : model.parents(step.of);
  model.sources.set(id, parents);
  return () => engine.setParents(id, parents);
}

const outcome = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (thrown) {
    return (thrown as { code: string }).code;
  }
};
const sorted = (shares: Iterable<readonly [string, bigint]>): (readonly [string, bigint])[] =>
  [...shares].sort(([a], [b]) => (a < b ? -1 : 1));

describe('an incremental payout', () => {
  it('is always what computing anew gives, whatever changes, circles opening and closing', () => {
    fc.assert(
      fc.property(sourcesArbitrary(12), fc.array(change, { maxLength: 25 }), (sources, steps) => {
        const engine = new PayoutEngine(buildGraph(sources));
        let model = new Model(sources);
        for (const step of steps) {
          const next = new Model(model.declarations());
          for (const [id, units] of model.demand) next.demand.set(id, units);
          const run = apply(next, engine, step);
          if (!run) continue;
          const before = new Map(engine.shares());
          const anew = outcome(() => sorted(payout(buildGraph(next.declarations()), next.demand)));
          const update = outcome(run);
          if (typeof anew === 'string') {
            expect(update).toBe(anew);
            expect(new Map(engine.shares())).toEqual(before);
            continue;
          }
          expect(sorted(engine.shares())).toEqual(anew);
          const { changes } = update as {
            changes: { id: string; before: bigint; after: bigint }[];
          };
          for (const { id, before: old, after } of changes) {
            expect([id, before.get(id) ?? 0n]).toEqual([id, old]);
            before.set(id, after);
          }
          expect(sorted(before).filter(([, units]) => units > 0n)).toEqual(anew);
          model = next;
        }
      }),
      { numRuns: cases(400, 100_000) },
    );
  });

  it('divides only what a change reaches', () => {
    const length = 1000;
    const id = (i: number): string => String(i).padStart(4, '0');
    const chain = Array.from({ length }, (_, i) => ({
      id: id(i),
      parents: i + 1 < length ? [{ id: id(i + 1), ppm: 500_000 }] : [],
    }));
    const engine = new PayoutEngine(buildGraph(chain));
    engine.pay([[id(0), 10n ** 15n]]);
    const update = engine.setParents(id(45), [{ id: id(46), ppm: 400_000 }]);
    expect(update.divided).toBeLessThan(20);
    expect(update.changes.length).toBeGreaterThan(1);
    expect(engine.setParents(id(990), [{ id: id(991), ppm: 1 }])).toMatchObject({ changes: [] });
  });

  it('takes a chain that is built from the wrong end, and the circle that closes it', () => {
    const count = 3000;
    const id = (i: number): string => String((i * 7919) % count).padStart(4, '0');
    const engine = new PayoutEngine(
      buildGraph(Array.from({ length: count }, (_, i) => ({ id: id(i), parents: [] }))),
    );
    engine.pay([[id(0), 1_000_000n]]);
    for (let i = count - 2; i >= 0; i--)
      engine.setParents(id(i), [{ id: id(i + 1), ppm: 1_000_000 }]);
    expect([...engine.shares()]).toEqual([[id(count - 1), 1_000_000n]]);
    expect(() => engine.setParents(id(40), [{ id: id(0), ppm: 1_000_000 }])).toThrow(/never leave/);
    expect([...engine.shares()]).toEqual([[id(count - 1), 1_000_000n]]);
    engine.setParents(id(40), [
      { id: id(0), ppm: 500_000 },
      { id: id(41), ppm: 500_000 },
    ]);
    expect([...engine.shares()]).toEqual([[id(count - 1), 1_000_000n]]);
    engine.setParents(id(20), []);
    expect([...engine.shares()]).toEqual([[id(20), 1_000_000n]]);
  });

  it('refuses what a graph could not hold, and stays as it was', () => {
    const engine = new PayoutEngine(
      buildGraph([
        { id: 'a', parents: [{ id: 'b', ppm: 5 }] },
        { id: 'b', parents: [] },
      ]),
    );
    engine.pay([['a', 1_000_000n]]);
    const refused: [() => unknown, RegExp][] = [
      [() => engine.setParents('a', [{ id: 'x', ppm: 5 }]), /not in the graph/],
      [() => engine.setParents('a', [{ id: 'b', ppm: 1_000_001 }]), /whole number/],
      [() => engine.setParents('n', [{ id: 'b', ppm: 0.5 }]), /whole number/],
      [
        () =>
          engine.setParents('a', [
            { id: 'b', ppm: 1 },
            { id: 'b', ppm: 1 },
          ]),
        /twice/,
      ],
      [
        () =>
          engine.setParents('a', [
            { id: 'b', ppm: 600_000 },
            { id: 'a', ppm: 600_000 },
          ]),
        /more than the whole/,
      ],
      [() => engine.setParents('a\n', []), /line break/],
      [() => engine.remove('b'), /parent of 1 source /],
      [() => engine.remove('a'), /Money was paid/],
      [() => engine.remove('n'), /no source "n"/],
      [() => engine.pay([['n', 1n]]), /no source "n"/],
      [() => engine.pay([['a', -1n]]), /negative/],
      [() => engine.pay([['a', 2n ** 63n - 1n]]), /more than can exist/],
    ];
    for (const [run, message] of refused) expect(run).toThrow(message);
    expect(sorted(engine.shares())).toEqual([
      ['a', 999_995n],
      ['b', 5n],
    ]);
  });
});
