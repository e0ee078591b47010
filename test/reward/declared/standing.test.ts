import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256, utf8 } from '#src/base/index.js';
import { createPin, modifyPin, revokePin, transferPin } from '#src/chain/index.js';
import {
  CONTRIBUTION_PIN_PATH,
  chainGraph,
  confirmationOf,
  disputeOf,
  holderScript,
  liesWithNft,
  publishDispute,
  publishRedeclaration,
  readRegistry,
  readStandings,
  redeclare,
  sayAsParent,
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

  it('can be countersigned by nobody where the pin of the parent lies with an NFT, which is said', async () => {
    const { chain } = community.regtest;
    await community.publish('ben', 'bound');
    await community.publish('eve', 'user', [uses('bound', 1_000)]);
    const { pin } = await community.declared('bound');
    const [category, modelId] = [new Uint8Array(32).fill(7), sha256(utf8('bound'))];
    const holder = holderScript({ category, modelId });
    await transferPin(chain, community.wallet('ben'), pin, holder);
    await community.regtest.mine();
    const registry = await readRegistry(chain);
    const statement = confirmationOf(registry, idOf('user'), idOf('bound'));
    await expect(
      sayAsParent(chain, community.wallet('ben'), registry, statement),
    ).rejects.toMatchObject({ code: 'PIN_WITH_NFT', message: expect.stringMatching(/^.{0,110}$/) });
    expect(liesWithNft((await community.declared('bound')).pin)).toBe(true);
    expect(liesWithNft((await community.declared('user')).pin)).toBe(false);
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
