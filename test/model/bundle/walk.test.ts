import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, utimesSync } from 'node:fs';
import { createServer } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bencode } from '#src/model/bundle/bencode.js';
import { isPortable } from '#src/model/bundle/names.js';
import { modelId, packModel, parseInfo } from '#src/model/index.js';
import { cases, timeLimit } from '../../long.js';
import { Folder, withoutRights } from './folder.js';

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder[Symbol.dispose]());

function refused(path: string, why: string) {
  return expect(modelId(folder.path)).rejects.toMatchObject({
    code: 'BAD_BUNDLE_FILE',
    exitCode: 2,
    message: expect.stringMatching(new RegExp(`${path}.*${why}`)),
    next: expect.any(String),
  });
}

describe('a folder is refused that holds', () => {
  it('a link, wherever it leads', async () => {
    folder.put('a', 'a');
    for (const target of ['a', '/etc/passwd', '../..', 'nowhere']) {
      const link = folder.at('link');
      symlinkSync(target, link);
      await refused('link', 'it is a link');
      execFileSync('rm', [link]);
    }
  });

  it.runIf(process.platform !== 'win32')('a pipe, without waiting for its writer', async () => {
    execFileSync('mkfifo', [folder.at('pipe')]);
    await refused('pipe', 'it is a pipe');
  });

  it.runIf(process.platform !== 'win32')('a socket', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(folder.at('socket'), done));
    await refused('socket', 'it is a socket');
    await new Promise((done) => server.close(done));
  });

  it.runIf(process.platform === 'linux' && process.getuid?.() === 0)('a device', async () => {
    execFileSync('mknod', [folder.at('zero'), 'c', '1', '5']);
    await refused('zero', 'it is a device');
  });

  it('names that Windows gives to devices, or changes', async () => {
    for (const name of ['con', 'NUL.json', 'Lpt1.tar.gz', 'aux .txt', 'COM²', 'a.', 'a ']) {
      expect([name, isPortable(name)]).toEqual([name, false]);
    }
    for (const name of ['config.json', 'console', 'com', 'com10', 'nulls.json', 'größe.txt']) {
      expect([name, isPortable(name)]).toEqual([name, true]);
    }
    folder.put('onnx/aux.json', 'x');
    await refused('aux.json', 'does not travel');
  });

  it('a name that is two names where letters are composed in another way', async () => {
    folder.put('gr\u006f\u0308ße', 'x');
    await refused('ße', 'does not travel');
  });

  it('two names that are one where cases are not told apart', async () => {
    folder.put('a/Model.onnx', 'x');
    folder.put('a/model.onnx', 'y');
    await refused('model.onnx', 'the same as Model.onnx');
  });

  it('a name that is that of our records in other cases', async () => {
    folder.put('Bitmodel.json', '{}');
    await refused('Bitmodel.json', 'does not travel');
  });

  it('a file too deep', async () => {
    folder.put(`${'d/'.repeat(33)}x`, 'x');
    await refused('d', 'too deep');
  });

  it('a folder that may not be read', async () => {
    folder.put('a', 'a');
    mkdirSync(folder.at('closed'), { mode: 0o700 });
    chmodSync(folder.path, 0o755);
    if (process.getuid?.() !== 0) chmodSync(folder.at('closed'), 0);
    await expect(withoutRights(() => modelId(folder.path))).rejects.toMatchObject({
      code: 'UNREADABLE_FILE',
      exitCode: 4,
      message: expect.stringContaining('closed'),
    });
    chmodSync(folder.at('closed'), 0o700);
  });
});

describe('a description from elsewhere', () => {
  it('is refused when two of its names are one where cases are not told apart', () => {
    const leaf = new Map([['', new Map([['length', 0]])]]);
    const info = (names: string[]) =>
      bencode(
        new Map<string, never>([
          ['file tree', new Map(names.map((name) => [name, leaf])) as never],
          ['meta version', 2 as never],
          ['name', Buffer.from('model') as never],
          ['piece length', 1_048_576 as never],
        ]),
      );
    expect(parseInfo(info(['a', 'b'])).files).toHaveLength(2);
    for (const names of [['A', 'a'], ['nul'], ['Bitmodel.json']]) {
      expect(() => parseInfo(info(names))).toThrow(expect.objectContaining({ code: 'BAD_INFO' }));
    }
  });
});

describe('the same files', () => {
  const names = fc.stringMatching(/^[a-zA-Z0-9é_]{1,6}(\/[a-z]{1,4}){0,2}$/);
  const files = fc.dictionary(names, fc.uint8Array({ maxLength: 40 }), { minKeys: 1, maxKeys: 8 });

  /** Whether all these can lie in one folder: none is a folder of another, no two are twins. */
  function isTree(paths: readonly string[]): boolean {
    const parts = paths.flatMap((path) =>
      path.split('/').map((_, i, all) => all.slice(0, i + 1).join('/')),
    );
    const folds = new Map(parts.map((part) => [part.toLowerCase(), part]));
    const twins = parts.some((part) => folds.get(part.toLowerCase()) !== part);
    const nested = paths.some((path) => paths.some((other) => other.startsWith(`${path}/`)));
    return !twins && !nested && paths.every((path) => path.split('/').every(isPortable));
  }

  it(
    'have the same id, whatever their order, times and modes',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          files.filter((each) => isTree(Object.keys(each))),
          fc.infiniteStream(fc.nat()),
          async (each, random) => {
            using one = new Folder();
            using two = new Folder();
            const entries = Object.entries(each);
            for (const [path, bytes] of entries) one.put(path, bytes);
            const shuffled = entries
              .map((entry) => ({ entry, key: random.next().value as number }))
              .sort((a, b) => a.key - b.key);
            for (const { entry, key } of shuffled) {
              const path = two.put(...entry);
              utimesSync(path, key % 2e9, key % 2e9);
              chmodSync(path, 0o400 | (key & 0o377));
            }
            const { id } = await packModel(one.path, { name: 'a', licence: 'MIT' });
            expect(await packModel(two.path, { name: 'b' })).toMatchObject({ id });
            // once more, with the records of the first time beside the files
            expect(await packModel(one.path)).toMatchObject({ id, name: 'a', licence: 'MIT' });
          },
        ),
        { numRuns: cases(12, 2000) },
      );
    },
    timeLimit(240_000),
  );
});
