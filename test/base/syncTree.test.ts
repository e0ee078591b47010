import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { syncTree } from '#src/base/index.js';

const dir = mkdtempSync(join(tmpdir(), 'bitmodel-sync-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('flushes what lies in folders, follows no link, and says what it can not open', async () => {
  mkdirSync(join(dir, 'a/b'), { recursive: true });
  for (const name of ['one', 'a/two', 'a/b/three']) writeFileSync(join(dir, name), name);
  symlinkSync(join(dir, 'nowhere'), join(dir, 'link'));
  await syncTree(dir);
  await expect(syncTree(join(dir, 'gone'))).rejects.toThrow('ENOENT');
});
