import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTimeOf } from '#src/base/index.js';
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
    expect(readFileSync(path, 'utf8')).toMatch(
      new RegExp(`^${process.pid} ${startTimeOf(process.pid)} [0-9a-f]{16}\\n$`),
    );
    expect(holdFileLock(path)).toEqual({ pid: process.pid });
    const other = join(folder, 'name');
    symlinkSync(folder, other);
    expect(holdFileLock(join(other, 'lock'))).toEqual({ pid: process.pid });
    release();
    expect(existsSync(path)).toBe(false);
    take()();
  });

  it.each([
    ['with its start time', () => `${process.ppid} ${startTimeOf(process.ppid)} 00\n`],
    ['by its number alone, in a lock of an older version', () => String(process.ppid)],
    ['on a system that tells no start times', () => `${process.ppid}  00\n`],
  ])('is kept by a process that lives, however old it is, %s', (_, text) => {
    writeFileSync(path, text());
    utimesSync(path, 0, 0);
    expect(holdFileLock(path)).toEqual({ pid: process.ppid });
    expect(readFileSync(path, 'utf8')).toBe(text());
  });

  it.each([
    ['died', NOBODY],
    ['died with the number that this one has now', String(process.pid)],
    ['died with a number that another has now', `${process.ppid} 1 00\n`],
    ['died before it could write its number', ''],
    ['is none', '1.5'],
  ])('is taken over from a process that %s', (_, text) => {
    writeFileSync(path, text);
    const release = take();
    expect(readdirSync(folder)).toEqual(['lock']);
    release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is taken over where it is empty and its time is ahead of the clock', () => {
    writeFileSync(path, '');
    const ahead = new Date(Date.now() + 3_600_000);
    utimesSync(path, ahead, ahead);
    take()();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is not released by who had one there that was removed by hand', () => {
    const first = take();
    rmSync(path);
    const second = take();
    first();
    expect(holdFileLock(path)).toEqual({ pid: process.pid });
    second();
    expect(existsSync(path)).toBe(false);
  });
});

describe('a short lock', () => {
  it.each([
    ['whose number another has now', `${process.ppid} 1 00\n`, 0],
    ['that left it empty, with a time ahead of the clock', '', 3_600_000],
  ])('is taken over from a dead process %s', (_, text, ahead) => {
    writeFileSync(path, text);
    const time = new Date(Date.now() + ahead);
    utimesSync(path, time, time);
    expect(withFileLock(path, () => 'got it')).toBe('got it');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is not removed by who held it so long that another has made it since', () => {
    withFileLock(path, () => {
      rmSync(path);
      writeFileSync(path, String(process.pid));
    });
    expect(existsSync(path)).toBe(true);
  });
});
