import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COIN, formatAmount, sha256, toHex, utf8 } from '#src/base/index.js';
import { addressScript, encodeAddress } from '#src/chain/index.js';
import { declareSource, publishSource } from '#src/reward/index.js';
import { REGTEST, Regtest } from '../regtest.js';
import { actor } from './stage.js';

const BIN = resolve(import.meta.dirname, '../../bin/bitmodel.js');
const PASSPHRASE = 'correct horse';
const id = (name: string): string => toHex(sha256(utf8(name)));
const addressOf = (name: string): string => encodeAddress(sha256(utf8(name)).slice(0, 20), REGTEST);

let regtest: Regtest;
let folder: string;
let split: Uint8Array;

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the real binary; the node that it talks to runs in this process. */
function start(args: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const settings = ['--datadir', regtest.datadir, '--network', 'regtest', '--no-input'];
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
  const ended = new Promise<Ended>((done) => {
    child.on('close', (status) => done({ status, stdout, stderr }));
  });
  return { child, ended };
}
const bitmodel = (...args: string[]): Promise<Ended> => start(args).ended;
const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
const withKey = (name: string): string[] => [
  '--key',
  name,
  '--passphrase-file',
  join(folder, 'passphrase'),
];

/** A key of the data folder with some coins in several pieces. */
async function funded(name: string): Promise<void> {
  const place = { folder: regtest.datadir, passphrase: PASSPHRASE };
  const { key } = await actor(place, regtest.chain, name);
  const lockingScript = addressScript(key.address, REGTEST);
  await regtest.pay([
    { value: 3n * COIN, lockingScript },
    { value: COIN, lockingScript },
  ]);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bitmodel-settle-e2e-'));
  writeFileSync(join(folder, 'passphrase'), `${PASSPHRASE}\n`, { mode: 0o600 });
  regtest = await Regtest.open();
  await Promise.all(['ann', 'bob'].map(funded));
  const base = { kind: 'dataset', owner: addressScript(addressOf('owner'), REGTEST) } as const;
  const verses = { ...base, id: id('verses'), name: 'verses', parents: [] };
  await publishSource(regtest.wallet, await declareSource(regtest.chain, verses));
  await regtest.mine();
  const parents = [{ id: id('verses'), ppm: 200_000 }];
  const poet = await declareSource(regtest.chain, {
    ...base,
    id: id('poet'),
    name: 'poet',
    parents,
  });
  await publishSource(regtest.wallet, poet);
  await regtest.mine();
  split = poet.split;
});

afterAll(async () => {
  await regtest.close();
  rmSync(folder, { recursive: true });
});

describe('bitmodel reward settle', () => {
  it('shows what it would do, is raced by another, and is audited', async () => {
    await regtest.pay([{ value: COIN + 3n, lockingScript: split }]);
    const planned = await bitmodel('reward', 'settle', '--dry-run');
    expect(planned).toMatchObject({ status: 0, stderr: '' });
    expect(planned.stdout).toContain('poet: 1.00000003 in 1 coin, for a fee of 0.00000');
    expect(planned.stdout).toContain('Nothing was sent');
    expect(planned.stdout.split('\n').every((line) => line.length <= 80)).toBe(true);

    const both = await Promise.all(
      ['ann', 'bob'].map((key) =>
        bitmodel('reward', 'settle', id('poet'), '--json', ...withKey(key)),
      ),
    );
    expect(both.map(({ status, stderr }) => ({ status, stderr }))).toEqual([
      { status: 0, stderr: '' },
      { status: 0, stderr: '' },
    ]);
    const settled = both.flatMap(({ stdout }) => json(stdout).settlements as { txid: string }[]);
    expect(settled).toMatchObject([{ name: 'poet', amount: '1.00000003' }]);

    const audit = await bitmodel('reward', 'audit', settled[0]!.txid);
    expect(audit).toMatchObject({ status: 0, stderr: '' });
    expect(audit.stdout).toContain('verdict: right');
    expect(audit.stdout).toMatch(/came in: 1\.00000003 in 1 coin\n +1\.00000003 {2}from a payment/);
    expect(audit.stdout.split('\n').every((line) => line.length <= 80)).toBe(true);
    const { txid } = await regtest.pay([{ value: COIN, lockingScript: split }]);
    const none = await bitmodel('reward', 'audit', txid, '--json');
    expect(none.status).toBe(3);
    expect(json(none.stderr)).toMatchObject({ error: { code: 'NOT_A_PAYOUT' } });
  });

  it('pays a batch of thousands, killed in the middle of it, to each of them once', async () => {
    const owners = Array.from({ length: 5_250 }, (_, i) => addressOf(`owner ${i}`));
    const sources = [
      {
        id: 'model',
        owner: owners[0],
        parents: owners.slice(1, 250).map((_, i) => ({ id: `s${i + 1}`, ppm: 4_000 })),
      },
      ...owners.slice(1, 250).map((owner, i) => ({
        id: `s${i + 1}`,
        owner,
        parents: Array.from({ length: 20 }, (_, j) => ({ id: `t${i * 20 + j}`, ppm: 47_000 })),
      })),
      ...owners.slice(250, 250 + 249 * 20).map((owner, i) => ({ id: `t${i}`, owner, parents: [] })),
    ];
    const graph = join(folder, 'graph.json');
    writeFileSync(graph, JSON.stringify({ v: 1, sources }));
    const batch = ['reward', 'settle', '--graph', graph, '--amount', '1.5', ...withKey('ann')];

    // what settling left of the key's coins is too young: a batch is paid from such as six blocks bury
    const young = await bitmodel(...batch, '--json');
    expect(young.status).toBe(1);
    expect(json(young.stderr)).toMatchObject({ error: { code: 'INSUFFICIENT_FUNDS' } });
    await regtest.mine(6);

    const { child, ended } = start(batch);
    child.stderr!.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('sent ')) child.kill('SIGKILL');
    });
    expect((await ended).status).toBeNull();

    const again = await bitmodel(...batch, '--json');
    expect(again).toMatchObject({ status: 0, stderr: '' });
    const { resumed } = json(again.stdout) as { resumed: string[] };
    expect(resumed.length).toBeGreaterThan(0);
    const twice = await bitmodel(...batch, '--json');
    expect(twice.status).toBe(4);
    expect(json(twice.stderr)).toMatchObject({ error: { code: 'ALREADY_PAID' } });
    await regtest.mine();

    // the transaction that funded the others spends the key's coins: it is the first that they had in common
    const { transaction } = (await regtest.chain.transaction(resumed.at(-1)!))!;
    const root = toHex(transaction.inputs[0]!.outpoint.hash.slice().reverse());
    const audit = await bitmodel(
      'reward',
      'audit',
      root,
      '--graph',
      graph,
      '--amount',
      '1.5',
      '--json',
    );
    expect(audit).toMatchObject({ status: 0, stderr: '' });
    const found = json(audit.stdout) as {
      transactions: string[];
      shares: { to: string; paid: string }[];
    };
    expect(found).toMatchObject({ verdict: 'right', amount: '1.50000000' });
    expect(found.transactions.length).toBe(2);
    for (const { to, paid } of found.shares.filter((_, i) => i % 500 === 7)) {
      const coins = await regtest.chain.utxos([to]);
      expect(coins.map(({ output }) => formatAmount(output.value))).toEqual([paid]);
    }
    const other = await bitmodel(
      'reward',
      'audit',
      root,
      '--graph',
      graph,
      '--amount',
      '1.4',
      '--json',
    );
    expect(other.status).toBe(2);
    expect(json(other.stderr)).toMatchObject({ error: { code: 'OTHER_EVIDENCE' } });
  });

  it('refuses a batch to owners that are no addresses, before anything is sent', async () => {
    const graph = join(folder, 'names.json');
    writeFileSync(graph, JSON.stringify({ v: 1, sources: [{ id: 'a', owner: 'ann' }] }));
    const { status, stderr } = await bitmodel(
      'reward',
      'settle',
      '--graph',
      graph,
      '--amount',
      '1',
      '--dry-run',
      '--json',
      '--key',
      'ann',
    );
    expect(status).toBe(2);
    expect(json(stderr)).toMatchObject({ error: { code: 'BAD_OWNER' } });
  });

  it('watches with a line of JSON for each event, until it is stopped', async () => {
    await regtest.pay([{ value: COIN, lockingScript: split }]);
    const { child, ended } = start(['reward', 'settle', '--watch', '--json', ...withKey('bob')]);
    await new Promise<void>((done) => {
      child.stdout!.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('"event":"block"')) done();
      });
    });
    child.kill('SIGINT');
    const { status, stdout } = await ended;
    expect(status).toBe(0);
    const events = stdout.trim().split('\n').map(json);
    expect(events.map(({ event }) => event)).toEqual(['settled', 'block']);
    expect(events[0]).toMatchObject({ name: 'poet', amount: '2.00000000', coins: 2 });
  });
});
