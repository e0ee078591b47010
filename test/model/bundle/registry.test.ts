import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  findLocalModel,
  localModels,
  ModelRegistry,
  packModel,
  removeModel,
  withTag,
} from '#src/model/index.js';
import { Folder } from './folder.js';

let folder: Folder;
let datadir: string;
let registry: ModelRegistry;
beforeEach(() => {
  folder = new Folder();
  datadir = folder.at('data');
  registry = new ModelRegistry(datadir);
});
afterEach(() => folder[Symbol.dispose]());

/** A packed model of one file, on the list. */
async function add(name: string, content: string, dir = folder.at(`m-${content}`)) {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'config.json'), content);
  const packed = await packModel(dir, { name });
  registry.register(packed.id, dir, name, { origin: 'packed' });
  return packed;
}

describe('a model is meant by', () => {
  it('its name with its tag, or without one where no other has the name', async () => {
    const one = await add('whale:v1', '1');
    expect(registry.resolve('whale:v1')).toBe(one.dir);
    expect(registry.resolve('whale')).toBe(one.dir);
    const plain = await add('whale', '2');
    expect(registry.resolve('whale')).toBe(plain.dir);
    expect(registry.resolve('whale:v1')).toBe(one.dir);
    expect(() => registry.resolve('whale:v3')).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_MODEL', exitCode: 3 }),
    );
  });

  it('no name that several have, which are listed', async () => {
    const one = await add('whale:v1', '1');
    const two = await add('whale:v2', '2');
    expect(() => registry.resolve('whale')).toThrow(
      expect.objectContaining({
        code: 'AMBIGUOUS_NAME',
        exitCode: 2,
        message: expect.stringMatching(new RegExp(`whale:v1 ${one.id}.*whale:v2 ${two.id}`)),
      }),
    );
    // one that is gone is not meant
    rmSync(two.dir, { recursive: true });
    expect(registry.resolve('whale')).toBe(one.dir);
  });

  it('no name that somebody else gave in place of a tagged one', async () => {
    const own = await add('whale:v1', '1');
    const other = await add('whale', '2');
    registry.register(other.id, other.dir, 'whale', { origin: 'unpacked' });
    expect(() => registry.resolve('whale')).toThrow(
      expect.objectContaining({
        code: 'AMBIGUOUS_NAME',
        message: expect.stringMatching(/whale:v1 .*; whale /) as string,
      }) as Error,
    );
    expect(registry.resolve('whale:v1')).toBe(own.dir);
    expect(registry.resolve(other.id)).toBe(other.dir);
  });

  it('the beginning of its id, of at least four digits, in any case', async () => {
    const one = await add('whale', '1');
    const other = `${one.id.slice(0, 6)}${one.id[6] === '0' ? '1' : '0'}${one.id.slice(7)}`;
    expect(registry.resolve(one.id.slice(0, 4).toUpperCase())).toBe(one.dir);
    expect(() => registry.resolve(one.id.slice(0, 3))).toThrow();
    mkdirSync(folder.at('other'));
    registry.register(other, folder.at('other'), 'other');
    expect(() => registry.resolve(one.id.slice(0, 6))).toThrow(
      expect.objectContaining({ code: 'AMBIGUOUS_NAME' }),
    );
    expect(registry.resolve(other.slice(0, 7))).toBe(folder.at('other'));
  });

  it('either name of two folders that hold the same, and by its id in the first that is whole', async () => {
    const one = await add('whale', '1');
    const two = await add('copy', '1', folder.at('copy'));
    expect(two.id).toBe(one.id);
    expect(registry.resolve('whale')).toBe(one.dir);
    expect(registry.resolve('copy')).toBe(two.dir);
    expect(registry.resolve(one.id)).toBe(one.dir);
    writeFileSync(join(one.dir, 'config.json'), 'longer');
    expect(registry.resolve(one.id.slice(0, 8))).toBe(two.dir);
    expect(registry.listIds()).toMatchObject([{ dir: two.dir }]);
    expect(registry.resolve('whale')).toBe(one.dir);
    // the same name as well
    registry.register(two.id, two.dir, 'whale');
    expect(registry.resolve('whale')).toBe(two.dir);
  });

  it('of two whole folders the one with a torrent, by which it can be shared', async () => {
    const one = await add('whale', '1');
    const two = await add('copy', '1', folder.at('copy'));
    expect(registry.resolve(one.id)).toBe(one.dir);
    rmSync(join(one.dir, 'bitmodel.torrent'));
    expect(registry.resolve(one.id)).toBe(two.dir);
    rmSync(two.dir, { recursive: true });
    expect(registry.resolve(one.id)).toBe(one.dir);
  });

  it('whatever can be looked into, where another folder of the same can not', async () => {
    const one = await add('whale', '1');
    const two = await add('copy', '1', folder.at('copy'));
    // a link to itself can't be followed, whoever asks
    rmSync(join(one.dir, 'config.json'));
    symlinkSync('config.json', join(one.dir, 'config.json'));
    expect(registry.resolve(two.id)).toBe(two.dir);
  });

  it('its new folder where the old one is gone: it was moved', async () => {
    const one = await add('whale', '1');
    rmSync(one.dir, { recursive: true });
    await add('whale', '1', folder.at('moved'));
    expect(registry.list()).toMatchObject([{ dir: folder.at('moved') }]);
  });

  it('its folder before any name', async () => {
    const one = await add('whale', '1');
    const two = await add(one.dir, '2');
    expect(registry.resolve(one.dir)).toBe(one.dir);
    expect(registry.resolve(two.id)).toBe(two.dir);
  });

  it('a tag of letters, digits, dots and dashes alone', () => {
    expect(withTag('whale', 'v2')).toBe('whale:v2');
    expect(withTag('whale:v1', 'v2')).toBe('whale:v2');
    for (const tag of ['', 'a b', 'a:b', 'a/b', '-x', 'x'.repeat(65)]) {
      expect(() => withTag('whale', tag)).toThrow(expect.objectContaining({ code: 'BAD_TAG' }));
    }
  });
});

describe('the list of models', () => {
  it('says of each where it is, how it came, and what became of it', async () => {
    const whole = await add('whole', '1');
    const changed = await add('changed', '22');
    writeFileSync(join(changed.dir, 'config.json'), 'longer');
    const gone = await add('gone', '3');
    rmSync(gone.dir, { recursive: true });
    const old = JSON.parse(readFileSync(join(datadir, 'models.json'), 'utf8')) as {
      models: { origin?: string }[];
    };
    delete old.models[0]!.origin;
    writeFileSync(join(datadir, 'models.json'), JSON.stringify(old));
    const seen = localModels(datadir).map(({ name, state, origin, size }) => ({
      ...{ name, state, origin, size },
    }));
    expect(seen).toEqual([
      { name: 'whole', state: 'whole', origin: undefined, size: 1 },
      { name: 'changed', state: 'changed', origin: 'packed', size: 2 },
      { name: 'gone', state: 'gone', origin: 'packed', size: undefined },
    ]);
    expect(localModels(datadir)[0]).toMatchObject({ id: whole.id, isOwn: false });
  });

  it('holds what lies in the data folder and was forgotten, or is not finished', async () => {
    const { id, dir } = await add('pulled', '1');
    const own = join(datadir, 'models', id);
    rmSync(dir, { recursive: true });
    await add('pulled', '1', own);
    expect(localModels(datadir)).toMatchObject([{ dir: own, state: 'whole', isOwn: true }]);
    removeModel(datadir, findLocalModel(datadir, 'pulled'), false);
    expect(localModels(datadir)).toMatchObject([{ id, name: 'pulled', state: 'forgotten' }]);
    expect(registry.list()).toEqual([]);
  });
});

describe('removing a model', () => {
  it('forgets it and leaves its files, also when they are gone', async () => {
    const { dir } = await add('mine', '1');
    removeModel(datadir, findLocalModel(datadir, 'mine'), false);
    expect(existsSync(join(dir, 'config.json'))).toBe(true);
    expect(() => findLocalModel(datadir, 'mine')).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_MODEL' }),
    );
    const gone = await add('gone', '2');
    rmSync(gone.dir, { recursive: true });
    removeModel(datadir, findLocalModel(datadir, gone.id.slice(0, 8)), true);
    expect(localModels(datadir)).toEqual([]);
  });

  it("deletes files of the data folder, but none of a person's own folder", async () => {
    const mine = await add('mine', '1');
    expect(() => removeModel(datadir, findLocalModel(datadir, 'mine'), true)).toThrow(
      expect.objectContaining({ code: 'NOT_OURS', exitCode: 4 }),
    );
    expect(existsSync(mine.dir)).toBe(true);
    expect(findLocalModel(datadir, 'mine').id).toBe(mine.id);
    const id = 'ab'.repeat(32);
    const own = join(datadir, 'models', id);
    await add('own', '2', own);
    removeModel(datadir, findLocalModel(datadir, 'own'), true);
    expect(existsSync(own)).toBe(false);
    expect(existsSync(join(datadir, 'models'))).toBe(true);
  });

  it('does not take a folder for its own that a link in the data folder leads to', async () => {
    const mine = await add('mine', '1');
    mkdirSync(join(datadir, 'models'), { recursive: true });
    const link = join(datadir, 'models', 'ab'.repeat(32));
    symlinkSync(mine.dir, link);
    registry.register(mine.id, link, 'mine');
    expect(registry.isOwn(link)).toBe(false);
    for (const dir of [datadir, join(datadir, 'models'), join(link, '..', '..'), '/']) {
      expect([dir, registry.isOwn(dir)]).toEqual([dir, false]);
    }
    expect(() => removeModel(datadir, findLocalModel(datadir, 'mine'), true)).toThrow();
    expect(existsSync(join(mine.dir, 'config.json'))).toBe(true);
  });
});
