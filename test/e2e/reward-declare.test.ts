import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChainClient } from '#src/chain/index.js';
import { type Ran, Stage } from './stage.js';

/** Python's answer to BEP 52 for the bytes of {@link VERSES}, as in test/model/bundle/source-files.test.ts. */
const VERSES = 'Attention is all you need.\n';
const VERSES_ID = 'fa94a51ad6d325382023a73a8e5d159250d162cc92ab975edb680fcf7726b0b6';

let stage: Stage;
let folder: string;
let client: ChainClient;
const address: Record<string, string> = {};
let poetId: string;

const bitmodel = (...args: string[]): Promise<Ran> => stage.run(args);
const json = (...args: string[]): Promise<Record<string, unknown>> => stage.json(...args);
const refusal = (...args: string[]): Promise<unknown> => stage.refusal(...args);
const by = (name: string): string[] => stage.as(name);
const mine = (): Promise<void> => stage.regtest.mine();

beforeAll(async () => {
  stage = await Stage.open();
  folder = stage.folder;
  client = stage.regtest.chain;
  writeFileSync(join(folder, 'verses.txt'), VERSES);
  for (const name of ['ann', 'ben', 'eve']) {
    address[name] = (await stage.actor(name, 1_000_000n)).key.address;
  }
});
afterAll(() => stage?.close());

describe('bitmodel source publish', () => {
  it('gives a file the id of its bytes and a pin, and shows beforehand what it would send', async () => {
    const args = ['source', 'publish', join(folder, 'verses.txt'), '--kind', 'dataset'];
    const tried = await json(...args, ...by('ben'), '--dry-run');
    expect(tried).toMatchObject({ id: VERSES_ID, kind: 'dataset', name: 'verses.txt', size: 27 });
    expect(tried).not.toHaveProperty('txid');
    const named = [...args, '--name', 'verses'];
    const { status, stdout, stderr } = await bitmodel(...named, ...by('ben'), '-q');
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: `${VERSES_ID}\n`, stderr: '' });
    await mine();
    expect(await refusal(...named, ...by('eve'))).toBe('ALREADY_PUBLISHED');
  });

  it('takes a text for a person, and what a source uses by its name', async () => {
    const text = ['--text', 'Ada Lovelace <ada@example.org>', '--name', 'ada'];
    const ada = await json('source', 'publish', '--kind', 'developer', ...text, ...by('eve'));
    await mine();
    const poet = ['source', 'publish', '--kind', 'code', '--text', 'poet', '--name', 'poet'];
    const uses = ['--uses', 'dataset:verses=20%', '--uses', `${ada.id}=5%`];
    const published = await json(...poet, ...uses, ...by('ann'));
    expect(published).toMatchObject({ ownPpm: 750_000 });
    poetId = published.id as string;
    await mine();
    const listed = await json('source', 'list');
    expect(listed.sources).toMatchObject([
      { name: 'verses', kind: 'dataset', usedBy: 1 },
      { name: 'ada', kind: 'developer', owner: address.eve },
      { name: 'poet', kind: 'code', uses: 2 },
    ]);
    const only = await bitmodel('source', 'list', '--kind', 'developer', '-q');
    expect(only.stdout).toBe(`${ada.id}\n`);
  });

  it('takes one thing to publish, of a kind that there is, with a name', async () => {
    const publish = ['source', 'publish', ...by('ann')];
    const wrong = [['model', '--text', 'x'], ['code'], ['code', '--text', 'x']];
    const codes = await Promise.all(wrong.map((args) => refusal(...publish, '--kind', ...args)));
    expect(codes).toEqual(wrong.map(() => 'BAD_OPTION'));
  });
});

describe('bitmodel reward declare, countersign and dispute', () => {
  it('changes weights from a block on, as it shows beforehand, by the key that holds the pin', async () => {
    const declare = ['reward', 'declare', '--source', 'code:poet', '--uses', 'verses=30%'];
    const wrong = ['reward', 'declare', '--source', 'code:poet', '--uses'];
    const [tried, ...codes] = await Promise.all([
      bitmodel(...declare, '--dry-run'),
      refusal(...declare, ...by('eve')),
      refusal(...wrong, `paper:${VERSES_ID}=1%`),
      refusal(...wrong, 'nothing=1%'),
      refusal(...wrong, 'verses=101%'),
    ]);
    expect(tried.stdout).toMatch(/verses \(dataset\) +20 % +30 %/);
    expect(tried.stdout).toMatch(/ada \(developer\) +5 % +-/);
    expect(codes).toEqual(['NOT_PIN_OWNER', 'WRONG_KIND', 'UNKNOWN_SOURCE', 'BAD_WEIGHT']);
    const { pin } = await json(...declare, '--uses', 'ada=0%', ...by('ann'));
    await mine();
    const height = await client.height();
    const [now, then] = await Promise.all([
      json('reward', 'show', 'poet'),
      json('reward', 'show', 'poet', '--at', String(height - 1)),
    ]);
    expect(now).toMatchObject({ ownPpm: 700_000, since: height, pin: { id: pin } });
    expect(now.history).toMatchObject([{ ownPpm: 750_000 }, { ownPpm: 700_000, height }]);
    expect(then).toMatchObject({ ownPpm: 750_000, height: height - 1 });
    for (const verb of [
      ['reward', 'show', 'poet'],
      ['reward', 'graph'],
      ['source', 'list'],
    ]) {
      const { status, stderr } = await bitmodel(...verb, '--at', String(height + 1));
      expect([status, stderr]).toEqual([2, expect.stringContaining(`from 0 to ${height}`)]);
    }
  });

  it("confirms a claim by the key of the parent's holder, and shows it", async () => {
    const countersign = ['reward', 'countersign', 'poet', '--parent', 'verses'];
    const [code, shown] = await Promise.all([
      refusal(...countersign, ...by('eve')),
      bitmodel('reward', 'show', 'poet'),
    ]);
    expect(code).toBe('NOT_PIN_OWNER');
    expect(shown.stdout).toMatch(/^verses +dataset +30 % unconfirmed /m);
    await json(...countersign, ...by('ben'));
    await mine();
    const { stdout } = await bitmodel('reward', 'show', 'poet');
    expect(stdout).toMatch(/^verses +dataset +30 % confirmed /m);
    expect(stdout).toMatch(/^ada +developer +0 % unconfirmed +not paid for$/m);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('shows disputes and rival claims with who and why, and forgets what was taken back', async () => {
    const rival = ['source', 'publish', join(folder, 'verses.txt'), '--kind', 'dataset'];
    const claim = await json(...rival, '--name', 'verses', '--rival', ...by('eve'));
    await mine();
    const reason = ['--reason', 'I wrote them: see page 3.'];
    const dispute = await json('reward', 'dispute', 'verses', ...reason, ...by('eve'));
    await mine();
    const [shown, { stdout }] = await Promise.all([
      json('reward', 'show', 'verses'),
      bitmodel('reward', 'show', 'verses'),
    ]);
    expect(shown).toMatchObject({
      pin: { owner: address.ben },
      rivals: [{ pin: claim.pin, owner: address.eve }],
      disputes: [{ creator: address.eve, reason: 'I wrote them: see page 3.', pin: dispute.pin }],
    });
    expect(stdout).toContain('another pin claims this id');
    expect(stdout).toContain(`by ${address.eve}\n    "I wrote them: see page 3."`);
    await json('id', 'revoke', dispute.pin as string, '--yes', ...by('eve'));
    await mine();
    expect((await json('reward', 'show', 'verses')).disputes).toEqual([]);
  });

  it('says where a source still pays what its parent declared before, and how to follow it', async () => {
    const uses = ['--uses', 'ada=10%'];
    await json('reward', 'declare', '--source', 'verses', ...uses, ...by('ben'));
    await mine();
    const behind = await bitmodel('reward', 'show', 'poet');
    expect(behind.stdout).toMatch(
      /paid by what it declared in block \d+, not what it declares now/,
    );
    const follow = ['reward', 'declare', '--source', 'poet', '--follow'];
    await json(...follow, ...by('ann'));
    await mine();
    const { stdout } = await bitmodel('reward', 'show', 'poet');
    expect(stdout).not.toContain('not what it declares now');
    expect(stdout).toMatch(/^verses +dataset +30 % confirmed +split contract /m);
  });

  it('is the graph that payouts and drawings go by, with what older blocks say', async () => {
    const [graph, paid, then] = await Promise.all([
      json('reward', 'graph'),
      json('reward', 'payout', '--source', poetId, '--amount', '1', '--per', 'owner'),
      json('reward', 'graph', '--at', '105'),
    ]);
    expect(graph.sources).toContainEqual(
      expect.objectContaining({
        name: 'poet',
        parents: [expect.objectContaining({ id: VERSES_ID, ppm: 300_000, standing: 'confirmed' })],
      }),
    );
    expect(paid.owners).toEqual([
      expect.objectContaining({ owner: address.ann, amount: '0.70000000' }),
      expect.objectContaining({ owner: address.ben, amount: '0.27000000' }),
      expect.objectContaining({ owner: address.eve, amount: '0.03000000' }),
    ]);
    expect((then.sources as object[]).length).toBeLessThan((graph.sources as object[]).length);
  });

  it('takes names, kinds and first digits in payouts and batches, in tables of 80 columns', async () => {
    const payout = ['reward', 'payout', '--amount', '1', '--source'];
    writeFileSync(join(folder, 'demand.json'), '{"code:poet":"1"}');
    const batch = ['reward', 'settle', '--amount', '1', '--source', 'poet', '--dry-run'];
    const [whole, ...others] = await Promise.all([
      json(...payout, poetId),
      json(...payout, 'poet'),
      json(...payout, 'code:poet'),
      json(...payout, poetId.slice(0, 8)),
      json('reward', 'payout', '--demand', join(folder, 'demand.json')),
    ]);
    expect(others).toEqual(others.map(() => whole));
    const [explained, planned, code, ...texts] = await Promise.all([
      json(...payout, 'poet', '--explain', 'dataset:verses'),
      json(...batch, ...by('ann')),
      refusal(...payout, 'nobody'),
      bitmodel(...payout, 'poet'),
      bitmodel(...payout, 'poet', '--per', 'owner'),
      bitmodel(...payout, 'poet', '--explain', 'verses'),
    ]);
    expect(explained).toMatchObject({ id: VERSES_ID, paths: [{ sources: [poetId, VERSES_ID] }] });
    expect(planned).toMatchObject({ demanded: '1.00000000', graph: 'chain' });
    expect(code).toBe('UNKNOWN_SOURCE');
    for (const { status, stdout } of texts) {
      expect(status).toBe(0);
      expect(stdout).toContain('verses');
      expect(stdout).toContain(VERSES_ID.slice(0, 8));
      expect(stdout.split('\n').filter((line) => [...line].length > 80)).toEqual([]);
    }
  });

  it('names another owner and another name, as it shows beforehand, and says what stays behind', async () => {
    const declare = ['reward', 'declare', '--source', 'poet', '--name', 'bard'];
    const to = ['--owner', address.ben!];
    const [tried, ...codes] = await Promise.all([
      bitmodel(...declare, ...to, '--dry-run'),
      refusal(...declare, '--fee', '0.01', ...by('ann')),
      refusal(...declare, '--owner', 'nobody', ...by('ann')),
      refusal(...declare, ...to, ...by('eve')),
      refusal('reward', 'declare', '--source', 'poet', ...by('ann')),
    ]);
    expect(tried.stdout).toContain(`name     poet\n  now:   bard\nowner    ${address.ann}`);
    expect(tried.stderr).toContain('bitmodel id transfer ');
    expect(codes).toEqual(['NO_MODEL', 'BAD_ADDRESS', 'NOT_PIN_OWNER', 'BAD_OPTION']);
    await json(...declare, ...to, ...by('ann'));
    await mine();
    expect(await json('reward', 'show', 'bard')).toMatchObject({
      id: poetId,
      owner: address.ben,
      pin: { owner: address.ann },
    });
  });

  it('refuses a circle in which nobody keeps anything', async () => {
    const all = (source: string, name: string): string[] => [
      ...['reward', 'declare', '--source', source, '--uses', `${name}=100%`],
    ];
    await json(...all('verses', 'ada'), ...by('ben'));
    await mine();
    expect(await refusal(...all('ada', 'verses'), ...by('eve'))).toBe('CLOSED_CIRCLE');
    const open = ['reward', 'declare', '--source', 'ada', '--uses', 'verses=50%', '--dry-run'];
    const { circle } = await json(...open);
    expect(circle).toHaveLength(2);
  });
});
