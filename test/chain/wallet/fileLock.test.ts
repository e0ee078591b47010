import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { holdFileLock } from '#src/chain/index.js';
import { withFileLock } from '#src/chain/wallet/fileLock.js';

/** No process has this number: the kernel gives out none above 2^22. */
const NOBODY = '99999999';
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bitmodel-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const take = (): (() => void) => {
  const hold = holdFileLock(path);
  if ('release' in hold) return hold.release;
  throw new Error(`held by ${hold.pid}`);
};

describe('what lies where a lock is to be made, and is none', () => {
  it.each([
    ['a link that leads nowhere', () => symlinkSync('/nonexistent/lock', path)],
    ['a folder', () => mkdirSync(path)],
  ])('is told: %s', (_, make) => {
    make();
    const wanted = expect.objectContaining({ code: 'WRITE_FAILED', next: `Remove ${path}` });
    expect(() => withFileLock(path, () => 'got it')).toThrow(wanted);
    expect(() => holdFileLock(path)).toThrow(wanted);
  });
});

describe('a lock that lasts', () => {
  it('is had by one at a time, who is named, until it is released', () => {
    const release = take();
    expect(readFileSync(path, 'utf8')).toBe(String(process.pid));
    expect(holdFileLock(path)).toEqual({ pid: process.pid });
    const other = join(folder, 'name');
    symlinkSync(folder, other);
    expect(holdFileLock(join(other, 'lock'))).toEqual({ pid: process.pid });
    release();
    expect(existsSync(path)).toBe(false);
    take()();
  });

  it('is kept by a process that lives, however old it is', () => {
    writeFileSync(path, String(process.ppid));
    expect(holdFileLock(path)).toEqual({ pid: process.ppid });
    expect(readFileSync(path, 'utf8')).toBe(String(process.ppid));
  });

  it.each([
    ['died', NOBODY],
    ['died with the number that this one has now', String(process.pid)],
    ['died before it could write its number', ''],
  ])('is taken over from a process that %s', (_, text) => {
    writeFileSync(path, text);
    const release = take();
    expect(readdirSync(folder)).toEqual(['lock']);
    release();
    expect(readdirSync(folder)).toEqual([]);
  });
});
