import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeFolder, writeFileAtomic, writeFilesAtomic } from '#src/base/index.js';

describe('writing a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bitmodel-files-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('makes its folders, keeps its mode, and leaves nothing else behind', () => {
    const path = join(folder, 'a', 'b', 'secret');
    writeFileAtomic(path, 'one', { mode: 0o600 });
    expect(readFileSync(path, 'utf8')).toBe('one');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    writeFileAtomic(path, Uint8Array.of(0x32), { mode: 0o600 });
    expect(readFileSync(path, 'utf8')).toBe('2');
    expect(readdirSync(join(folder, 'a', 'b'))).toEqual(['secret']);
  });

  it('writes pieces as they are made, and keeps the older file where one of them fails', () => {
    const path = join(folder, 'pieces');
    function* pieces(end: number): Generator<Uint8Array | string> {
      yield 'é';
      yield Uint8Array.of(0x32);
      if (end > 2) throw new Error('no more');
    }
    writeFileAtomic(path, pieces(2));
    expect(readFileSync(path, 'utf8')).toBe('é2');
    expect(() => writeFileAtomic(path, pieces(3))).toThrow(/could not be written: no more/);
    expect(readFileSync(path, 'utf8')).toBe('é2');
    expect(readdirSync(folder).filter((name) => name.startsWith('pieces'))).toEqual(['pieces']);
  });

  it('writes several or none, when one of them can not be written', () => {
    const dir = join(folder, 'several');
    const one = join(dir, 'one');
    const below = join(dir, 'two', 'below');
    writeFilesAtomic([
      { path: one, data: '1' },
      { path: join(dir, 'two'), data: '2' },
    ]);
    // the second is a file, so nothing can lie in it
    const files = [one, below].map((path) => ({ path, data: 'new' }));
    expect(() => writeFilesAtomic(files)).toThrow(expect.objectContaining({ code: 'FILE_EXISTS' }));
    expect(readFileSync(one, 'utf8')).toBe('1');
    expect(readdirSync(dir).sort()).toEqual(['one', 'two']);
  });

  it('makes folders one in another, and ends where none can be made', () => {
    const path = join(folder, 'x', 'y', 'z');
    makeFolder(path, 0o700);
    makeFolder(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    writeFileAtomic(join(folder, 'file'), '');
    expect(() => makeFolder(join(folder, 'file'))).toThrow(/EEXIST/);
    expect(() => makeFolder(join(folder, 'file', 'below'))).toThrow(/ENOTDIR/);
    if (process.platform === 'linux') expect(() => makeFolder('/proc/none/a')).toThrow(/ENOENT/);
  });

  it('leaves what is there when told not to replace it', () => {
    const path = join(folder, 'kept');
    writeFileAtomic(path, 'old', { overwrite: false });
    expect(() => writeFileAtomic(path, 'new', { overwrite: false })).toThrow(
      expect.objectContaining({ code: 'FILE_EXISTS', exitCode: 4 }),
    );
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('says so when it can not, and leaves no temporary file', () => {
    const taken = join(folder, 'taken');
    mkdirSync(join(taken, 'inside'), { recursive: true });
    expect(() => writeFileAtomic(taken, 'x')).toThrow(
      expect.objectContaining({ code: 'WRITE_FAILED' }),
    );
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
