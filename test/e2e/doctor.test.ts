import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Place } from './harness.js';

interface Report {
  ok: boolean;
  checks: { name: string; state: string; found: string; mend?: string }[];
}

describe('bitmodel doctor', () => {
  let place: Place;
  beforeEach(() => {
    place = new Place();
  });
  afterEach(() => place.close());

  it('finds the run time, the store and the data folder well, and says how to mend the rest', async () => {
    const report = await place.json<Report>(['doctor']);
    expect(report.ok).toBe(true);
    const state = Object.fromEntries(report.checks.map((check) => [check.name, check.state]));
    expect(state).toMatchObject({
      'Node.js': 'ok',
      'ONNX Runtime': 'ok',
      LMDB: 'ok',
      node: 'warn',
      keys: 'warn',
    });
    for (const check of report.checks) {
      if (check.state !== 'ok') expect(check.mend).toMatch(/\S/);
    }
  });

  it('ends with 1 when a key is damaged', async () => {
    const keys = join(place.folder, 'regtest', 'keys');
    mkdirSync(keys, { recursive: true });
    writeFileSync(join(keys, 'default.json'), '{}', { mode: 0o600 });
    const { code, stdout } = await place.run(['doctor']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^fail {2}keys .*damaged/m);
  });
});
