import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COIN, sha256, toHex } from '#src/base/index.js';
import {
  DUST,
  encodePin,
  idToHash,
  modifyPin,
  P2PKH_UNLOCKING_SIZE,
  parsePinId,
  revokePin,
} from '#src/chain/index.js';
import {
  buildGraph,
  chainGraph,
  completeDeclaration,
  declaredCircles,
  declareModel,
  findModel,
  follow,
  isChange,
  type OtherDeclaration,
  type ParentShare,
  payout,
  payoutByOwner,
  publishModel,
  publishRedeclaration,
  publishSource,
  readRegistry,
  redeclare,
  settleSplits,
  sourcePinPayload,
  usesInForce,
} from '#src/reward/index.js';
import { Community, idOf, uses } from './community.js';

let community: Community;

beforeAll(async () => {
  community = await Community.open(['ann', 'ben', 'cy', 'dot', 'eve']);
});
afterAll(() => community?.close());

/** Changes what a source of somebody's declares, in a block. */
async function change(owner: string, name: string, parents: readonly ParentShare[]) {
  const { chain } = community.regtest;
  const changed = redeclare(await readRegistry(chain), idOf(name), parents);
  await publishRedeclaration(chain, community.wallet(owner), changed);
  await community.regtest.mine();
}

const PEOPLE = ['ann', 'ben', 'cy', 'dot'];

/** Pays for a source and settles it until nothing waits; checks each balance against the payout on the chain's graph. */
async function expectPaid(name: string, amount: bigint): Promise<void> {
  const { chain, wallet } = community.regtest;
  const { graph } = await chainGraph(chain);
  const computed = payoutByOwner(graph, payout(graph, [[idOf(name), amount]]));
  const expected = new Map(computed.map((share) => [share.owner, share.amount]));
  const before = await Promise.all(PEOPLE.map((who) => community.balance(who)));
  const { split } = await community.declared(name);
  await wallet.send([{ value: amount, lockingScript: split }], { allowHighFee: true });
  await settleSplits(chain, wallet, { ids: [idOf(name)], minimum: 1n });
  await community.regtest.mine();
  const after = await Promise.all(PEOPLE.map((who) => community.balance(who)));
  expect(PEOPLE.map((who, i) => [who, after[i]! - before[i]!])).toEqual(
    PEOPLE.map((who) => [who, expected.get(community.address(who)) ?? 0n]),
  );
}

/** Edges of a node, by name and weight. */
function edgesOf({ graph }: Awaited<ReturnType<typeof chainGraph>>, node: string) {
  const i = graph.numberOf.get(node)!;
  const edges: [string, number][] = [];
  for (let e = graph.rows[i]!; e < graph.rows[i + 1]!; e++) {
    edges.push([graph.ids[graph.parents[e]!]!, graph.weights[e]!]);
  }
  return edges;
}

describe("the chain's graph", () => {
  it('has a node for each source, and pays as the contracts do', async () => {
    await community.publish('dot', 'paper');
    await community.publish('cy', 'idea', [uses('paper', 333_333)], 'algorithm');
    await community.publish('ben', 'verses', [], 'dataset');
    await community.publish('ann', 'poet', [uses('idea', 70_001), uses('verses', 200_000)]);
    const { graph } = await chainGraph(community.regtest.chain);
    expect(graph.ids).toEqual(['paper', 'idea', 'verses', 'poet'].map(idOf).sort());
    expect(graph.owners[graph.numberOf.get(idOf('verses'))!]).toBe(community.address('ben'));
    await expectPaid('poet', COIN + 7n);
  });

  it('has a node for the older version of a parent that a child still pays', async () => {
    const before = await community.declared('idea');
    await change('cy', 'idea', [uses('paper', 500_000)]);
    const found = await chainGraph(community.regtest.chain);
    const older = `${idOf('idea')}@${before.since}`;
    expect(found.graph.ids).toContain(older);
    expect(edgesOf(found, idOf('poet'))).toContainEqual([older, 70_001]);
    expect(edgesOf(found, older)).toEqual([[idOf('paper'), 333_333]]);
    expect(edgesOf(found, idOf('idea'))).toEqual([[idOf('paper'), 500_000]]);
    await expectPaid('poet', 987_654_321n);
    await expectPaid('idea', 1_001n);
  });

  it('is what it was as of an older block, whatever was declared since', async () => {
    const { chain } = community.regtest;
    const height = (await community.declared('idea')).since - 1;
    const then = await chainGraph(chain, { atHeight: height });
    expect(then.height).toBe(height);
    expect(then.blockHash).toBe(await chain.blockId(height));
    expect(edgesOf(then, idOf('poet'))).toContainEqual([idOf('idea'), 70_001]);
    expect(edgesOf(then, idOf('idea'))).toEqual([[idOf('paper'), 333_333]]);
  });

  it('loses the older version once the child follows its parents', async () => {
    const { chain } = community.regtest;
    const followed = follow(await readRegistry(chain), idOf('poet'));
    expect(followed.after.parents.map(({ id, ppm }) => ({ id, ppm }))).toEqual(
      followed.before.parents.map(({ id, ppm }) => ({ id, ppm })),
    );
    await publishRedeclaration(chain, community.wallet('ann'), followed);
    await community.regtest.mine();
    const { graph } = await chainGraph(chain);
    expect(graph.ids.filter((id) => id.includes('@'))).toEqual([]);
    await expectPaid('poet', 555_555_555n);
  });

  it('finds a weight that was changed and changed back in the version in force', async () => {
    await change('cy', 'idea', [uses('paper', 400_000)]);
    await change('cy', 'idea', [uses('paper', 500_000)]);
    const found = await chainGraph(community.regtest.chain);
    expect(edgesOf(found, idOf('poet'))).toContainEqual([idOf('idea'), 70_001]);
    await expectPaid('poet', 10_007n);
  });

  it('pays what a circle comes to, solved when a declaration closes it', async () => {
    await change('dot', 'paper', [uses('idea', 600_000)]);
    const { byId } = await readRegistry(community.regtest.chain);
    const paper = byId.get(idOf('paper'))!;
    // it keeps 40 % of 1 / (1 - 60 % of 50 %), the idea 50 % of 60 % of that
    expect(paper.uses).toEqual([uses('idea', 600_000)]);
    expect(paper.parents).toEqual([
      { id: idOf('idea'), ppm: 428_571, pays: sha256(community.script('cy')) },
    ]);
    await expectPaid('paper', 333_333_333n);
  });

  it('pays as the solved graph does once all of a circle follow each other, up to a millionth', async () => {
    const { chain } = community.regtest;
    const followed = follow(await readRegistry(chain), idOf('idea'));
    await publishRedeclaration(chain, community.wallet('cy'), followed);
    await community.regtest.mine();
    const registry = await readRegistry(chain);
    expect(isChange(follow(registry, idOf('paper')))).toBe(false);
    expect(declaredCircles(registry).map(({ members }) => members)).toEqual([
      [idOf('idea'), idOf('paper')].sort(),
    ]);
    const { graph } = await chainGraph(chain);
    const declared = buildGraph([
      { id: idOf('idea'), owner: 'cy', parents: [uses('paper', 500_000)] },
      { id: idOf('paper'), owner: 'dot', parents: [uses('idea', 600_000)] },
    ]);
    for (const name of ['idea', 'paper']) {
      const demand = [[idOf(name), COIN]] as const;
      const paid = new Map(
        payoutByOwner(graph, payout(graph, demand)).map((each) => [each.owner, each.amount]),
      );
      for (const [id, units] of payout(declared, demand)) {
        const owner = declared.owners[declared.numberOf.get(id)!]!;
        const found = paid.get(community.address(owner)) ?? 0n;
        expect(Number(found - units)).toBeLessThanOrEqual(Number(COIN) / 1e6);
        expect(Number(units - found)).toBeLessThanOrEqual(Number(COIN) / 1e6);
      }
    }
    await expectPaid('idea', 1_000_001n);
    expect(usesInForce(registry, registry.byId.get(idOf('idea'))!)).toEqual([
      uses('paper', 500_000),
    ]);
  });

  it('takes nobody at their word who says to use more than is paid', async () => {
    const { chain } = community.regtest;
    const draft = { kind: 'code' as const, name: 'boast', owner: community.script('ann') };
    const boast = completeDeclaration<OtherDeclaration>({
      ...draft,
      id: idOf('boast'),
      parents: [],
      uses: [uses('idea', 900_000)],
    }) as OtherDeclaration;
    await publishSource(community.wallet('ann'), boast);
    await community.regtest.mine();
    const registry = await readRegistry(chain);
    const source = registry.byId.get(idOf('boast'))!;
    expect(source.uses).toEqual([uses('idea', 900_000)]);
    expect(usesInForce(registry, source)).toEqual([]);
    expect(edgesOf(await chainGraph(chain), idOf('boast'))).toEqual([]);
  });

  it('joins the money of two sources that declare the same contract', async () => {
    await community.publish('ben', 'first', [uses('verses', 111_111)]);
    await community.publish('ben', 'second', [uses('verses', 111_111)]);
    await community.publish('ann', 'both', [uses('first', 333_333), uses('second', 666_667)]);
    const { first, second } = { first: idOf('first'), second: idOf('second') };
    const found = await chainGraph(community.regtest.chain);
    expect(edgesOf(found, second)).toEqual([[first, 1_000_000]]);
    await expectPaid('both', 1_000_003n);
  });

  it("pays whatever script lies behind a parent's name, also where the parent never named it", async () => {
    const { chain } = community.regtest;
    const other = await community.declared('first');
    const draft = {
      kind: 'code' as const,
      id: idOf('liar'),
      name: 'liar',
      owner: community.script('ann'),
      parents: [
        { id: idOf('nothing'), ppm: 250_000, pays: sha256(new Uint8Array(7)) },
        { id: idOf('verses'), ppm: 250_000, pays: sha256(other.split) },
        { id: idOf('paper'), ppm: 250_000, pays: sha256(community.script('cy')) },
      ],
    };
    const source = completeDeclaration<OtherDeclaration>(draft) as OtherDeclaration;
    await publishSource(community.wallet('ann'), source);
    await community.regtest.mine();
    const found = await chainGraph(chain);
    const edges = Object.fromEntries(edgesOf(found, idOf('liar')));
    const names = draft.parents.map(({ id, pays }) => `${id}@${toHex(pays).slice(0, 16)}`);
    expect(edges).toEqual(Object.fromEntries(names.map((name) => [name, 250_000])));
    expect(edgesOf(found, names[1]!)).toEqual([[idOf('first'), 1_000_000]]);
    expect(found.graph.owners[found.graph.numberOf.get(names[0]!)!]).toBeUndefined();
    expect(found.graph.owners[found.graph.numberOf.get(names[2]!)!]).toBe(community.address('cy'));
  });
});

describe('the claim to an id', () => {
  it('is that of a pin made as one: an older pin that says so later comes after it', async () => {
    const { chain } = community.regtest;
    const eve = community.wallet('eve');
    const draft = { kind: 'code' as const, name: 'x', owner: community.script('eve'), parents: [] };
    const hers = completeDeclaration({ ...draft, id: idOf('eve') }) as OtherDeclaration;
    const { pin } = await publishSource(eve, hers);
    await community.regtest.mine();
    await community.publish('dot', 'late');
    const mine = completeDeclaration({ ...draft, id: idOf('late') }) as OtherDeclaration;
    const content = { contentType: 'application/json', payload: sourcePinPayload(mine) };
    const [held] = await chain.pins({ id: pin });
    await modifyPin(chain, eve, held!, content);
    await community.regtest.mine();
    const { byId, claims } = await readRegistry(chain);
    expect(byId.get(idOf('late'))!.pin.owner).toBe(community.address('dot'));
    expect(claims.get(idOf('late'))!.length).toBe(1);
    expect(byId.get(idOf('eve'))!.pin.id).toBe(pin);
  });

  it('stays with what it was made with, however often it is changed', async () => {
    const { chain } = community.regtest;
    const eve = community.wallet('eve');
    const draft = { kind: 'code' as const, name: 'x', owner: community.script('eve'), parents: [] };
    const payload = (name: string): Uint8Array =>
      sourcePinPayload(completeDeclaration({ ...draft, id: idOf(name) }) as OtherDeclaration);
    const { pin } = await publishSource(
      eve,
      completeDeclaration({ ...draft, id: idOf('bait') }) as OtherDeclaration,
    );
    await community.regtest.mine();
    await community.publish('dot', 'prey');
    const says = {
      operation: 'modify',
      path: `@${pin}`,
      contentType: 'application/json',
      payload: payload('prey'),
    } as const;
    const script = community.script('eve');
    let outpoint = parsePinId(pin)!;
    for (let i = 0; i < 101; i++) {
      const output = { value: DUST, lockingScript: script };
      const coin = { outpoint, output, unlockingSize: P2PKH_UNLOCKING_SIZE };
      const outputs = [output, { value: 0n, lockingScript: encodePin(says) }];
      const { txid } = await eve.send(outputs, { inputs: [coin], allowHighFee: true });
      outpoint = { hash: idToHash(txid), index: 0 };
      // the mempool takes chains of 25
      if (i % 20 === 0) await community.regtest.mine();
    }
    await community.regtest.mine();
    const [held] = await chain.pins({ id: pin });
    expect(held!.versions.length).toBe(100);
    const { byId, claims } = await readRegistry(chain);
    expect(byId.get(idOf('bait'))!.pin.id).toBe(pin);
    expect(claims.get(idOf('prey'))!.length).toBe(1);
  });
});

describe('a model whose id was published as something else before', () => {
  it('is no model, for the registry and for whoever asks for it alone', async () => {
    const { chain } = community.regtest;
    await community.publish('dot', 'taken');
    const draft = { id: idOf('taken'), name: 'taken', licence: 'MIT', size: 1, feePpm: 1 };
    const model = await declareModel(chain, {
      ...draft,
      owner: community.script('ann'),
      parents: [],
    });
    await publishModel(community.wallet('ann'), model);
    await community.regtest.mine();
    expect(await findModel(chain, idOf('taken'))).toBeUndefined();
    const { byId, claims } = await readRegistry(chain);
    expect(byId.get(idOf('taken'))!.kind).toBe('code');
    expect(claims.get(idOf('taken'))!.length).toBe(2);
    expect(await findModel(chain, idOf('taken'))).toBeUndefined();
    const [first] = claims.get(idOf('taken'))!;
    await revokePin(chain, community.wallet('dot'), first!.pin);
    await community.regtest.mine();
    expect((await findModel(chain, idOf('taken')))!.pin.owner).toBe(community.address('ann'));
    expect((await readRegistry(chain)).byId.get(idOf('taken'))!.kind).toBe('model');
  });
});

describe('a reading of the chain', () => {
  it('is of one block, at most the tip, and stays what it was', async () => {
    const { chain, node } = community.regtest;
    const before = await readRegistry(chain);
    await community.publish('ben', 'orphan');
    const seen = await readRegistry(chain);
    expect(seen.byId.has(idOf('orphan'))).toBe(true);
    expect(before.byId.has(idOf('orphan'))).toBe(false);
    expect(seen.blockHash).toBe(await chain.blockId(seen.height));
    expect((await readRegistry(chain, 1_000_000)).height).toBe(node.tip.height);
  });
});
