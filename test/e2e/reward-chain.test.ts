import { cpSync } from 'node:fs';
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
