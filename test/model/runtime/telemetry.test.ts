import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { disableTelemetry } from '#src/model/index.js';

const PROGRAM = `
  import { LanguageModel, GREEDY } from ${JSON.stringify(resolve('dist/model/index.js'))};
  for (const isolate of [false, true]) {
    const model = await LanguageModel.open('fixtures/bitmodel-tiny', { threads: 1, isolate });
    await model.generate({ promptIds: [5], sampling: GREEDY, seed: new Uint8Array(32), maxTokens: 2, stop: [] });
    await model.close();
  }`;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'bitmodel-telemetry-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

describe('running a model', () => {
  it.skipIf(process.platform !== 'linux')(
    'tells nobody of it, and leaves nothing in the home folder or among temporary files',
    () => {
      const { ORT_DISABLE_TELEMETRY: _, ...environment } = process.env;
      const env = { ...environment, HOME: dir, XDG_CACHE_HOME: dir, TMPDIR: dir };
      // another program may have left a log in the name of an earlier process
      const program = `
        import { existsSync, rmSync } from 'node:fs';
        const log = '/tmp/mat-debug-' + process.pid + '.log';
        rmSync(log, { force: true });
        ${PROGRAM}
        console.log(existsSync(log));`;
      const found = execFileSync(process.execPath, ['--input-type=module', '-e', program], { env });
      expect(readdirSync(dir)).toEqual([]);
      expect(String(found).trim()).toBe('false');
    },
  );

  it('leaves the choice to whoever made one', () => {
    expect(disableTelemetry({ ORT_DISABLE_TELEMETRY: '0' })).toEqual({
      ORT_DISABLE_TELEMETRY: '0',
    });
    expect(disableTelemetry({})).toEqual({ ORT_DISABLE_TELEMETRY: '1' });
  });
});
