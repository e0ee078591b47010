import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { writeFileAtomic } from '#src/base/index.js';

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
