import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepTestSet, keptTestSet, saltTestSet } from '#src/reward/index.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bitmodel-imi-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const id = 'ab'.repeat(32);
const text = '{"text":"Call me Ishmael."}\n';

describe('a test set that is not shown yet', () => {
  it('is kept with a fresh salt in a file that nobody else can read', () => {
    const secret = saltTestSet(text);
    expect(saltTestSet(text).salt).not.toEqual(secret.salt);
    const place = join(folder, 'regtest', 'imi');
    keepTestSet(place, id, secret);
    expect(keptTestSet(place, id)).toEqual(secret);
    expect(statSync(join(place, `${id}.json`)).mode & 0o777).toBe(0o600);
  });

  it('is repeated by no error', () => {
    expect(() => keptTestSet(folder, id)).toThrow(expect.objectContaining({ code: 'NO_TEST_SET' }));
    for (const broken of ['', '{"v":1,"salt":"secret"}', 'secret', `{"v":2,"testSet":"secret"}`]) {
      writeFileSync(join(folder, `${id}.json`), broken);
      let thrown: unknown;
      try {
        keptTestSet(folder, id);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toMatchObject({ code: 'BAD_TEST_SET_FILE' });
      expect((thrown as Error).cause).toBeUndefined();
      expect(String(thrown)).not.toContain('secret');
    }
  });
});
