import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type BundleCheck,
  type BundleFault,
  checkModel,
  PIECE,
  packModel,
  readBundle,
} from '#src/model/index.js';
import { cases } from '../../long.js';
import { Folder, withoutRights } from './folder.js';

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder[Symbol.dispose]());

describe('packing', () => {
  it('takes thousands of files, and says when other nodes can not fetch them', async () => {
    for (let i = 0; i < 100; i++) mkdirSync(folder.at(`d${i}`));
    const count = cases(4_000, 10_000);
    for (let i = 0; i < count; i++) {
      const name = `layer-${i}-${'of-the-weights-'.repeat(13)}.safetensors`;
      writeFileSync(folder.at(`d${i % 100}/${name}`), i % 7 ? `${i}` : '');
    }
    const { files, id, canBeShared } = await packModel(folder.path);
    expect(files).toHaveLength(count);
    expect(canBeShared).toBe(false);
    expect(await checkModel(folder.path)).toMatchObject({ id, actualId: id, faults: [] });
    execFileSync('rm', ['-r', ...Array.from({ length: 90 }, (_, i) => folder.at(`d${i}`))]);
    expect(await packModel(folder.path)).toMatchObject({ canBeShared: true });
  });

  it('writes both records or neither', async () => {
    using record = new Folder();
    folder.put('a', 'a');
    await packModel(folder.path, { record: record.path });
    const torrent = readFileSync(record.at('bitmodel.torrent'));
    folder.put('a', 'b');
    // the folder for the records goes away while the model is read, and a file takes its place
    const onProgress = (): void => {
      renameSync(record.path, `${record.path}.away`);
      writeFileSync(record.path, '');
    };
    const packing = packModel(folder.path, { record: record.path, onProgress });
    await expect(packing).rejects.toMatchObject({ code: 'FILE_EXISTS' });
    rmSync(record.path);
    renameSync(`${record.path}.away`, record.path);
    expect(readFileSync(record.at('bitmodel.torrent')).equals(torrent)).toBe(true);
    expect(readdirSync(record.path).sort()).toEqual(['bitmodel.json', 'bitmodel.torrent']);
  });

  it('says before it reads that a folder is read-only, and takes another one for the record', async () => {
    using record = new Folder();
    folder.put('model/a', 'a');
    const dir = folder.at('model');
    chmodSync(folder.path, 0o755);
    chmodSync(dir, 0o555);
    chmodSync(record.path, 0o777);
    let hasRead = false;
    const onProgress = (): void => {
      hasRead = true;
    };
    const denied = withoutRights(() => packModel(dir, { onProgress }));
    await expect(denied).rejects.toMatchObject({
      code: 'READ_ONLY_FOLDER',
      exitCode: 4,
      next: expect.stringContaining('--record'),
    });
    expect(hasRead).toBe(false);
    const { id } = await withoutRights(() => packModel(dir, { record: record.path }));
    expect(readdirSync(dir)).toEqual(['a']);
    expect(readBundle(record.path).id).toBe(id);
    expect(await checkModel(dir, { record: record.path })).toMatchObject({ id, faults: [] });
    chmodSync(dir, 0o755);
  });

  it('refuses a wrong name before it reads', async () => {
    folder.put('a', 'a');
    const onProgress = (): void => {
      throw new Error('it was read');
    };
    const packing = packModel(folder.path, { name: 'x'.repeat(201), onProgress });
    await expect(packing).rejects.toMatchObject({ code: 'BAD_MANIFEST' });
    expect(existsSync(folder.at('bitmodel.json'))).toBe(false);
  });
});

describe('checking', () => {
  const SIZE = 6 * PIECE + 100;

  async function faults(): Promise<readonly BundleFault[]> {
    return (await checkModel(folder.path)).faults;
  }

  async function packed(): Promise<Buffer> {
    const weights = Buffer.alloc(SIZE);
    for (let i = 0; i < SIZE; i++) weights[i] = (i * 7 + (i >> 20)) % 251;
    folder.put('onnx/weights', weights);
    folder.put('config.json', '{}');
    await packModel(folder.path);
    return weights;
  }

  it('names runs of wrong pieces, and the bytes where they lie', async () => {
    const weights = await packed();
    for (const at of [1, 2 * PIECE, 3 * PIECE - 1, SIZE - 1]) weights[at]! ^= 1;
    folder.put('onnx/weights', weights);
    expect(await faults()).toEqual([
      {
        path: 'onnx/weights',
        kind: 'content',
        pieces: [0, 2, 6],
        ranges: [
          { from: 0, to: PIECE },
          { from: 2 * PIECE, to: 3 * PIECE },
          { from: 6 * PIECE, to: SIZE },
        ],
      },
    ]);
  });

  it('names the pieces that a file that was cut off lacks', async () => {
    const weights = await packed();
    folder.put('onnx/weights', weights.subarray(0, 4 * PIECE + 5));
    expect(await faults()).toEqual([
      {
        path: 'onnx/weights',
        kind: 'size',
        size: 4 * PIECE + 5,
        expectedSize: SIZE,
        pieces: [4, 5, 6],
        ranges: [{ from: 4 * PIECE, to: SIZE }],
      },
    ]);
  });

  it('names the file alone where the torrent is gone, broken, or another one', async () => {
    const weights = await packed();
    weights[5]! ^= 1;
    folder.put('onnx/weights', weights);
    const path = folder.at('bitmodel.torrent');
    const torrent = readFileSync(path);
    const wrong = Buffer.from(torrent);
    // a piece hash that does not make the root tells nothing about pieces
    wrong[wrong.length - 40]! ^= 1;
    const states: readonly (readonly [BundleCheck['torrent'], () => void])[] = [
      ['damaged', () => writeFileSync(path, wrong)],
      ['damaged', () => writeFileSync(path, torrent.subarray(0, 50))],
      ['missing', () => execFileSync('rm', [path])],
    ];
    for (const [torrentState, change] of states) {
      change();
      expect(await checkModel(folder.path)).toMatchObject({
        torrent: torrentState,
        faults: [{ path: 'onnx/weights', kind: 'content' }],
      });
    }
  });

  it('names what could be part of no bundle, and files that are all gone', async () => {
    await packed();
    execFileSync('ln', ['-sf', '/etc/passwd', folder.at('config.json')]);
    const [fault, ...others] = await faults();
    expect(others).toEqual([]);
    expect(fault).toMatchObject({
      path: 'config.json',
      kind: 'unfit',
      why: expect.stringContaining('it is a link'),
    });
    execFileSync('rm', ['-r', folder.at('config.json'), folder.at('onnx')]);
    expect(await faults()).toEqual([
      { path: 'config.json', kind: 'missing' },
      { path: 'onnx/weights', kind: 'missing' },
    ]);
  });

  it('notices a bitmodel.json whose files do not belong to its id', async () => {
    await packed();
    const path = folder.at('bitmodel.json');
    const text = readFileSync(path, 'utf8');
    writeFileSync(
      path,
      text.replace(
        /"id": "./,
        (start) => `${start.slice(0, -1)}${start.endsWith('0') ? '1' : '0'}`,
      ),
    );
    expect(await faults()).toEqual([{ path: 'bitmodel.json', kind: 'record' }]);
  });
});
