import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Place } from './harness.js';

const place = new Place();
/** A copy, because packing writes beside the model. */
const TINY = join(place.folder, 'tiny');
const env = { BITMODEL_PASSPHRASE_FILE: place.passphraseFile };
const model = ['--model', TINY, '--threads', '1'];

beforeAll(async () => {
  cpSync('fixtures/bitmodel-tiny', TINY, { recursive: true });
  await place.ok(['model', 'pack', TINY]);
  await place.startNode();
  await place.ok(['keygen', '--name', 'one'], { env });
});
afterAll(() => place.close());

describe.each(['worker', 'verifier'])('a second %s with the same key', (role) => {
  it('is refused while the first one runs, and takes over from one that was killed', async () => {
    const command = [role, '--key', 'one', ...model];
    const first = await place.start(command, env);
    const { code, stdout, stderr } = await place.run(command, { env });
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(stderr).toContain(
      `A ${role} with this key (process ${first.child.pid}) runs on this data folder already. [${role.toUpperCase()}_RUNNING]`,
    );
    expect(stderr).toContain('next: Stop it first');
    await first.stop('SIGKILL');
    const next = await place.start(command, env);
    expect(next.line).toContain(`${role} `);
    expect(await next.stop()).toBe(0);
    expect(await (await place.start(command, env)).stop()).toBe(0);
  });
});
