import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BINARY, Place } from './harness.js';

const TINY = resolve(import.meta.dirname, '../../fixtures/bitmodel-tiny');
const GRAPH = 'onnx/model.onnx';
const PROMPT = ['The American people', '--max-tokens', '8', '--threads', '2'];

describe('bitmodel model protect, share and unlock', () => {
  let place: Place;
  let platform: string;
  const shares: string[] = [];
  const at = (name: string): string => join(place.folder, name);
  const protectedBy = (...args: string[]): string[] => [
    ...['model', 'protect', at('plain'), '--key', 'ann', '--platform', platform, ...args],
  ];

  beforeAll(async () => {
    place = new Place();
    const passphrase = ['--passphrase-file', place.passphraseFile];
    cpSync(TINY, at('plain'), { recursive: true });
    await place.ok(['keygen', '--name', 'ann', ...passphrase]);
    const made = await place.json(['keygen', '--name', 'platform', ...passphrase]);
    platform = made.publicKey as string;
    await place.ok(protectedBy('--mode', 'full', '--out', at('full')));
    for (const key of ['ann', 'platform']) {
      const share = await place.ok(['model', 'share', at('full'), '--key', key, ...passphrase]);
      writeFileSync(at(`${key}.share`), `${share}\n`, { mode: 0o600 });
      shares.push('--share', at(`${key}.share`));
    }
  }, 60_000);
  afterAll(() => place.close());

  it('run as before with both shares, and with one of them say whose is missing', async () => {
    const plain = await place.json(['model', 'run', TINY, ...PROMPT]);
    const within = await place.json(['model', 'run', at('full'), ...PROMPT, ...shares]);
    expect(within.ids).toEqual(plain.ids);
    const one = await place.run(['model', 'run', at('full'), ...PROMPT, ...shares.slice(0, 2)]);
    expect(one.code).toBe(4);
    expect(one.stderr).toContain("the platform's is missing. [SHARES_MISSING]");
  });

  it('take a share from a pipe, and write the model as it was', async () => {
    const args = ['model', 'unlock', at('full'), '--out', at('clear'), '--share', at('ann.share')];
    const unlocked = await place.json([...args, '--share', '-'], {
      stdin: readFileSync(at('platform.share'), 'utf8'),
    });
    expect(unlocked.dir).toBe(at('clear'));
    const written = readFileSync(join(at('clear'), GRAPH));
    expect(written.equals(readFileSync(join(TINY, GRAPH)))).toBe(true);
    const again = await place.run([...args, '--share', at('platform.share')]);
    expect(again.code).toBe(4);
    expect(again.stderr).toContain('OUT_EXISTS');
  });

  it('warn that a shuffled model answers nonsense, and that other weights were left out', async () => {
    const made = await place.run(protectedBy('--file', GRAPH, '--out', at('shuffled')));
    expect(made.code).toBe(0);
    expect(made.stderr).toContain('model.safetensors was left out');
    const run = await place.run(['model', 'run', at('shuffled'), ...PROMPT]);
    expect(run.code).toBe(0);
    expect(run.stderr).toContain('it answers nonsense');
  });

  it('leave nothing half behind when killed, and take away what a killed one left', async () => {
    // long enough to be killed in the middle
    truncateSync(at('plain/model.safetensors'), 3e9);
    const args = protectedBy('--mode', 'full', '--out', at('killed'));
    const env = { ...process.env, BITMODEL_DATADIR: place.folder, BITMODEL_NETWORK: 'regtest' };
    const child = spawn(process.execPath, [BINARY, ...args], { env, stdio: 'ignore' });
    const partial = (): string[] =>
      readdirSync(place.folder).filter((name) => name.startsWith('.killed.partial-'));
    while (partial().length === 0 && child.exitCode === null)
      await new Promise((done) => setTimeout(done, 10));
    const ended = new Promise((done) => child.once('exit', done));
    child.kill('SIGKILL');
    await ended;
    expect(existsSync(at('killed'))).toBe(false);
    expect(partial()).toHaveLength(1);
    cpSync(join(TINY, 'model.safetensors'), at('plain/model.safetensors'));
    await place.ok(protectedBy('--mode', 'full', '--out', at('killed')));
    expect(partial()).toHaveLength(0);
    expect(existsSync(join(at('killed'), 'protection.json'))).toBe(true);
  });
});
