import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256, toHex } from '#src/base/index.js';
import {
  addressScript,
  ChainClient,
  ChainNode,
  createKey,
  networkParameters,
  RpcClient,
  RpcServer,
  registerChainMethods,
  Wallet,
} from '#src/chain/index.js';
import { declareModel, declareSource, publishModel, publishSource } from '#src/reward/index.js';

const MODEL = resolve(import.meta.dirname, '../../fixtures/bitmodel-tiny');
const BIN = resolve(import.meta.dirname, '../../bin/bitmodel.js');
const params = networkParameters('regtest');
const id = (name: string): string => toHex(sha256(new TextEncoder().encode(name)));
const author = createKey(params);
const poet = createKey(params);

let folder: string;
let node: ChainNode;
let server: RpcServer;
let rpc: string;
let client: ChainClient;
let wallet: Wallet;

/** The real binary; asynchronous, because the node it talks to runs in this process. */
function bitmodel(
  ...args: string[]
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const settings = ['--rpc', rpc, '--datadir', folder, '--no-input'];
  const child = spawn(process.execPath, [BIN, ...settings, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((done) => {
    child.on('close', (status) => done({ status, stdout, stderr }));
  });
}

const passphrase = (): string[] => ['--passphrase-file', join(folder, 'passphrase')];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bitmodel-reward-e2e-'));
  writeFileSync(join(folder, 'passphrase'), 'correct horse\n', { mode: 0o600 });
  node = await ChainNode.open({ datadir: join(folder, 'node'), network: 'regtest' });
  server = new RpcServer({ auth: { user: 'u', password: 'p' } });
  registerChainMethods(server, node, { stop: () => undefined, version: '0.0.0' });
  const url = await server.listen(0);
  rpc = url.replace('http://', 'http://u:p@');
  client = new ChainClient(new RpcClient({ url, auth: { user: 'u', password: 'p' } }));
  wallet = new Wallet({ client, keys: [author], params });
  await client.generate(101, author.address);

  const verses = await declareSource(client, {
    kind: 'dataset',
    id: id('verses'),
    name: 'verses',
    owner: addressScript(author.address, params),
    parents: [],
  });
  await publishSource(wallet, verses);
  await client.generate(1, author.address);
  const model = await declareModel(client, {
    id: id('model'),
    name: 'poet',
    licence: 'MIT',
    size: 7,
    feePpm: 50_000,
    owner: addressScript(poet.address, params),
    parents: [{ id: id('verses'), ppm: 200_000 }],
  });
  await publishModel(wallet, model);
  await client.generate(1, author.address);
  await wallet.send([{ value: 1_000_003n, lockingScript: model.split }]);
});

afterAll(async () => {
  await server.close();
  await node.close();
  rmSync(folder, { recursive: true });
});

describe('bitmodel reward show and settle', () => {
  it('shows who is paid for a model and what waits in its contract', async () => {
    const { status, stdout } = await bitmodel('reward', 'show', id('model'));
    expect(status).toBe(0);
    expect(stdout).toContain('poet (model)');
    expect(stdout).toMatch(new RegExp(`verses .* dataset .* 20 % .* ${author.address}`));
    expect(stdout).toMatch(new RegExp(`\\(owner\\) .* 80 % .* ${poet.address}`));
    expect(stdout).toContain('waiting in its split contract: 0.01000003, in 1 output');
  });

  it('pays out what waits, with a key of the data folder that pays the fee', async () => {
    const made = await bitmodel('keygen', '--name', 'payer', '--json', ...passphrase());
    const { address } = JSON.parse(made.stdout) as { address: string };
    await wallet.send([{ value: 100_000n, lockingScript: addressScript(address, params) }]);
    await client.generate(1, author.address);

    const args = ['reward', 'settle', id('model'), '--key', 'payer', '--json', ...passphrase()];
    const { status, stdout, stderr } = await bitmodel(...args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { settlements } = JSON.parse(stdout) as { settlements: { shares: object[] }[] };
    expect(settlements).toMatchObject([
      {
        name: 'poet',
        amount: '0.01000003',
        shares: [
          { id: id('verses'), to: 'address', destination: author.address, amount: '0.00200000' },
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
    const bundle = join(folder, 'bundle');
    cpSync(MODEL, bundle, { recursive: true });
    const packed = await bitmodel('model', 'pack', bundle, '--name', 'tiny', '--json');
    const model = json(packed.stdout).id as string;
    const made = json(
      (await bitmodel('keygen', '--name', 'tiny', '--json', ...passphrase())).stdout,
    );
    const owner = made.address as string;
    await wallet.send([{ value: 100_000n, lockingScript: addressScript(owner, params) }]);
    await client.generate(1, author.address);

    const parents = ['--parent', `${id('verses')}=12.5%`, '--fee', '4%', '--licence', 'MIT'];
    const key = ['--key', 'tiny', '--json', ...passphrase()];
    const tried = await bitmodel('model', 'publish', 'tiny', ...parents, ...key, '--dry-run');
    expect(json(tried.stdout)).toMatchObject({ model, feePpm: 40_000 });
    expect(json(tried.stdout)).not.toHaveProperty('txid');
    const published = await bitmodel('model', 'publish', 'tiny', ...parents, ...key);
    expect({ status: published.status, stderr: published.stderr }).toEqual({
      status: 0,
      stderr: '',
    });
    await client.generate(1, author.address);

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
    const key = ['--key', 'tiny', '--json', '--licence', 'MIT', ...passphrase()];
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
