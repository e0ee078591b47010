import {
  closeSync,
  cpSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { calibrationFile, checkModel, ModelRegistry, packModel } from '#src/model/index.js';
import type { PullStatus } from '#src/network/index.js';
import { calibrationHash, readCalibration } from '#src/rastic/index.js';
import { content } from '../model/store/setup.js';
import { until } from '../until.js';
import { type NodeProcess, Nodes } from './Nodes.js';

const TINY = resolve(import.meta.dirname, '../../fixtures/bitmodel-tiny');
const MEBIBYTE = 1024 * 1024;
/** A file beside the tiny model, so that fetching it takes a moment. */
const EXTRA = 40 * MEBIBYTE;

const nodes = new Nodes();
const { place } = nodes;
let id: string;
let ann: NodeProcess;
let liar: NodeProcess;
let eve: NodeProcess;

const GRAPH = 'onnx/model.onnx';
const CALIBRATION = 'bitmodel-tiny.calibration.json';

/** What a job of a model in a folder names its calibration by. */
function calibrationAt(dir: string): string | undefined {
  const found = readCalibration(dir, id, GRAPH);
  return found && toHex(calibrationHash(found));
}

const folderOf = (name: string): string => join(place.folder, name, 'whale');

/** Puts the packed model of the first holder into another one's data folder, as a copy would be. */
function give(name: string): void {
  cpSync(folderOf('ann'), folderOf(name), { recursive: true, preserveTimestamps: true });
  new ModelRegistry(join(place.folder, name)).register(id, folderOf(name), 'whale');
}

/** Makes the first byte of every piece of a file wrong, and lets it look untouched. */
function spoil(path: string): void {
  const { atime, mtime, size } = statSync(path);
  const file = openSync(path, 'r+');
  for (let at = 0; at < size; at += MEBIBYTE) writeSync(file, Uint8Array.of(0xee), 0, 1, at);
  closeSync(file);
  utimesSync(path, atime, mtime);
}

async function knows(node: NodeProcess, count: number): Promise<boolean> {
  const peers = await node.rpc<unknown[]>('getpeerinfo');
  return peers.length >= count;
}

beforeAll(async () => {
  cpSync(TINY, folderOf('ann'), { recursive: true });
  const extra = openSync(join(folderOf('ann'), 'extra.bin'), 'w');
  for (let i = 0; i < 4; i++) writeSync(extra, content(EXTRA / 4, i));
  closeSync(extra);
  ({ id } = await packModel(folderOf('ann'), { name: 'whale', licence: 'MIT' }));
  new ModelRegistry(join(place.folder, 'ann')).register(id, folderOf('ann'), 'whale');
  const calibration = JSON.parse(readFileSync(join(TINY, CALIBRATION), 'utf8')) as object;
  const own = JSON.stringify({ ...calibration, model: id });
  writeFileSync(join(folderOf('ann'), CALIBRATION), own);
  for (const name of ['ben', 'cat', 'liar']) give(name);
  rmSync(join(folderOf('ben'), CALIBRATION));
  spoil(join(folderOf('liar'), 'extra.bin'));
  ann = await nodes.start('ann', '--mine', '--block-time', '1');
  const seed = ['--seed-node', ann.address];
  [, , liar, eve] = (await Promise.all([
    nodes.start('ben', ...seed),
    nodes.start('cat', ...seed),
    nodes.start('liar', ...seed),
    nodes.start('eve', ...seed),
  ])) as [NodeProcess, NodeProcess, NodeProcess, NodeProcess];
  const { env } = ann;
  const passphrase = ['--passphrase-file', place.passphraseFile];
  await place.ok(['keygen', '--name', 'ann', ...passphrase], { env });
  await place.ok(['wallet', 'faucet', '5', '--key', 'ann'], { env });
  const key = ['--key', 'ann', ...passphrase];
  await place.ok(['model', 'publish', 'whale', ...key, '--yes'], { env });
});
afterAll(() => nodes.close());

describe('a published model', () => {
  it('is fetched by its name on another machine, from all who hold it, though one of them lies', async () => {
    await until(() => knows(eve, 4));
    await until(async () => {
      const pins = await eve.rpc<unknown[]>('getpins', { path: '/protocols/bitmodel-model' });
      return pins.length === 1;
    });
    const { env } = eve;
    const pulled = await place.json<{ id: string; dir: string; badPieces: number }>(
      ['model', 'pull', 'whale'],
      { env },
    );
    expect(pulled.id).toBe(id);
    expect(pulled.dir).toBe(join(eve.folder, 'models', id));
    expect((await checkModel(pulled.dir)).faults).toEqual([]);
    expect(pulled.badPieces).toBeGreaterThan(0);
    const bans = await eve.rpc<{ address: string }[]>('listbanned');
    expect(JSON.stringify(bans)).toContain(liar.id);
  });

  it('comes with the calibration that was published with it, also when that was lost', async () => {
    const { env } = eve;
    const dir = join(eve.folder, 'models', id);
    const published = await place.json<{ calibrations: unknown }>(['reward', 'show', id], { env });
    const hash = calibrationAt(folderOf('ann'));
    expect(published.calibrations).toEqual([{ file: GRAPH, hash }]);
    expect(calibrationAt(dir)).toBe(hash);
    rmSync(join(dir, calibrationFile(GRAPH)));
    const again = await place.json(['model', 'pull', id], { env });
    expect(again).toMatchObject({ dir, wasHere: true, calibrationsMissing: [] });
    expect(calibrationAt(dir)).toBe(hash);
  });

  it('can be run where it was fetched, by the name it was published under', async () => {
    const args = ['model', 'run', 'whale', 'Call me', '--max-tokens', '3', '--threads', '1'];
    expect(await place.ok(args, { env: eve.env })).not.toBe('');
  });

  it('is listed with the nodes that showed that they hold it', async () => {
    const { env } = eve;
    const { models } = await place.json<{ models: Record<string, unknown>[] }>(
      ['model', 'list', '--network'],
      { env },
    );
    expect(models).toHaveLength(1);
    expect(models[0]).toMatchObject({ id, name: 'whale', here: true, income: '0.00000000' });
    // ann, ben, cat and this one; the one that lied is banned
    expect(models[0]!.holders).toBe(4);
    const table = await place.ok(['model', 'list', '--network'], { env });
    expect(Math.max(...table.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('is gone on with by a node that was killed in the middle', async () => {
    const seed = ['--seed-node', ann.address];
    let fay = await nodes.start('fay', ...seed);
    await until(() => knows(fay, 3));
    let status = await fay.rpc<PullStatus>('pullmodel', id);
    while (status.bytesDone < 4 * MEBIBYTE) {
      expect(status.failure).toBeUndefined();
      await new Promise((done) => setTimeout(done, 5));
      status = await fay.rpc<PullStatus>('getpull', id);
    }
    await fay.stop('SIGKILL');
    const dir = join(fay.folder, 'models', id);
    expect(readdirSync(dir)).toContain('.bitmodel-pull');
    fay = await nodes.start('fay', ...seed);
    await fay.rpc('pullmodel', id);
    // what was there is there again before anything else comes
    await until(async () => {
      status = await fay.rpc<PullStatus>('getpull', id);
      return ['fetching', 'finishing', 'done'].includes(status.state);
    });
    expect(status.bytesDone).toBeGreaterThanOrEqual(4 * MEBIBYTE);
    await until(async () => (await fay.rpc<PullStatus>('getpull', id)).state === 'done');
    expect((await checkModel(dir)).faults).toEqual([]);
    expect(readdirSync(dir)).not.toContain('.bitmodel-pull');
  });

  it('is not found under a name that nobody published', async () => {
    const { env } = eve;
    const unknown = await place.run(['model', 'pull', 'minnow'], { env });
    expect([unknown.code, unknown.stderr]).toEqual([3, expect.stringContaining('UNKNOWN_MODEL')]);
  });
});
