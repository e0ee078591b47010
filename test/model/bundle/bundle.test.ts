import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Bencoded, bdecode, bencode } from '#src/model/bundle/bencode.js';
import { hashFile } from '#src/model/bundle/hashFiles.js';
import { checkModel, ModelRegistry, modelId, packModel, readBundle } from '#src/model/index.js';

interface Vector {
  id: string;
  files: { path: string; size: number; seed: number }[];
}
const vector = JSON.parse(readFileSync('fixtures/bep52.json', 'utf8')) as Vector;

/** Byte i of a file, as the vector's recipe has it. */
function content(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * i + 7 * i + seed) % 251;
  return bytes;
}

let dir: string;
function put(path: string, bytes: Uint8Array | string): void {
  const full = join(dir, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, bytes);
}
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bitmodel-bundle-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('a model id', () => {
  it('is the BitTorrent v2 info hash that libtorrent computes', async () => {
    for (const { path, size, seed } of vector.files) put(path, content(size, seed));
    expect(await modelId(dir)).toBe(vector.id);
  });

  it('does not depend on dotfiles, our own records, or torrents', async () => {
    put('config.json', '{}');
    const bare = await modelId(dir);
    await packModel(dir, { name: 'x' });
    put('.cache/x', 'x');
    put('model.calibration.json', '{}');
    put('other.torrent', 'x');
    expect(await modelId(dir)).toBe(bare);
  });

  it('changes with any byte and any name', async () => {
    put('config.json', '{}');
    const bare = await modelId(dir);
    put('config.json', '{ }');
    expect(await modelId(dir)).not.toBe(bare);
    put('config.json', '{}');
    renameSync(join(dir, 'config.json'), join(dir, 'Config.json'));
    expect(await modelId(dir)).not.toBe(bare);
  });

  it('is refused to links, bad names, empty folders and what is no folder', async () => {
    await expect(modelId(dir)).rejects.toMatchObject({ code: 'EMPTY_BUNDLE' });
    put('a', 'a');
    await expect(modelId(join(dir, 'a'))).rejects.toMatchObject({ code: 'NOT_A_FOLDER' });
    await expect(modelId(join(dir, 'b'))).rejects.toMatchObject({
      code: 'NOT_A_FOLDER',
      exitCode: 3,
    });
    symlinkSync('/etc/hostname', join(dir, 'link'));
    await expect(modelId(dir)).rejects.toMatchObject({ code: 'BAD_BUNDLE_FILE' });
    rmSync(join(dir, 'link'));
    put('a:b', 'x');
    await expect(modelId(dir)).rejects.toMatchObject({ code: 'BAD_BUNDLE_FILE' });
  });

  it('is refused where a file changes while it is read', async () => {
    put('weights', content(9 << 20, 1));
    const path = join(dir, 'weights');
    const grow = hashFile(path, { onBytes: () => appendFileSync(path, 'x') });
    await expect(grow).rejects.toMatchObject({ code: 'FILE_CHANGED' });
  });
});

describe('packing', () => {
  it('writes what readBundle reads, and keeps name, licence and parents on packing again', async () => {
    put('config.json', '{}');
    const parents = [{ id: 'ab'.repeat(32), ppm: 250_000 }];
    const packed = await packModel(dir, { name: 'one', licence: 'MIT', parents });
    expect(packed.magnet).toBe(`magnet:?xt=urn:btmh:1220${packed.id}&dn=one`);
    put('more', '');
    const again = await packModel(dir);
    expect(again.id).not.toBe(packed.id);
    expect(readBundle(dir)).toMatchObject({ id: again.id, name: 'one', licence: 'MIT', parents });
  });

  it('refuses parents with more than the whole, or twice the same', async () => {
    put('config.json', '{}');
    const id = 'cd'.repeat(32);
    const parents = [
      { id: 'ab'.repeat(32), ppm: 600_000 },
      { id, ppm: 600_000 },
    ];
    await expect(packModel(dir, { parents })).rejects.toMatchObject({ code: 'BAD_MANIFEST' });
    const twice = [
      { id, ppm: 1 },
      { id, ppm: 2 },
    ];
    await expect(packModel(dir, { parents: twice })).rejects.toMatchObject({
      code: 'BAD_MANIFEST',
    });
  });
});

describe('checking', () => {
  it('finds the very piece that is wrong', async () => {
    const weights = content(5 * (1 << 20) + 3, 9);
    put('onnx/model.onnx', weights);
    put('config.json', '{}');
    await packModel(dir);
    expect((await checkModel(dir)).faults).toEqual([]);
    weights[3 * (1 << 20) + 17]! ^= 1;
    put('onnx/model.onnx', weights);
    expect((await checkModel(dir)).faults).toEqual([
      {
        path: 'onnx/model.onnx',
        kind: 'content',
        pieces: [3],
        ranges: [{ from: 3 << 20, to: 4 << 20 }],
      },
    ]);
  });

  it('names files that are missing, extra, or of another size', async () => {
    put('a', 'a');
    put('b', 'b');
    await packModel(dir);
    rmSync(join(dir, 'a'));
    put('b', 'bb');
    put('c', 'c');
    const kinds = (await checkModel(dir)).faults.map(({ path, kind }) => `${path} ${kind}`);
    expect(kinds).toEqual(['a missing', 'b size', 'c extra']);
  });

  it('says so when a folder was never packed', async () => {
    put('a', 'a');
    await expect(checkModel(dir)).rejects.toMatchObject({ code: 'NOT_PACKED', exitCode: 3 });
  });
});

describe('the registry', () => {
  it('finds a model by folder, id and name, and says so when it does not', () => {
    const registry = new ModelRegistry(join(dir, 'data'));
    mkdirSync(join(dir, 'm'));
    const id = 'ab'.repeat(32);
    registry.register(id, join(dir, 'm'), 'tiny');
    for (const asked of [join(dir, 'm'), id, 'tiny'])
      expect(registry.resolve(asked)).toBe(join(dir, 'm'));
    expect(() => registry.resolve('other')).toThrow(
      expect.objectContaining({
        code: 'UNKNOWN_MODEL',
        exitCode: 3,
        next: expect.stringContaining('bitmodel model pull ID'),
      }),
    );
    rmSync(join(dir, 'm'), { recursive: true });
    expect(() => registry.resolve(id)).toThrow(
      expect.objectContaining({ code: 'MODEL_GONE', exitCode: 3 }),
    );
  });
});

describe('bencoding', () => {
  const { value } = fc.letrec<{ value: Bencoded }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.maxSafeInteger().map((n) => n || 0),
      fc.uint8Array({ maxLength: 20 }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc
        .array(fc.tuple(fc.uint8Array({ maxLength: 5 }), tie('value')), { maxLength: 4 })
        .map(
          (entries) => new Map(entries.map(([key, v]) => [Buffer.from(key).toString('latin1'), v])),
        ),
    ),
  }));

  it('comes back the same', () => {
    fc.assert(
      fc.property(value, (v) => {
        expect(bencode(bdecode(bencode(v)))).toEqual(bencode(v));
      }),
    );
  });

  it('decodes only what encodes to the same bytes, and never crashes', () => {
    const piece = fc.constantFrom('d', 'l', 'e', 'i', '0', '1', '-', ':', '1:a', '1:b', '2:');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const bytes = Buffer.from(pieces.join(''), 'latin1');
        let decoded: Bencoded;
        try {
          decoded = bdecode(bytes);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'BAD_BENCODE' });
          return;
        }
        expect(Buffer.from(bencode(decoded)).equals(bytes)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
