import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256, toHex } from '#src/base/index.js';
import { hash160, type Pin, p2pkhScript } from '#src/chain/index.js';
import { ContractNodes } from '#src/reward/declared/ContractNodes.js';
import type { Claim, ClaimVersion } from '#src/reward/declared/claims.js';
import { registryOf } from '#src/reward/declared/registry.js';
import {
  buildGraph,
  completeDeclaration,
  declaredCircles,
  type OtherDeclaration,
  parseSplitScript,
  payout,
  payoutByOwner,
  splitAmounts,
} from '#src/reward/index.js';
import { cases, timeLimit } from '../../long.js';
import { idOf } from './community.js';

const SOURCES = 6;
const OWNERS = 3;

/** One declaration, as drawn: of which source, whose, and the weights it gives those declared before. */
interface Drawn {
  readonly source: number;
  readonly owner: number;
  readonly weights: readonly number[];
}

const drawn: fc.Arbitrary<Drawn> = fc.record({
  source: fc.nat(SOURCES - 1),
  owner: fc.nat(OWNERS - 1),
  weights: fc.array(fc.oneof(fc.constant(0), fc.nat(166_666), fc.constant(200_000)), {
    minLength: SOURCES - 1,
    maxLength: SOURCES - 1,
  }),
});

const ownerScript = (owner: number): Uint8Array => p2pkhScript(hash160(Uint8Array.of(owner)));
const hashOf = (script: Uint8Array): string => toHex(sha256(script));

/** The claims that declarations make, one a block, each paying what its parents declare at the time. */
function claimsOf(history: readonly Drawn[]): Claim[] {
  const versions = new Map<number, ClaimVersion[]>();
  for (const [height, { source, owner, weights }] of history.entries()) {
    const others = Array.from({ length: SOURCES }, (_, i) => i).filter((i) => i !== source);
    const parents = others.flatMap((other, i) => {
      const declared = versions.get(other)?.at(-1);
      const pays = declared && sha256(declared.declaration.split);
      return pays ? [{ id: idOf(`source ${other}`), ppm: weights[i]!, pays }] : [];
    });
    const declaration = completeDeclaration<OtherDeclaration>({
      kind: 'code',
      id: idOf(`source ${source}`),
      name: `source ${source}`,
      owner: ownerScript(owner),
      parents,
    }) as OtherDeclaration;
    const list = versions.get(source) ?? [];
    list.push({ declaration, height, txid: '' });
    versions.set(source, list);
  }
  return [...versions].map(([source, list]) => ({
    pin: { id: `pin ${source}`, status: 'live', height: list[0]!.height } as Pin,
    versions: list as [ClaimVersion, ...ClaimVersion[]],
  }));
}

/** What lies at each owner's address once everything in contracts is settled, each contract once all that pays it is. */
function settled(
  scripts: ReadonlyMap<string, Uint8Array>,
  paid: Map<string, bigint>,
): Map<string, bigint> {
  const order: string[] = [];
  const seen = new Set<string>();
  const visit = (hash: string): void => {
    if (seen.has(hash)) return;
    seen.add(hash);
    for (const share of parseSplitScript(scripts.get(hash)!) ?? []) visit(toHex(share.scriptHash));
    order.push(hash);
  };
  for (const hash of paid.keys()) visit(hash);
  const lying = new Map(paid);
  for (const hash of order.reverse()) {
    const shares = parseSplitScript(scripts.get(hash)!);
    const amount = lying.get(hash) ?? 0n;
    if (!shares) continue;
    lying.delete(hash);
    splitAmounts(shares, amount).forEach((part, i) => {
      const to = toHex(shares[i]!.scriptHash);
      lying.set(to, (lying.get(to) ?? 0n) + part);
    });
  }
  return lying;
}

describe("the graph of the chain's contracts", () => {
  it(
    'divides any amounts as the contracts do, to the unit, whatever was declared in whatever order',
    () => {
      const amounts = fc.array(fc.bigInt({ min: 0n, max: 10_000_000_007n }), {
        minLength: SOURCES,
        maxLength: SOURCES,
      });
      const histories = fc.array(drawn, { minLength: 1, maxLength: 25 });
      fc.assert(
        fc.property(histories, amounts, (history, units) => {
          const registry = registryOf({ height: 0, blockHash: '' }, claimsOf(history));
          const nodes = new ContractNodes(registry, hashOf).all();
          const graph = buildGraph(nodes);
          const demand = [...registry.byId.keys()].map((id, i) => [id, units[i]!] as const);
          const paid = new Map<string, bigint>();
          for (const [id, amount] of demand) {
            const hash = hashOf(registry.byId.get(id)!.split);
            paid.set(hash, (paid.get(hash) ?? 0n) + amount);
          }
          const lying = settled(registry.scripts, paid);
          const computed = payoutByOwner(graph, payout(graph, demand));
          const byOwner = new Map(computed.map(({ owner, amount }) => [owner, amount]));
          for (let owner = 0; owner < OWNERS; owner++) {
            const hash = hashOf(ownerScript(owner));
            expect(byOwner.get(hash) ?? 0n).toBe(lying.get(hash) ?? 0n);
          }
          const total = demand.reduce((sum, [, amount]) => sum + amount, 0n);
          expect(computed.reduce((sum, { amount }) => sum + amount, 0n)).toBe(total);
        }),
        { numRuns: cases(300, 10_000) },
      );
    },
    timeLimit(240_000),
  );

  it('comes closer to the solved payout of a circle each time its sources follow each other', () => {
    const half = (source: number, other: number): Drawn => ({
      source,
      owner: source,
      weights: Array.from({ length: SOURCES - 1 }, (_, i) => {
        const place = other < source ? other : other - 1;
        return i === place ? 500_000 : 0;
      }),
    });
    // each keeps half and gives the other half: of what is paid for the first, two thirds are its own
    const solved = 666_667n;
    const first = idOf('source 0');
    let error = 1_000_000n;
    const history: Drawn[] = [half(1, 0), half(0, 1)];
    for (let round = 0; round < 6; round++) {
      history.push(half(1, 0), half(0, 1));
      const registry = registryOf({ height: 0, blockHash: '' }, claimsOf(history));
      expect(declaredCircles(registry).map(({ members }) => members.length)).toEqual([2]);
      const graph = buildGraph(new ContractNodes(registry, hashOf).all());
      const shares = payoutByOwner(graph, payout(graph, [[first, 1_000_000n]]));
      const own = shares.find(({ owner }) => owner === hashOf(ownerScript(0)))!.amount;
      const now = own > solved ? own - solved : solved - own;
      expect(now).toBeLessThanOrEqual(error / 4n + 1n);
      error = now;
    }
    expect(error).toBeLessThan(100n);
  });
});
