import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { demandWritable, writeNamedFile } from '#src/commands/shared/output.js';

const folder = mkdtempSync(join(tmpdir(), 'bitmodel-output-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a file that the user names', () => {
  it('is written, and said to be', () => {
    const notes: string[] = [];
    const terminal = { note: (text: string) => void notes.push(text) };
    const path = join(folder, 'page.html');
    writeNamedFile(path, 'text', terminal);
    expect(readFileSync(path, 'utf8')).toBe('text');
    expect(notes).toEqual([`written: ${path}`]);
  });

  it('is refused in a folder that is not there, which is not made', () => {
    const path = join(folder, 'nowhere', 'page.html');
    expect(() => demandWritable(path)).toThrow(expect.objectContaining({ code: 'NO_SUCH_FOLDER' }));
  });

  it('is refused where it is a folder', () => {
    const path = join(folder, 'taken');
    mkdirSync(path);
    expect(() => demandWritable(path)).toThrow(expect.objectContaining({ code: 'NOT_WRITABLE' }));
  });
});
