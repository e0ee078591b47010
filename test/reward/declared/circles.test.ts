import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256, toHex, utf8 } from '#src/base/index.js';
import { p2pkhScript } from '#src/chain/index.js';
import { usesOf } from '#src/reward/declared/chainGraph.js';
import { checkingWork, solveCircle } from '#src/reward/declared/circles.js';
import type { Claim } from '#src/reward/declared/claims.js';
import { registryOf } from '#src/reward/declared/registry.js';
import { Cycle, divideCycle } from '#src/reward/flow/cycle.js';
import { buildGraph, completeDeclaration, type OtherDeclaration } from '#src/reward/index.js';

const idOf = (name: string): string => toHex(sha256(utf8(name)));

/** A claim by a pin that says to use others and pays what it says, or nothing. */
function claimOf(id: string, uses: readonly { id: string; ppm: number }[]): Claim {
  const draft = {
    kind: 'paper' as const,
    id,
    name: 'n',
    owner: p2pkhScript(sha256(utf8(id)).slice(0, 20)),
  };
  const declaration = completeDeclaration<OtherDeclaration>({
    ...draft,
    parents: [],
    uses: [...uses],
  });
  const pin = { id: `${id}i0`, status: 'live', height: 1, owner: 'x' } as unknown as Claim['pin'];
  return { pin, versions: [{ declaration: declaration as OtherDeclaration, height: 1, txid: id }] };
}

/** A circle in which each member names all others. */
function dense(tag: string, size: number): Claim[] {
  const ids = Array.from({ length: size }, (_, i) => idOf(`${tag} ${i}`)).sort();
  const ppm = Math.floor(900_000 / size);
  return ids.map((id) =>
    claimOf(
      id,
      ids.filter((other) => other !== id).map((other) => ({ id: other, ppm })),
    ),
  );
}

const registryWith = (claims: readonly Claim[]) =>
  registryOf({ height: 1, blockHash: '00' }, [...claims]);

describe('a circle that is solved for all its members', () => {
  it('comes to what solving it for each alone does', () => {
    const sizes = fc.integer({ min: 2, max: 40 });
    fc.assert(
      fc.property(sizes, fc.nat(997), (size, salt) => {
        const ids = Array.from({ length: size }, (_, i) => `s${String(i).padStart(2, '0')}`);
        const share = Math.floor(999_000 / size);
        const graph = buildGraph(
          ids.map((id, i) => ({
            id,
            parents: ids
              .filter((other) => other !== id)
              .map((other, j) => ({ id: other, ppm: share - ((i * salt + j * 31) % 97) })),
          })),
        );
        const members = Uint32Array.from(ids.keys());
        const cycle = new Cycle(graph, members);
        for (let i = 0; i < size; i += 3) {
          const inflow = ids.map((_, j) => (i === j ? 1_000_000n : 0n));
          expect(cycle.divide(inflow)).toEqual(divideCycle(graph, members, inflow));
        }
      }),
      { numRuns: 15 },
    );
  });

  it('is checked as far as the work allows, small circles first, and the rest is named', async () => {
    const large = dense('large', 12);
    const small = dense('small', 2);
    const plain = registryWith([...large, ...small]);
    // the small one pays what it comes to, so that its word counts
    const solved = small.map((claim) => {
      const declaration = solveCircle(plain, plain.byId.get(claim.versions[0].declaration.id)!);
      return { ...claim, versions: [{ ...claim.versions[0], declaration }] } as const;
    });
    const registry = registryWith([...large, ...solved]);
    const nodes = [...registry.byId.values()].map((declaration) => ({
      id: declaration.id,
      declaration,
    }));
    const ids = large.map((claim) => claim.versions[0].declaration.id);
    const work = 2 * checkingWork(registry, solved[0]!.versions[0].declaration.id);
    const most = work + 5 * checkingWork(registry, ids[0]!);
    const { uses, unchecked } = await usesOf(nodes, registry, most);
    expect(unchecked).toEqual(ids.slice(5));
    for (const { versions } of solved) {
      expect(uses.get(versions[0].declaration.id)).toEqual(versions[0].declaration.uses);
    }
    expect((await usesOf(nodes, registry)).unchecked).toEqual([]);
    expect(checkingWork(registry, ids[0]!)).toBeGreaterThan(144);
  });
});
