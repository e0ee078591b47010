import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COIN, utf8 } from '#src/base/index.js';
import { createPin, modifyPin } from '#src/chain/index.js';
import {
  chainGraph,
  declareModel,
  disputeOf,
  findModel,
  imoFigures,
  imoRules,
  MODEL_PIN_PATH,
  modelByName,
  modelPinPayload,
  type ParentShare,
  publishDispute,
  publishModel,
  publishRedeclaration,
  readRegistry,
  readStandings,
  redeclare,
  sayAsParent,
  settleSplits,
} from '#src/reward/index.js';
import { Community, idOf, uses } from '../declared/community.js';

let community: Community;

beforeAll(async () => {
  community = await Community.open(['ann', 'ben', 'cy', 'eve', 'eve2', 'eve3']);
});
afterAll(() => community?.close());

/** A model's declaration of somebody's, its bytes standing for its id. */
async function modelOf(owner: string, bytes: string, name: string, parents: ParentShare[] = []) {
  return declareModel(community.regtest.chain, {
    id: idOf(bytes),
    name,
    licence: 'MIT',
    size: 1000,
    feePpm: 100_000,
    owner: community.script(owner),
    parents,
  });
}

async function publish(owner: string, bytes: string, name: string, parents: ParentShare[] = []) {
  const wallet = community.wallet(owner);
  const { fee } = await publishModel(wallet, await modelOf(owner, bytes, name, parents));
  await community.regtest.mine();
  return fee;
}

/** Pays for what is declared under an id, settles all of it, and says what each of these people got. */
async function earned(name: string, amount: bigint, ...people: string[]): Promise<bigint[]> {
  const { chain, wallet } = community.regtest;
  const before = await Promise.all(people.map((who) => community.balance(who)));
  const { split } = await community.declared(name);
  await wallet.send([{ value: amount, lockingScript: split }], { allowHighFee: true });
  await settleSplits(chain, wallet, { ids: [idOf(name)], minimum: 1n });
  await community.regtest.mine();
  const after = await Promise.all(people.map((who) => community.balance(who)));
  return after.map((units, i) => units - before[i]!);
}

describe('a copied model', () => {
  it('that is the same to the byte has the same id, whose first pin counts: the copier gets nothing', async () => {
    await publish('ann', 'weights', 'poet');
    await publish('eve', 'weights', 'poet');
    const found = await findModel(community.regtest.chain, idOf('weights'));
    expect(found!.owner).toEqual(community.script('ann'));
    expect(await earned('weights', COIN, 'ann', 'eve')).toEqual([COIN, 0n]);
    const { claims } = await readRegistry(community.regtest.chain);
    expect(claims.get(idOf('weights'))!.length).toBe(2);
  });

  it('that was changed by a byte is another one: who buys it pays the copier, for the fee of a pin', async () => {
    const fee = await publish('eve', 'weights and a byte', 'poet');
    expect(fee).toBeLessThan(10_000n);
    expect(await earned('weights and a byte', COIN, 'ann', 'eve')).toEqual([0n, COIN]);
  });

  it('does not take the name: two of one name are both named, and none is chosen', async () => {
    const registry = await readRegistry(community.regtest.chain);
    expect(() => modelByName(registry, 'poet')).toThrow(/2 models are called "poet"/);
    const owned = modelByName(registry, `${community.address('ann')}/poet`);
    expect(owned.id).toBe(idOf('weights'));
  });

  it('bears the dispute of its author, which whoever looks at it sees, and which stops no payment', async () => {
    const { chain } = community.regtest;
    const registry = await readRegistry(chain);
    const child = idOf('weights and a byte');
    const dispute = disputeOf(registry, { child, reason: `A copy of ${idOf('weights')}.` });
    await publishDispute(community.wallet('ann'), dispute, community.script('ann'));
    await community.regtest.mine();
    const standings = await readStandings(chain, await readRegistry(chain));
    expect(standings.disputes(child).map(({ creator }) => creator)).toEqual([
      community.address('ann'),
    ]);
    expect(await earned('weights and a byte', COIN, 'eve')).toEqual([COIN]);
  });
});

describe('a squatted claim', () => {
  it('of whoever pins an id first takes all that is paid for it, author or not', async () => {
    await community.publish('eve', 'paper of ben', [], 'paper');
    await community.publish('ben', 'paper of ben', [], 'paper');
    expect(await earned('paper of ben', COIN, 'ben', 'eve')).toEqual([0n, COIN]);
  });

  it('bears the dispute of the author, who can name the claim that is false', async () => {
    const { chain } = community.regtest;
    const registry = await readRegistry(chain);
    const child = idOf('paper of ben');
    const [first] = registry.claims.get(child)!;
    const dispute = disputeOf(registry, { child, claim: first!.pin.id, reason: 'I wrote it.' });
    await publishDispute(community.wallet('ben'), dispute, community.script('ben'));
    await community.regtest.mine();
    const [seen] = (await readStandings(chain, await readRegistry(chain))).disputes(child);
    expect(seen).toMatchObject({ creator: community.address('ben'), claim: first!.pin.id });
  });

  it('can not be prepared: a pin that was made early as something else, and changed later, does not count', async () => {
    const { chain } = community.regtest;
    const junk = { contentType: 'application/json', payload: utf8('{"v":1}') };
    const wallet = community.wallet('eve');
    const early = await createPin(wallet, MODEL_PIN_PATH, junk, community.script('eve'));
    await community.regtest.mine();
    await publish('ann', 'next weights', 'epic');
    const stolen = modelPinPayload(await modelOf('eve', 'next weights', 'epic'));
    const [pin] = await chain.pins({ id: early.pin });
    const content = { contentType: 'application/json', payload: stolen };
    await modifyPin(chain, wallet, pin!, content);
    await community.regtest.mine();
    const found = await findModel(chain, idOf('next weights'));
    expect(found!.owner).toEqual(community.script('ann'));
    expect(await earned('next weights', COIN, 'ann', 'eve')).toEqual([COIN, 0n]);
  });

  it('does not come before the author who publishes first, however often it is tried', async () => {
    await community.publish('ben', 'second paper', [], 'paper');
    for (const who of ['eve', 'eve2', 'eve3'])
      await community.publish(who, 'second paper', [], 'paper');
    expect(await earned('second paper', COIN, 'ben', 'eve')).toEqual([COIN, 0n]);
  });
});

describe('an omitted parent', () => {
  it('gets nothing, which nothing prevents; its author can only say so where buyers look', async () => {
    const { chain } = community.regtest;
    await community.publish('ben', 'verses', [], 'dataset');
    await publish('eve', 'thief', 'thief');
    expect(await earned('thief', COIN, 'ben', 'eve')).toEqual([0n, COIN]);
    const registry = await readRegistry(chain);
    const child = idOf('thief');
    const reason = `It stands on ${idOf('verses')}, and does not say so.`;
    const said = disputeOf(registry, { child, reason });
    await publishDispute(community.wallet('ben'), said, community.script('ben'));
    await community.regtest.mine();
    const [seen] = (await readStandings(chain, await readRegistry(chain))).disputes(child);
    expect(seen).toMatchObject({ creator: community.address('ben'), reason });
  });

  it('can not be brought back by claims of others: who is paid is said by the pin of the model alone', async () => {
    const { chain } = community.regtest;
    const registry = await readRegistry(chain);
    const changed = redeclare(registry, idOf('thief'), [uses('verses', 200_000)]);
    await expect(
      publishRedeclaration(chain, community.wallet('ben'), changed),
    ).rejects.toMatchObject({ code: 'NOT_PIN_OWNER' });
  });
});

describe('an empty shell', () => {
  it('takes its half of what the parent would get, and the claim behind it stays without the word of the parent', async () => {
    const { chain } = community.regtest;
    await community.publish('eve', 'shell', [uses('verses', 500_000)]);
    await publish('eve', 'shelled', 'shelled', [uses('shell', 200_000)]);
    expect(await earned('shelled', COIN, 'ben', 'eve')).toEqual([COIN / 10n, (COIN * 9n) / 10n]);
    const registry = await readRegistry(chain);
    const standings = await readStandings(chain, registry);
    const [child, parent] = [idOf('shell'), idOf('verses')];
    expect(standings.of(child, parent, 500_000)).toBe('unconfirmed');
    const draft = { child, parent, reason: 'There is nothing in it.' };
    const dispute = { ...disputeOf(registry, draft), parent };
    await sayAsParent(chain, community.wallet('ben'), registry, dispute);
    await community.regtest.mine();
    const { graph, standings: marks } = await chainGraph(chain);
    const row = graph.rows[graph.numberOf.get(child)!]!;
    expect(marks[row]).toBe('disputed');
    // and the money goes on as it is declared
    expect(await earned('shelled', COIN, 'ben')).toEqual([COIN / 10n]);
  });

  it('on the way back to its model makes no ring: a contract names others by their hash', async () => {
    const { chain } = community.regtest;
    const before = await community.declared('shelled');
    const ring = redeclare(await readRegistry(chain), idOf('shell'), [uses('shelled', 900_000)]);
    await publishRedeclaration(chain, community.wallet('eve'), ring);
    await community.regtest.mine();
    // the contract of the model still pays the version of the shell that it names, and so the parent
    expect((await community.declared('shelled')).split).toEqual(before.split);
    expect(await earned('shelled', COIN, 'ben', 'eve')).toEqual([COIN / 10n, (COIN * 9n) / 10n]);
  });
});

describe('sources that name a model to make it look used', () => {
  it('count once an owner, not at all if they are its own or disputed; owners are as cheap as pins', async () => {
    const { chain } = community.regtest;
    // with a contract of its own: an address may be that of other sources, too
    await publish('eve', 'hyped', 'hyped', [uses('verses', 1)]);
    const count = async (): Promise<number> => {
      const rules = imoRules('regtest');
      return (await imoFigures(chain, idOf('hyped'), await chain.height(), rules)).dependents;
    };
    await community.publish('eve', 'own user', [uses('hyped', 10)]);
    expect(await count()).toBe(0);
    for (const name of ['user 1', 'user 2', 'user 3']) {
      await community.publish('eve2', name, [uses('hyped', 10)]);
    }
    expect(await count()).toBe(1);
    await community.publish('eve3', 'user 4', [uses('hyped', 10)]);
    expect(await count()).toBe(2);
  });

  it('bring it no money: that comes from jobs alone', async () => {
    expect(await earned('weights', COIN, 'ann', 'eve', 'eve2', 'eve3')).toEqual([COIN, 0n, 0n, 0n]);
  });
});

describe('a farm of rounding on the chain', () => {
  const PARENTS = ['ben', 'cy', 'ann'];
  const PAYMENT = 100_001n;
  const PAYMENTS = 5;

  it('pays more in fees than it keeps of its parents, and loses even that to whoever settles all at once', async () => {
    const { chain, wallet } = community.regtest;
    for (const who of PARENTS) await community.publish(who, `grain of ${who}`);
    const parents = PARENTS.map((who) => uses(`grain of ${who}`, 333_333));
    await community.publish('eve', 'farm', parents);
    const { split } = await community.declared('farm');
    const pay = () =>
      wallet.send([{ value: PAYMENT, lockingScript: split }], { allowHighFee: true });
    const exact = (sum: bigint): bigint => (sum * 999_999n) / 1_000_000n;

    const settle = async () => {
      const options = { ids: [idOf('farm')], minimum: 1n };
      const { settled } = await settleSplits(chain, wallet, options);
      await community.regtest.mine();
      const paid = settled.flatMap(({ shares }) => shares).filter(({ id }) => id !== idOf('farm'));
      return {
        fees: settled.reduce((sum, { fee }) => sum + fee, 0n),
        parents: paid.reduce((sum, { amount }) => sum + amount, 0n),
      };
    };

    const apart: { fees: bigint; parents: bigint }[] = [];
    for (let i = 0; i < PAYMENTS; i++) {
      await pay();
      apart.push(await settle());
    }
    const total = PAYMENT * BigInt(PAYMENTS);
    const gain = exact(total) - apart.reduce((sum, each) => sum + each.parents, 0n);
    const cost = apart.reduce((sum, each) => sum + each.fees, 0n);
    expect(gain).toBeGreaterThan(0n);
    expect(gain).toBeLessThanOrEqual(BigInt(PARENTS.length * PAYMENTS));
    expect(cost).toBeGreaterThan(100n * gain);

    for (let i = 0; i < PAYMENTS; i++) await pay();
    const together = await settle();
    expect(exact(total) - together.parents).toBeLessThanOrEqual(BigInt(PARENTS.length));
  });
});
