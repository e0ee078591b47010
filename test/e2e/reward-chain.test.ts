import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256, toHex } from '#src/base/index.js';
import { addressScript, createKey } from '#src/chain/index.js';
import { declareModel, declareSource, publishModel, publishSource } from '#src/reward/index.js';
import { REGTEST } from '../regtest.js';
import { type Ran, Stage } from './stage.js';

const MODEL = resolve(import.meta.dirname, '../../fixtures/bitmodel-tiny');
const id = (name: string): string => toHex(sha256(new TextEncoder().encode(name)));
const poet = createKey(REGTEST);

let stage: Stage;
let author: string;
/** Height at which only the verses were there. */
let versesAlone: number;

const bitmodel = (...args: string[]): Promise<Ran> => stage.run(args);

beforeAll(async () => {
  stage = await Stage.open();
  const { chain, wallet, key } = stage.regtest;
  author = key.address;
  const verses = await declareSource(chain, {
    kind: 'dataset',
    id: id('verses'),
    name: 'verses',
    owner: addressScript(author, REGTEST),
    parents: [],
  });
  await publishSource(wallet, verses);
  await stage.regtest.mine();
  versesAlone = await chain.height();
  const model = await declareModel(chain, {
    id: id('model'),
    name: 'poet',
    licence: 'MIT',
    size: 7,
    feePpm: 50_000,
    owner: addressScript(poet.address, REGTEST),
    parents: [{ id: id('verses'), ppm: 200_000 }],
  });
  await publishModel(wallet, model);
  await stage.regtest.mine();
  await wallet.send([{ value: 1_000_003n, lockingScript: model.split }]);
});
afterAll(() => stage?.close());

describe('bitmodel reward show and settle', () => {
  it('shows who is paid for a model and what waits in its contract', async () => {
    const { status, stdout } = await bitmodel('reward', 'show', id('model'));
    expect(status).toBe(0);
    expect(stdout).toContain('poet (model)');
    expect(stdout).toMatch(new RegExp(`verses .* dataset .* 20 % .* ${author}`));
    expect(stdout).toMatch(new RegExp(`\\(owner\\) .* 80 % .* ${poet.address}`));
    expect(stdout).toContain('waiting in its split contract: 0.01000003, in 1 output');
  });

  it('pays out what waits, with a key of the data folder that pays the fee', async () => {
    await stage.actor('payer', 100_000n);
    const args = ['reward', 'settle', id('model'), '--json', ...stage.as('payer')];
    const { status, stdout, stderr } = await bitmodel(...args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { settlements } = JSON.parse(stdout) as { settlements: { shares: object[] }[] };
    expect(settlements).toMatchObject([
      {
        name: 'poet',
        amount: '0.01000003',
        shares: [
          { id: id('verses'), to: 'address', destination: author, amount: '0.00200000' },
          { id: id('model'), to: 'address', destination: poet.address, amount: '0.00800003' },
        ],
      },
    ]);
    const again = await bitmodel(...args.filter((arg) => arg !== '--json'));
    expect(again.stdout).toContain('Nothing waits');
  });

  it('simulates jobs over what is declared, against a proposal by names, and writes it down as a page', async () => {
    const proposal = join(stage.folder, 'proposal.jsonl');
    const output = join(stage.folder, 'what-if.html');
    const parents = [{ id: 'dataset:verses', ppm: 500_000 }];
    writeFileSync(proposal, `${JSON.stringify({ source: 'poet', parents })}\n`);
    const args = ['reward', 'simulate', '--jobs', '10', '--price', '2', '--changes', proposal];
    const { status, stdout, stderr } = await bitmodel(...args, '-o', output, '--json');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const change = (owner: string, before: string, after: string) => ({ owner, before, after });
    expect(JSON.parse(stdout)).toMatchObject({
      sources: 2,
      edges: 1,
      owners: 2,
      total: '20.00000000',
      comparisons: [
        {
          against: 'declared',
          movedPpm: 300_000,
          gains: [change(author, '4.00000000', '10.00000000')],
          losses: [change(poet.address, '16.00000000', '10.00000000')],
        },
      ],
    });
    const page = readFileSync(output, 'utf8');
    const { chain } = stage.regtest;
    const height = await chain.height();
    const hash = await chain.blockId(height);
    expect(page).toContain(`the chain at height ${height}, block ${hash}`);

    const [before, tables] = await Promise.all([
      bitmodel('reward', 'analyse', '--at', String(versesAlone), '--json'),
      bitmodel(...args.slice(0, -2)),
    ]);
    expect(JSON.parse(before.stdout)).toMatchObject({ nodes: 1, edges: 0 });
    expect(tables.stdout).toContain('A  declared\nB  equal:20%');
    expect(tables.stdout.split('\n').filter((line) => [...line].length > 80)).toEqual([]);
  });

  it('says so for a model that nobody published, with exit code 3', async () => {
    const { status, stdout, stderr } = await bitmodel('reward', 'show', id('other'), '--json');
    expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'UNKNOWN_SOURCE' } });
  });

  it('says so when there is no node, with exit code 5', async () => {
    const away = ['--rpc', 'http://u:p@127.0.0.1:1', 'reward', 'show', id('model'), '--json'];
    const { status, stderr } = await bitmodel(...away);
    expect(status).toBe(5);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'NODE_UNREACHABLE' } });
  });
});

describe('bitmodel model publish', () => {
  const json = (text: string): Record<string, unknown> =>
    JSON.parse(text) as Record<string, unknown>;

  it('publishes a packed model with its parents, so that the node knows who is paid', async () => {
    const bundle = join(stage.folder, 'bundle');
    cpSync(MODEL, bundle, { recursive: true });
    const packed = await bitmodel('model', 'pack', bundle, '--name', 'tiny', '--json');
    const model = json(packed.stdout).id as string;
    const owner = (await stage.actor('tiny', 100_000n)).key.address;
    const parents = ['--parent', `${id('verses')}=12.5%`, '--fee', '4%', '--licence', 'MIT'];
    const key = ['--json', ...stage.as('tiny')];
    const tried = await bitmodel('model', 'publish', 'tiny', ...parents, ...key, '--dry-run');
    expect(json(tried.stdout)).toMatchObject({ model, feePpm: 40_000 });
    expect(json(tried.stdout)).not.toHaveProperty('txid');
    const published = await bitmodel('model', 'publish', 'tiny', ...parents, ...key);
    expect({ status: published.status, stderr: published.stderr }).toEqual({
      status: 0,
      stderr: '',
    });
    await stage.regtest.mine();

    const shown = json((await bitmodel('reward', 'show', 'tiny', '--json')).stdout);
    expect(shown).toMatchObject({
      id: model,
      name: 'tiny',
      owner,
      ownPpm: 875_000,
      feePpm: 40_000,
      parents: [{ id: id('verses'), ppm: 125_000 }],
      pin: { id: json(published.stdout).pin, owner },
    });
  });

  it('refuses a parent that nobody published, and a weight that is none', async () => {
    const key = ['--json', '--licence', 'MIT', ...stage.as('tiny')];
    const unknown = await bitmodel('model', 'publish', 'tiny', '--parent', `${id('x')}=1%`, ...key);
    expect(unknown.status).toBe(3);
    expect(json(unknown.stderr)).toMatchObject({ error: { code: 'UNKNOWN_SOURCE' } });
    const heavy = await bitmodel(
      'model',
      'publish',
      'tiny',
      '--parent',
      `${id('verses')}=101%`,
      ...key,
    );
    expect(heavy.status).toBe(2);
    expect(json(heavy.stderr)).toMatchObject({ error: { code: 'BAD_WEIGHT' } });
  });
});
