import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256, utf8 } from '#src/base/index.js';
import {
  createPin,
  encodePin,
  heldNft,
  makeBirthCoin,
  modifyPin,
  planMint,
  planNftSend,
  revokePin,
  sendMint,
  sendNft,
  TOKEN_FEES,
  tokenOutput,
  transferPin,
} from '#src/chain/index.js';
import {
  CONTRIBUTION_PIN_PATH,
  chainGraph,
  confirmationOf,
  declareSource,
  disputeOf,
  type HolderTerms,
  holderScript,
  publishDispute,
  publishRedeclaration,
  readRegistry,
  readStandings,
  redeclare,
  SOURCE_PIN_PATH,
  sayAsParent,
  sourcePinPayload,
  statementPayload,
} from '#src/reward/index.js';
import { Community, idOf, uses } from './community.js';

let community: Community;

beforeAll(async () => {
  community = await Community.open(['ann', 'ben', 'cy', 'eve']);
  await community.publish('ben', 'verses', [], 'dataset');
  await community.publish('cy', 'idea', [], 'algorithm');
  await community.publish('ann', 'notes');
  await community.publish('ann', 'poet', [
    uses('verses', 200_000),
    uses('idea', 50_000),
    uses('notes', 10_000),
  ]);
});
afterAll(() => community?.close());

async function standing(parent: string, ppm = 200_000) {
  const { chain } = community.regtest;
  const standings = await readStandings(chain, await readRegistry(chain));
  return standings.of(idOf('poet'), idOf(parent), ppm);
}

async function confirm(who: string, parent: string, ppm?: number) {
  const { chain, mine } = { chain: community.regtest.chain, mine: community.regtest };
  const registry = await readRegistry(chain);
  const statement = confirmationOf(registry, idOf('poet'), idOf(parent), ppm);
  const written = await sayAsParent(chain, community.wallet(who), registry, statement);
  await mine.mine();
  return written;
}

async function weigh(ppm: number): Promise<void> {
  const { chain } = community.regtest;
  const parents = [uses('verses', ppm), uses('idea', 50_000), uses('notes', 10_000)];
  const changed = redeclare(await readRegistry(chain), idOf('poet'), parents);
  await publishRedeclaration(chain, community.wallet('ann'), changed);
  await community.regtest.mine();
}

describe('a claim to stand on a parent', () => {
  it("is unconfirmed until the parent's holder countersigns, but for one's own", async () => {
    expect(await standing('verses')).toBe('unconfirmed');
    expect(await standing('notes', 10_000)).toBe('confirmed');
    await confirm('ben', 'verses');
    expect(await standing('verses')).toBe('confirmed');
    expect(await standing('idea', 50_000)).toBe('unconfirmed');
  });

  it('can be countersigned by nobody else, whatever their pins say', async () => {
    await expect(confirm('eve', 'idea')).rejects.toMatchObject({ code: 'NOT_PIN_OWNER' });
    const registry = await readRegistry(community.regtest.chain);
    const statement = confirmationOf(registry, idOf('poet'), idOf('idea'));
    const content = { contentType: 'application/json', payload: statementPayload(statement) };
    const holder = community.script('cy');
    await createPin(community.wallet('eve'), CONTRIBUTION_PIN_PATH, content, holder);
    await community.regtest.mine();
    expect(await standing('idea', 50_000)).toBe('unconfirmed');
  });

  it('is unconfirmed again below the weight that was agreed to, and confirmed above it', async () => {
    await weigh(150_000);
    const { graph, standings } = await chainGraph(community.regtest.chain);
    const edge = [...graph.parents].findIndex((p) => graph.ids[p] === idOf('verses'));
    expect(standings[edge]).toBe('unconfirmed');
    await weigh(300_000);
    expect((await chainGraph(community.regtest.chain)).standings[edge]).toBe('confirmed');
  });

  it("is disputed when the parent's holder says so, until the holder takes it back", async () => {
    const { chain } = community.regtest;
    const registry = await readRegistry(chain);
    const draft = { child: idOf('poet'), parent: idOf('verses'), reason: 'It uses none of it.' };
    const dispute = { ...disputeOf(registry, draft), parent: draft.parent };
    const { pin } = await sayAsParent(chain, community.wallet('ben'), registry, dispute);
    await community.regtest.mine();
    expect(await standing('verses')).toBe('disputed');
    const [held] = await chain.pins({ id: pin });
    await revokePin(chain, community.wallet('ben'), held!);
    await community.regtest.mine();
    expect(await standing('verses')).toBe('confirmed');
  });

  it('is as it was as of an older block', async () => {
    const { chain } = community.regtest;
    const poet = await community.declared('poet');
    const first = await readRegistry(chain, poet.pin.height);
    const then = await readStandings(chain, first);
    expect(then.of(idOf('poet'), idOf('verses'), 200_000)).toBe('unconfirmed');
  });

  it("goes by who held the parent's pin when it was said, whoever holds it since", async () => {
    const { chain } = community.regtest;
    await confirm('cy', 'idea');
    const { pin } = await community.declared('idea');
    await transferPin(chain, community.wallet('cy'), pin, community.script('eve'));
    await community.regtest.mine();
    expect(await standing('idea', 50_000)).toBe('confirmed');
    await expect(confirm('cy', 'idea')).rejects.toMatchObject({ code: 'NOT_PIN_OWNER' });
    const registry = await readRegistry(chain);
    const statement = confirmationOf(registry, idOf('poet'), idOf('idea'), 900_000);
    const content = { contentType: 'application/json', payload: statementPayload(statement) };
    const holder = community.script('cy');
    await createPin(community.wallet('cy'), CONTRIBUTION_PIN_PATH, content, holder);
    await community.regtest.mine();
    expect(await standing('idea', 50_000)).toBe('confirmed');
    await confirm('eve', 'idea', 900_000);
    expect(await standing('idea', 50_000)).toBe('unconfirmed');
  });

  it("is never confirmed by whoever was handed the pin of the parent's word", async () => {
    const { chain } = community.regtest;
    const { pin } = await confirm('ann', 'notes', 10_000);
    const [held] = await chain.pins({ id: pin });
    await transferPin(chain, community.wallet('ann'), held!, community.script('eve'));
    await community.regtest.mine();
    await community.publish('eve', 'shell', [uses('notes', 1)]);
    const statement = { child: idOf('poet'), parent: idOf('notes'), ppm: 900_000 };
    for (const child of [idOf('poet'), idOf('shell')]) {
      const [now] = await chain.pins({ id: pin });
      const payload = statementPayload({ ...statement, standing: 'confirmed', child });
      const content = { contentType: 'application/json', payload };
      await modifyPin(chain, community.wallet('eve'), now!, content);
      await community.regtest.mine();
    }
    const standings = await readStandings(chain, await readRegistry(chain));
    expect(standings.of(idOf('shell'), idOf('notes'), 1_000_000)).toBe('unconfirmed');
    expect(standings.wordOf(idOf('poet'), idOf('notes'))?.statement).toMatchObject({ ppm: 10_000 });
    // nor can it take the word back
    const [last] = await chain.pins({ id: pin });
    await revokePin(chain, community.wallet('eve'), last!);
    await community.regtest.mine();
    const after = await readStandings(chain, await readRegistry(chain));
    expect(after.wordOf(idOf('poet'), idOf('notes'))?.statement).toMatchObject({ ppm: 10_000 });
  });

  it('goes by what its author makes of a word, as long as it is about the same', async () => {
    const { chain } = community.regtest;
    const { pin } = await confirm('ann', 'notes', 20_000);
    const statement = { standing: 'confirmed', parent: idOf('notes') } as const;
    for (const [child, ppm] of [
      [idOf('poet'), 5_000],
      [idOf('shell'), 0],
    ] as const) {
      const [now] = await chain.pins({ id: pin });
      const payload = statementPayload({ ...statement, child, ppm });
      await modifyPin(chain, community.wallet('ann'), now!, {
        contentType: 'application/json',
        payload,
      });
      await community.regtest.mine();
    }
    const standings = await readStandings(chain, await readRegistry(chain));
    expect(standings.wordOf(idOf('poet'), idOf('notes'))?.statement).toMatchObject({ ppm: 5_000 });
    expect(standings.of(idOf('shell'), idOf('notes'), 1)).toBe('unconfirmed');
  });
});

/** What somebody's source says in its pin, which anybody can write and send anywhere. */
async function claimOf(who: string, name: string, parent: string) {
  const draft = { id: idOf(name), name, kind: 'code', owner: community.script(who) } as const;
  const { chain } = community.regtest;
  const source = await declareSource(chain, { ...draft, parents: [uses(parent, 1_000)] });
  return { contentType: 'application/json', payload: sourcePinPayload(source) };
}

/** How the claim of a source on its parent stands, read whole and of this source alone. */
async function standsOf(name: string, parent: string) {
  const { chain } = community.regtest;
  const registry = await readRegistry(chain);
  const [id, of] = [idOf(name), idOf(parent)];
  const [all, one] = [
    await readStandings(chain, registry),
    await readStandings(chain, registry, new Set([id])),
  ].map((standings) => standings.of(id, of, 1_000));
  expect(one).toBe(all);
  return all;
}

describe("a source whose pin lies with its parent's holder", () => {
  it('is not confirmed by a pin that a stranger made and sent there', async () => {
    const { chain } = community.regtest;
    const eve = community.wallet('eve');
    const claim = await claimOf('eve', 'gift', 'verses');
    await createPin(eve, SOURCE_PIN_PATH, claim, community.script('ben'));
    await community.regtest.mine();
    const { pin } = await community.declared('gift');
    expect(pin).toMatchObject({
      owner: community.address('ben'),
      creator: community.address('eve'),
    });
    expect(await standsOf('gift', 'verses')).toBe('unconfirmed');
    const registry = await readRegistry(chain);
    const own = redeclare(registry, idOf('gift'), [uses('verses', 1_000), uses('notes', 1)]);
    await publishRedeclaration(chain, community.wallet('ben'), own);
    await community.regtest.mine();
    expect(await standsOf('gift', 'verses')).toBe('confirmed');
  });

  it('is the holder’s own until somebody else changes it, who then sends it back', async () => {
    const { chain } = community.regtest;
    await community.publish('ben', 'reader', [uses('verses', 1_000)]);
    expect(await standsOf('reader', 'verses')).toBe('confirmed');
    const move = async (from: string, to: string) => {
      const { pin } = await community.declared('reader');
      await transferPin(chain, community.wallet(from), pin, community.script(to));
      await community.regtest.mine();
    };
    await move('ben', 'eve');
    expect(await standsOf('reader', 'verses')).toBe('unconfirmed');
    await move('eve', 'ben');
    expect(await standsOf('reader', 'verses')).toBe('confirmed');
    await move('ben', 'eve');
    const weights = [uses('verses', 1_000), uses('notes', 1)];
    const changed = redeclare(await readRegistry(chain), idOf('reader'), weights);
    await publishRedeclaration(chain, community.wallet('eve'), changed);
    await community.regtest.mine();
    await move('eve', 'ben');
    expect(await standsOf('reader', 'verses')).toBe('unconfirmed');
  });
});

describe('a parent whose pin lies with an NFT', () => {
  const bound = sha256(utf8('bound'));
  let holder: HolderTerms;

  /** An NFT that commits to the bound source, in a category of its own. */
  async function mint(who: string): Promise<HolderTerms> {
    const { chain } = community.regtest;
    const wallet = community.wallet(who);
    const birth = await makeBirthCoin(wallet);
    const nft = { capability: 'none', commitment: bound } as const;
    const lockingScript = community.script(who);
    const plan = await planMint(chain, wallet, birth, [{ nft, lockingScript }]);
    await sendMint(wallet, plan);
    await community.regtest.mine();
    return { category: plan.category, modelId: bound };
  }

  const confirmation = async (ppm?: number) =>
    confirmationOf(await readRegistry(community.regtest.chain), idOf('user'), idOf('bound'), ppm);
  const stands = async () => {
    const { chain } = community.regtest;
    const standings = await readStandings(chain, await readRegistry(chain));
    return standings.of(idOf('user'), idOf('bound'), 1_000);
  };
  /** Says it in a transaction of somebody's own making: with these inputs, the NFT sent to a script. */
  async function speak(
    who: string,
    { category }: HolderTerms,
    to: string,
    nftFirst = true,
    said?: { path: string; payload: Uint8Array; lockingScript: Uint8Array },
  ) {
    const wallet = community.wallet(who);
    const nft = await heldNft(wallet, { category });
    const plain = (await wallet.utxos()).find(({ output }) => output.token === undefined)!;
    const coins = nftFirst ? [nft, plain] : [plain, nft];
    const { path, payload, lockingScript } = said ?? {
      path: CONTRIBUTION_PIN_PATH,
      payload: statementPayload(await confirmation()),
      lockingScript: community.script(who),
    };
    const says = { operation: 'create', path, contentType: 'application/json', payload } as const;
    const funded = await wallet.fund({
      inputs: coins.map(({ outpoint, output }) => ({ outpoint, output, unlockingSize: 107 })),
      outputs: [
        { value: 546n, lockingScript },
        { value: 0n, lockingScript: encodePin(says) },
        tokenOutput(nft.output.token!, community.script(to)),
      ],
      feeRate: 1n,
    });
    await wallet.submit(funded, TOKEN_FEES);
    await community.regtest.mine();
  }

  beforeAll(async () => {
    await community.publish('ben', 'bound');
    await community.publish('eve', 'user', [uses('bound', 1_000)]);
    holder = await mint('ben');
    const { pin } = await community.declared('bound');
    const { chain } = community.regtest;
    await transferPin(chain, community.wallet('ben'), pin, holderScript(holder));
    await community.regtest.mine();
  });

  it('confirms a source that lies with it only if the NFT was there when that was made', async () => {
    const lockingScript = holderScript(holder);
    const gift = await claimOf('eve', 'bound gift', 'bound');
    await createPin(community.wallet('eve'), SOURCE_PIN_PATH, gift, lockingScript);
    const { payload } = await claimOf('ben', 'bound own', 'bound');
    await speak('ben', holder, 'ben', true, { path: SOURCE_PIN_PATH, payload, lockingScript });
    const { pin } = await community.declared('bound own');
    expect((await community.declared('bound gift')).pin.owner).toBe(pin.owner);
    expect(await standsOf('bound gift', 'bound')).toBe('unconfirmed');
    expect(await standsOf('bound own', 'bound')).toBe('confirmed');
  });

  it('speaks by no other NFT, none that is not the first input or goes elsewhere, and no address', async () => {
    const { chain } = community.regtest;
    const registry = await readRegistry(chain);
    const says = await confirmation();
    await expect(sayAsParent(chain, community.wallet('eve'), registry, says)).rejects.toMatchObject(
      { code: 'NFT_NOT_HELD' },
    );
    const content = { contentType: 'application/json', payload: statementPayload(says) };
    const [ben, script] = [community.wallet('ben'), community.script('ben')];
    await createPin(ben, CONTRIBUTION_PIN_PATH, content, script);
    await community.regtest.mine();
    expect(await stands()).toBe('unconfirmed');
    await speak('eve', await mint('eve'), 'eve');
    expect(await stands()).toBe('unconfirmed');
    await speak('ben', holder, 'ben', false);
    expect(await stands()).toBe('unconfirmed');
    await speak('ben', holder, 'cy');
    expect(await stands()).toBe('unconfirmed');
    await speak('cy', holder, 'cy');
    expect(await stands()).toBe('confirmed');
  });

  it('is its holder’s word for as long as no later holder says otherwise, and nobody else’s', async () => {
    const { chain } = community.regtest;
    const cy = community.wallet('cy');
    const said = await sayAsParent(chain, cy, await readRegistry(chain), await confirmation(1_001));
    await community.regtest.mine();
    expect(await stands()).toBe('unconfirmed');
    // the NFT lies where it lay, and is sold
    const nft = await heldNft(cy, { category: holder.category });
    await sendNft(cy, await planNftSend(chain, cy, nft, community.script('ann')));
    await community.regtest.mine();
    const [pin] = await chain
      .pins({ path: CONTRIBUTION_PIN_PATH })
      .then((pins) => pins.filter(({ id }) => id === said.pin));
    await modifyPin(chain, cy, pin!, {
      contentType: 'application/json',
      payload: statementPayload(await confirmation(1_000)),
    });
    await community.regtest.mine();
    expect(await stands()).toBe('unconfirmed');
    const registry = await readRegistry(chain);
    const ann = community.wallet('ann');
    const about = { child: idOf('user'), parent: idOf('bound'), reason: 'Never used.' };
    const dispute = disputeOf(registry, about) as Parameters<typeof sayAsParent>[3];
    await sayAsParent(chain, ann, registry, dispute);
    await community.regtest.mine();
    expect(await stands()).toBe('disputed');
    const standings = await readStandings(chain, await readRegistry(chain));
    expect(standings.disputes(idOf('user'))).toMatchObject([
      { creator: community.address('ann'), byParent: true },
    ]);
    await expect(sayAsParent(chain, cy, registry, await confirmation())).rejects.toMatchObject({
      code: 'NFT_NOT_HELD',
    });
  });
});

describe('a dispute', () => {
  it('is seen with who, when and what, changes no standing, and goes when its author revokes it', async () => {
    const { chain } = community.regtest;
    const registry = await readRegistry(chain);
    const child = idOf('poet');
    const claim = registry.claims.get(child)![0]!.pin.id;
    const dispute = disputeOf(registry, { child, claim, reason: 'Eve wrote it.' });
    const eve = community.wallet('eve');
    const { pin } = await publishDispute(eve, dispute, community.script('eve'));
    await community.regtest.mine();
    const read = async () =>
      (await readStandings(chain, await readRegistry(chain))).disputes(child);
    const [seen] = await read();
    expect(seen).toMatchObject({ reason: 'Eve wrote it.', claim, pin, byParent: false });
    expect(seen!.creator).toBe(community.address('eve'));
    expect(await standing('notes', 10_000)).toBe('confirmed');
    const [held] = await chain.pins({ id: pin });
    await revokePin(chain, eve, held!);
    await community.regtest.mine();
    expect(await read()).toEqual([]);
  });

  it.each([
    ['a source that nobody published', { child: idOf('x') }, 'UNKNOWN_SOURCE'],
    ['a pin that claims another id', { claim: `${'ab'.repeat(32)}i0` }, 'UNKNOWN_CLAIM'],
    ['a parent that was never named', { parent: idOf('x') }, 'NOT_CLAIMED'],
    ['a reason of two lines', { reason: 'a\nb' }, 'BAD_DISPUTE'],
  ])('is not made of %s', async (_what, change, code) => {
    const registry = await readRegistry(community.regtest.chain);
    const draft = { child: idOf('poet'), reason: 'So.', ...change };
    expect(() => disputeOf(registry, draft)).toThrow(expect.objectContaining({ code }));
  });
});
