import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COIN } from '#src/base/index.js';
import {
  chainGraph,
  type DeclaredChanges,
  findDeclaration,
  follow,
  isChange,
  publishRedeclaration,
  type Redeclaration,
  readRegistry,
  redeclare,
  settleSplits,
} from '#src/reward/index.js';
import { Community, idOf, uses } from './community.js';

let community: Community;

const registry = () => readRegistry(community.regtest.chain);

async function publish(who: string, change: Redeclaration): Promise<void> {
  await publishRedeclaration(community.regtest.chain, community.wallet(who), change);
  await community.regtest.mine();
}

/** Pays a coin for the poet, settles it, and says what each of these got. */
async function earned(...people: string[]): Promise<bigint[]> {
  const { chain, wallet } = community.regtest;
  const balances = () => Promise.all(people.map((who) => community.balance(who)));
  const before = await balances();
  const { split } = await community.declared('poet');
  await wallet.send([{ value: COIN, lockingScript: split }], { allowHighFee: true });
  await settleSplits(chain, wallet, { ids: [idOf('poet')], minimum: 1n });
  await community.regtest.mine();
  return (await balances()).map((units, i) => units - before[i]!);
}

beforeAll(async () => {
  community = await Community.open(['ann', 'ben', 'cy']);
  await community.publish('ben', 'verses');
  await community.publish('ann', 'poet', [uses('verses', 200_000)]);
});
afterAll(() => community?.close());

describe('a declaration of another owner', () => {
  it('counts from its block on, for money that comes later, and leaves all else as it was', async () => {
    const before = await community.declared('poet');
    const changes = { owner: community.script('cy'), name: 'poet the second' };
    const change = redeclare(await registry(), idOf('poet'), undefined, changes);
    expect(isChange(change)).toBe(true);
    expect(await earned('ann', 'ben', 'cy')).toEqual([COIN - COIN / 5n, COIN / 5n, 0n]);
    await publish('ann', change);
    const { height } = await registry();
    const after = await community.declared('poet');
    expect(after).toMatchObject({ ...changes, parents: before.parents, since: height });
    const then = await readRegistry(community.regtest.chain, height - 1);
    expect(findDeclaration(then, idOf('poet')).owner).toEqual(community.script('ann'));
    expect(await earned('ann', 'ben', 'cy')).toEqual([0n, COIN / 5n, COIN - COIN / 5n]);
  });

  it('pays the earlier one what users pay who named it before, until they follow', async () => {
    const { height } = await registry();
    const owner = community.script('ann');
    await publish('ben', redeclare(await registry(), idOf('verses'), undefined, { owner }));
    // the pin stays where it was: only its holder can declare again
    expect((await community.declared('verses')).pin.owner).toBe(community.address('ben'));
    expect(await earned('ann', 'ben')).toEqual([0n, COIN / 5n]);
    const { graph } = await chainGraph(community.regtest.chain);
    const older = [...graph.ids].find((id) => id.startsWith(`${idOf('verses')}@`))!;
    const ownerOf = (id: string) => graph.owners[graph.numberOf.get(id)!];
    expect(Number(older.split('@')[1])).toBeLessThan(height);
    expect(ownerOf(older)).toBe(community.address('ben'));
    expect(ownerOf(idOf('verses'))).toBe(community.address('ann'));
    await publish('ann', follow(await registry(), idOf('poet')));
    expect(await earned('ann', 'ben')).toEqual([COIN / 5n, 0n]);
  });

  it('can come with other parents, or none, in one', async () => {
    const owner = community.script('ben');
    await publish('ann', redeclare(await registry(), idOf('poet'), [], { owner }));
    expect(await earned('ann', 'ben', 'cy')).toEqual([0n, COIN, 0n]);
  });

  it.each<[string, DeclaredChanges, string]>([
    ['a script that nobody can spend', { owner: Uint8Array.of(0x6a) }, 'BAD_DECLARATION'],
    ['a fee of what is no model', { fee: { feePpm: 1 } }, 'NO_MODEL'],
    ['a licence of what is no model', { licence: 'MIT' }, 'NO_MODEL'],
    ['no name', { name: '' }, 'BAD_GRAPH'],
  ])('is refused with %s', async (_, changes, code) => {
    const now = await registry();
    expect(() => redeclare(now, idOf('poet'), undefined, changes)).toThrow(
      expect.objectContaining({ code }),
    );
  });
});
