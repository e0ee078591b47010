import {
  closeSync,
  existsSync,
  linkSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BitmodelError, sha256, toHex, utf8 } from '#src/base/index.js';
import { type Bencoded, bdecode, bencode } from '#src/model/bundle/bencode.js';
import {
  type BundlePiece,
  blockCount,
  checkModel,
  isBlockOf,
  ModelRegistry,
  PartialBundle,
  PieceKeeper,
  parseInfo,
  readBundle,
  ServedBundle,
  ServedModels,
} from '#src/model/index.js';
import { cases } from '../../long.js';
import { content, FILES, makeModel } from './setup.js';

let scratch: string;
let source: ServedBundle;
let keeper: PieceKeeper;
let folders = 0;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'bitmodel-store-'));
  await makeModel(join(scratch, 'source'));
  source = await ServedBundle.open(join(scratch, 'source'));
  keeper = new PieceKeeper(2);
});
afterAll(async () => {
  await keeper.close();
  await source.close();
  rmSync(scratch, { recursive: true });
});

const fresh = (): string => join(scratch, `pulled-${folders++}`);

async function bytesOf({ file, offset, length }: BundlePiece): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await source.read(file, offset, bytes);
  return bytes;
}

function giveLayers(bundle: PartialBundle): void {
  for (const file of bundle.missingLayers()) {
    expect(bundle.setLayer(file, source.layer(file)!)).toBe(true);
  }
}

async function keepAll(bundle: PartialBundle): Promise<void> {
  const kept = bundle
    .missing()
    .map(async (piece) => bundle.keep(piece, await bytesOf(piece), keeper));
  expect((await Promise.all(kept)).every(Boolean)).toBe(true);
}

describe('the description of a model', () => {
  it('is read back from the bytes whose hash is the model id', () => {
    const info = parseInfo(source.info.bytes);
    expect(info.id).toBe(readBundle(source.dir).id);
    expect(toHex(sha256(info.bytes))).toBe(info.id);
    expect(Object.fromEntries(info.files.map(({ path, size }) => [path, size]))).toEqual(FILES);
  });

  const leaf = new Map<string, Bencoded>([
    ['length', 5],
    ['pieces root', new Uint8Array(32)],
  ]);
  const withTree = (tree: ReadonlyMap<string, Bencoded>, more: [string, Bencoded][] = []) =>
    bencode(
      new Map<string, Bencoded>([
        ['file tree', tree],
        ['meta version', 2],
        ['name', utf8('model')],
        ['piece length', 1 << 20],
        ...more,
      ]),
    );
  const file = new Map<string, Bencoded>([['', leaf]]);

  it('is refused when a name would leave the folder, hide in it or not travel', () => {
    const names = [
      '..',
      '.',
      '.bitmodel-pull',
      'a/b',
      'a\\b',
      'C:',
      'x\0y',
      '.ssh',
      'bitmodel.json',
    ];
    const odd = [...names, 'x.torrent', 'con\u0301', 'end.', 'end ', '\xff\xfe', 'n'.repeat(256)];
    for (const name of odd) {
      const key = name === '\xff\xfe' ? name : Buffer.from(name).toString('latin1');
      expect(() => parseInfo(withTree(new Map([[key, file]]))), name).toThrow(BitmodelError);
      const deeper = new Map([['onnx', new Map([[key, file]])]]);
      expect(() => parseInfo(withTree(deeper)), name).toThrow(BitmodelError);
    }
    expect(parseInfo(withTree(new Map([['model.onnx', file]]))).files).toHaveLength(1);
  });

  it('is refused when anything rides along or is missing', () => {
    const tree = new Map([['model.onnx', file]]);
    const both = new Map<string, Bencoded>([...file, ['x', file]]);
    const odd = [
      withTree(tree, [['private', 1]]),
      withTree(tree, [['name', utf8('other')]]),
      withTree(tree, [['piece length', 1 << 21]]),
      withTree(tree, [['meta version', 3]]),
      withTree(new Map()),
      withTree(new Map([['a', new Map()]])),
      withTree(new Map([['a', both]])),
      withTree(new Map([['a', new Map<string, Bencoded>([['', new Map([['length', 5]])]])]])),
      withTree(new Map([['a', new Map([['', new Map([...leaf, ['length', -1]])]])]])),
      withTree(new Map([['a', new Map([['', new Map([...leaf, ['length', 0]])]])]])),
      utf8('de'),
      new Uint8Array((1 << 20) + 1),
    ];
    for (const bytes of odd) expect(() => parseInfo(bytes)).toThrow(BitmodelError);
  });

  it('is the same bytes again, or an error, whatever bytes come', () => {
    const good = source.info.bytes;
    const mutated = fc
      .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
      .map((changes) => {
        const bytes = new Uint8Array(good);
        for (const [at, value] of changes) bytes[at] = value;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), (bytes) => {
        try {
          const info = parseInfo(bytes);
          expect(toHex(sha256(bytes))).toBe(info.id);
          expect(bencode(bdecode(bytes))).toEqual(new Uint8Array(bytes));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(BitmodelError);
        }
      }),
      { numRuns: cases(20_000, 2_000_000) },
    );
  });
});

describe('the proof of a block', () => {
  it('holds for every block of every file, and for no other place, bytes or file', async () => {
    for (const [number, file] of source.info.files.entries()) {
      for (let block = 0; block < blockCount(file.size); block++) {
        const { bytes, proof } = (await source.prove(number, block))!;
        expect(isBlockOf(file, block, bytes, proof)).toBe(true);
        expect(isBlockOf(file, block + 1, bytes, proof)).toBe(false);
        const wrong = new Uint8Array(bytes);
        wrong[0]! ^= 1;
        expect(isBlockOf(file, block, wrong, proof)).toBe(false);
        expect(isBlockOf(file, block, bytes, proof.subarray(32))).toBe(proof.length === 0);
        expect(isBlockOf({ ...file, root: new Uint8Array(32) }, block, bytes, proof)).toBe(false);
      }
      expect(await source.prove(number, blockCount(file.size))).toBeUndefined();
    }
  });
});

describe('a download', () => {
  it('comes to the packed folder, byte for byte', async () => {
    const bundle = await PartialBundle.open(fresh(), source.info);
    expect(bundle.missingLayers()).toHaveLength(2);
    giveLayers(bundle);
    await keepAll(bundle);
    expect(bundle.isComplete).toBe(true);
    await bundle.finish({ name: 'a model', licence: 'MIT' });
    expect(readBundle(bundle.dir)).toEqual(readBundle(source.dir));
    const torrent = (dir: string) => readFileSync(join(dir, 'bitmodel.torrent'));
    expect(torrent(bundle.dir)).toEqual(torrent(source.dir));
    expect((await checkModel(bundle.dir)).faults).toEqual([]);
    // and can be passed on at once
    const served = await ServedBundle.open(bundle.dir);
    await served.read(3, 0, new Uint8Array(10));
    await served.close();
  });

  it('keeps no piece that is wrong, and writes none of it', async () => {
    const bundle = await PartialBundle.open(fresh(), source.info);
    giveLayers(bundle);
    for (const piece of bundle.pieces) {
      const wrong = await bytesOf(piece);
      wrong[wrong.length - 1]! ^= 1;
      expect(await bundle.keep(piece, wrong, keeper)).toBe(false);
      expect(await bundle.keep(piece, new Uint8Array(piece.length + 1), keeper)).toBe(false);
      const path = join(bundle.dir, source.info.files[piece.file]!.path);
      expect(readFileSync(path).every((byte) => byte === 0)).toBe(true);
    }
    expect(bundle.bytesDone).toBe(0);
    await expect(bundle.finish({ name: 'x' })).rejects.toMatchObject({ code: 'NOT_COMPLETE' });
    await bundle.close();
  });

  it.skipIf(!existsSync('/dev/full'))(
    'says so when the disk is full (needs /dev/full)',
    async () => {
      const bundle = await PartialBundle.open(fresh(), source.info);
      const [piece] = bundle.pieces;
      await bundle.close();
      const file = openSync('/dev/full', 'r+');
      const { root } = source.info.files[piece!.file]!;
      const bytes = await bytesOf(piece!);
      const where = { descriptor: file, offset: 0, isWholeFile: true };
      const kept = keeper.keep({ bytes, hash: root!, ...where });
      await expect(kept).rejects.toMatchObject({ code: 'DISK_FULL' });
      closeSync(file);
    },
  );

  it('takes no piece hashes that do not make the root', async () => {
    const bundle = await PartialBundle.open(fresh(), source.info);
    for (const file of bundle.missingLayers()) {
      const layer = new Uint8Array(source.layer(file)!);
      expect(bundle.setLayer(file, layer.subarray(32))).toBe(false);
      layer[0]! ^= 1;
      expect(bundle.setLayer(file, layer)).toBe(false);
    }
    expect(bundle.missingLayers()).toHaveLength(2);
    await bundle.close();
  });

  it('goes on from where it was, but hashes again what the disk says is there', async () => {
    const dir = fresh();
    const first = await PartialBundle.open(dir, source.info);
    giveLayers(first);
    const some = first.pieces.filter(({ number }) => number % 2 === 0);
    for (const piece of some) await first.keep(piece, await bytesOf(piece), keeper);
    await first.close();
    // what a power cut can do: noted as there, and not on the disk
    const lost = some.find(({ length }) => length === 1 << 20)!;
    const path = join(dir, source.info.files[lost.file]!.path);
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(0, lost.offset, lost.offset + 10));
    expect(PartialBundle.savedInfo(dir)?.id).toBe(source.info.id);
    const second = await PartialBundle.open(dir, source.info);
    expect(second.missingLayers()).toEqual([]);
    const missing = first.pieces.filter(({ number }) => number % 2 === 1 || number === lost.number);
    expect(second.missing()).toEqual(missing);
    await keepAll(second);
    await second.finish({ name: 'a model' });
    expect((await checkModel(dir)).faults).toEqual([]);
    expect(PartialBundle.savedInfo(dir)).toBeUndefined();
  });

  it('goes on from a start that was cut off, whatever of it had come to be', async () => {
    const dir = fresh();
    await (await PartialBundle.open(dir, source.info)).close();
    rmSync(join(dir, '.bitmodel-pull/have'));
    rmSync(join(dir, 'onnx'), { recursive: true });
    const bundle = await PartialBundle.open(dir, source.info);
    expect(bundle.missing()).toHaveLength(bundle.pieces.length);
    await bundle.close();
  });

  it('goes on in no folder with a link, or with a file that is not of the download', async () => {
    const outside = join(scratch, 'outside');
    const { path } = source.info.files.find((file) => file.path.includes('/'))!;
    const top = path.split('/')[0]!;
    const layOut: Record<string, (dir: string) => void> = {
      'a link in place of a file': (dir) => {
        rmSync(join(dir, path));
        symlinkSync(outside, join(dir, path));
      },
      'a second name of a file': (dir) => {
        rmSync(join(dir, path));
        linkSync(outside, join(dir, path));
      },
      'a link in place of a folder': (dir) => {
        rmSync(join(dir, top), { recursive: true });
        symlinkSync(scratch, join(dir, top));
      },
      'a link in place of what is noted': (dir) => {
        rmSync(join(dir, '.bitmodel-pull/have'));
        symlinkSync(outside, join(dir, '.bitmodel-pull/have'));
      },
      'a file of another size': (dir) => writeFileSync(join(dir, path), 'my own'),
    };
    for (const [name, change] of Object.entries(layOut)) {
      const dir = fresh();
      await (await PartialBundle.open(dir, source.info)).close();
      writeFileSync(outside, 'nothing of theirs');
      change(dir);
      const again = PartialBundle.open(dir, source.info);
      await expect(again, name).rejects.toMatchObject({ code: 'FOLDER_IN_USE' });
      expect(readFileSync(outside, 'utf8')).toBe('nothing of theirs');
    }
  });

  it('refuses a folder that holds something else, and a model larger than the disk', async () => {
    await expect(PartialBundle.open(source.dir, source.info)).rejects.toMatchObject({
      code: 'FOLDER_IN_USE',
    });
    const huge = new Map<string, Bencoded>([
      ['length', 2 ** 50],
      ['pieces root', new Uint8Array(32)],
    ]);
    const info = bdecode(source.info.bytes) as Map<string, Bencoded>;
    info.set('file tree', new Map([['model.onnx', new Map([['', huge]])]]));
    const dir = fresh();
    await expect(PartialBundle.open(dir, parseInfo(bencode(info)))).rejects.toMatchObject({
      code: 'NO_SPACE',
    });
  });
});

describe('the models that are shared', () => {
  let datadir: string;
  const warnings: string[] = [];
  beforeEach(() => {
    datadir = mkdtempSync(join(scratch, 'data-'));
    warnings.length = 0;
  });
  let models: ServedModels | undefined;
  afterEach(() => models?.close());

  it('are those of the registry, as soon as they are there', async () => {
    models = new ServedModels(datadir, (message) => warnings.push(message));
    expect(await models.ids()).toEqual([]);
    new ModelRegistry(datadir).register(source.info.id, source.dir, 'a model');
    models.forget();
    expect(await models.ids()).toEqual([source.info.id]);
    expect((await models.find(source.info.id))?.info.size).toBe(source.info.size);
    expect(await models.find('00'.repeat(32))).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it('leave out what is not there any more or is something else, and say so', async () => {
    const registry = new ModelRegistry(datadir);
    registry.register(source.info.id, join(datadir, 'gone'), 'gone');
    registry.register('11'.repeat(32), source.dir, 'wrong');
    models = new ServedModels(datadir, (message) => warnings.push(message));
    expect(await models.ids()).toEqual([]);
    expect(warnings).toHaveLength(2);
  });

  it('give no byte of a file that was written to after it was packed', async () => {
    const dir = fresh();
    await makeModel(dir, { 'config.json': 10, 'model.onnx': 20 });
    const bundle = await ServedBundle.open(dir);
    await bundle.read(1, 0, new Uint8Array(5));
    writeFileSync(join(dir, 'config.json'), content(10, 99));
    const later = new Date(Date.now() + 5_000);
    utimesSync(join(dir, 'config.json'), later, later);
    await expect(bundle.read(0, 0, new Uint8Array(5))).rejects.toMatchObject({
      code: 'NOT_SERVABLE',
    });
    await bundle.close();
  });
});
