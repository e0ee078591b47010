import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkModel, type PackedModel } from '#src/model/index.js';
import { Place, type Running } from '../e2e/harness.js';
import { makeModel } from '../model/store/setup.js';

const SCRIPT = resolve(import.meta.dirname, 'libtorrent-seed.py');

/** The Python that has Debian's python3-libtorrent, which need not be the first in the path. */
function findPython(): string {
  for (const python of ['python3', '/usr/bin/python3']) {
    try {
      execFileSync(python, ['-c', 'import libtorrent'], { stdio: 'ignore' });
      return python;
    } catch {
      // the next one
    }
  }
  throw new Error('libtorrent is not here: apt-get install python3-libtorrent');
}

const place = new Place();
let python: string;
let packed: PackedModel;
let dir: string;
let server: Running;
let url: string;

beforeAll(async () => {
  python = findPython();
  dir = join(place.folder, 'packed');
  mkdirSync(dir);
  await makeModel(dir);
  packed = await place.json<PackedModel>(['model', 'pack', dir, '--name', 'm']);
  server = await place.start(['model', 'serve', '--port', '0', '--quiet']);
  url = server.line;
});
afterAll(async () => {
  await server?.stop();
  place.close();
});

/** Lets libtorrent fetch a torrent from a web seed alone; `-` for the one that the torrent names. */
async function fetchBy(torrent: string, seed: string, folder: string): Promise<string[]> {
  mkdirSync(folder);
  const { stdout } = await promisify(execFile)(python, [SCRIPT, torrent, seed, folder]);
  return stdout.trim().split('\n');
}

describe('libtorrent', () => {
  it('computes our model id from the torrent of pack, and fetches the model from a node as web seed', async () => {
    const folder = join(place.folder, 'fetched');
    const lines = await fetchBy(join(dir, 'bitmodel.torrent'), `${url}/${packed.id}/`, folder);
    expect(lines).toEqual([packed.id, 'complete']);
    // what it wrote is the very model: packed there, it has the same id
    const again = await place.json<PackedModel>(['model', 'pack', join(folder, 'model')]);
    expect(again.id).toBe(packed.id);
    expect((await checkModel(join(folder, 'model'))).faults).toEqual([]);
  });

  it('needs nothing but the torrent that the web seed gives', async () => {
    const response = await fetch(`${url}/${packed.id}.torrent`);
    const torrent = join(place.folder, 'served.torrent');
    writeFileSync(torrent, Buffer.from(await response.arrayBuffer()));
    const folder = join(place.folder, 'fetched-by-torrent');
    expect(await fetchBy(torrent, '-', folder)).toEqual([packed.id, 'complete']);
  });
});
