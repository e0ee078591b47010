import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWithin } from '#src/base/index.js';
import { storedCalibrations } from '#src/model/index.js';
import { readCalibration } from '#src/rastic/index.js';

const SUFFIX = '.calibration.json';
let root: string;
let folder: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'bitmodel-within-'));
  folder = join(root, 'model');
  mkdirSync(join(folder, 'onnx'), { recursive: true });
  writeFileSync(join(root, 'secret'), 'secret');
  writeFileSync(join(folder, 'plain'), 'plain');
  symlinkSync('../plain', join(folder, 'onnx/inside'));
});
afterAll(() => rmSync(root, { recursive: true }));

/** What is no file of the folder's own, each by how it is made. */
const STRANGE: Record<string, (path: string) => void> = {
  'a folder': (path) => mkdirSync(path),
  'a pipe': (path) => execFileSync('mkfifo', [path]),
  'a link out of it': (path) => symlinkSync('../secret', path),
  'a link to a device': (path) => symlinkSync('/dev/zero', path),
  'a link to nothing': (path) => symlinkSync('nothing', path),
  'a link to itself': (path) => symlinkSync(path, path),
  'a file that is too large': (path) => writeFileSync(path, Buffer.alloc((1 << 20) + 1, ' ')),
};

describe('a file of a folder that came from a stranger', () => {
  it('is read whole, also through a link that stays inside', () => {
    const text = (path: string) => new TextDecoder().decode(readWithin(folder, path, 5));
    expect(text('plain')).toBe('plain');
    expect(text('onnx/inside')).toBe('plain');
    for (const [path, most] of [
      ['plain', 4],
      ['../secret', 100],
      [join(root, 'secret'), 100],
      ['absent', 100],
    ] as const) {
      expect(() => readWithin(folder, path, most)).toThrow(
        expect.objectContaining({ code: 'UNREADABLE_FILE' }),
      );
    }
  });

  it.each(Object.entries(STRANGE))('is refused at once where it is %s', async (_, make) => {
    const path = join(folder, `a${SUFFIX}`);
    make(path);
    try {
      expect(() => readCalibration(folder, '00'.repeat(32), 'onnx/model.onnx')).toThrow(
        expect.objectContaining({
          code: 'BAD_CALIBRATION',
          message: expect.stringContaining(`a${SUFFIX} is not a calibration`),
        }),
      );
      expect(await storedCalibrations(folder)).toEqual([]);
    } finally {
      rmSync(path, { recursive: true });
    }
  });
});
