import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeWholeFolder } from '#src/base/index.js';

describe('a folder that is made', () => {
  const root = mkdtempSync(join(tmpdir(), 'bitmodel-whole-'));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const at = (name: string): string => join(root, name);
  const fill = async ({ dir }: { dir: string }): Promise<string> => {
    writeFileSync(join(dir, 'file'), 'x');
    return 'done';
  };

  it('is there when it is whole, with nothing beside it', async () => {
    expect(await makeWholeFolder(at('deep/er/one'), fill)).toBe('done');
    expect(readdirSync(at('deep/er'))).toEqual(['one']);
    expect(readdirSync(at('deep/er/one'))).toEqual(['file']);
  });

  it('takes the place of an empty one, and of nothing else', async () => {
    mkdirSync(at('empty'));
    await makeWholeFolder(at('empty'), fill);
    writeFileSync(at('used'), 'mine');
    for (const used of ['empty', 'used']) {
      await expect(makeWholeFolder(at(used), fill)).rejects.toMatchObject({
        code: 'FOLDER_IN_USE',
      });
    }
  });

  it('may be one that lies in what was filled', async () => {
    await makeWholeFolder(at('kept'), async ({ dir, keepOnly }) => {
      mkdirSync(join(dir, 'inner'));
      writeFileSync(join(dir, 'inner', 'a'), 'x');
      writeFileSync(join(dir, 'beside'), 'x');
      keepOnly(join(dir, 'inner'));
    });
    expect(readdirSync(at('kept'))).toEqual(['a']);
  });

  it('is not there at all when filling it fails, and says why where the disk is the reason', async () => {
    const before = readdirSync(root);
    const fails = makeWholeFolder(at('failed'), async ({ dir }) => {
      await fill({ dir });
      throw new TypeError('no such luck');
    });
    await expect(fails).rejects.toThrow(TypeError);
    const full = makeWholeFolder(at('failed'), async () => {
      throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' });
    });
    await expect(full).rejects.toMatchObject({ code: 'WRITE_FAILED', message: /disk is full/ });
    expect(readdirSync(root)).toEqual(before);
  });

  it('is refused where it would lie in a file, however deep', async () => {
    writeFileSync(at('no-folder'), 'mine');
    for (const out of ['no-folder/x', 'no-folder/x/y']) {
      await expect(makeWholeFolder(at(out), fill)).rejects.toMatchObject({
        code: 'WRITE_FAILED',
        message: /is a file, not a folder/,
      });
    }
  });

  it('is not begun where the disk has no room for it', async () => {
    const before = readdirSync(root);
    const never = async (): Promise<never> => expect.fail('it was begun');
    const made = makeWholeFolder(at('nowhere/large'), never, { bytes: 2 ** 60 });
    await expect(made).rejects.toMatchObject({ code: 'NO_SPACE' });
    expect(readdirSync(root)).toEqual(before);
  });

  it('has what killed processes of this machine left taken away, and nothing that still grows', async () => {
    let name = '';
    await makeWholeFolder(at('other'), async ({ dir }) => {
      name = dir.split(/[\\/]/).at(-2)!;
      await makeWholeFolder(at('meanwhile'), fill);
      expect(existsSync(dir)).toBe(true);
    });
    const [, host] = /partial-([0-9a-f]{8})-/.exec(name)!;
    const left = name.replace(/-\d+-/, '-999999999-');
    // a container gives its first process the same number at each start
    const earlier = name.replace(/-(\d+)-\d*-/, '-$1-1-');
    const elsewhere = left.replace(host!, host === '00000000' ? '11111111' : '00000000');
    const forgotten = elsewhere.replace(/^\.other/, '.forgotten');
    for (const folder of [left, earlier, elsewhere, forgotten])
      mkdirSync(join(at(folder), 'model'), { recursive: true });
    const long = new Date(Date.now() - 8 * 24 * 3600 * 1000);
    for (const folder of [at(forgotten), join(at(forgotten), 'model')])
      utimesSync(folder, long, long);
    await makeWholeFolder(at('next'), fill);
    expect(existsSync(at(left))).toBe(false);
    if (process.platform === 'linux') expect(existsSync(at(earlier))).toBe(false);
    expect(existsSync(at(elsewhere))).toBe(true);
    expect(existsSync(at(forgotten))).toBe(false);
  });
});
