import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
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
  });
  afterAll(() => place.close());

  it('run as before with both shares, and with one of them say whose is missing', async () => {
    const plain = await place.json(['model', 'run', TINY, ...PROMPT]);
    const within = await place.json(['model', 'run', at('full'), ...PROMPT, ...shares]);
    expect(within.ids).toEqual(plain.ids);
    const one = await place.run(['model', 'run', at('full'), ...PROMPT, ...shares.slice(0, 2)]);
    expect(one.code).toBe(4);
    expect(one.stderr).toContain("the platform's is missing. [SHARES_MISSING]");
  });

  it('are measured and calibrated with both shares, and say without them what is missing', async () => {
    const bench = [
      'model',
      'bench',
      at('full'),
      '--lengths',
      '8',
      '--tokens',
      '4',
      '--rounds',
      '1',
    ];
    const measured = await place.json([...bench, ...shares]);
    expect(measured).toMatchObject({ dir: at('full'), numericClass: 'fp32/0/cpu' });
    const prompts = at('prompts');
    writeFileSync(prompts, 'The American people\n');
    const calibrate = ['model', 'calibrate', at('full'), '--prompts', prompts, '--tokens', '2'];
    const plan = ['--threads', '1', '--batch', '1'];
    const made = await place.json([...calibrate, ...plan, ...shares]);
    expect(made).toMatchObject({ file: GRAPH });
    for (const args of [bench, calibrate]) {
      const { code, stderr } = await place.run(args);
      expect(code).toBe(4);
      expect(stderr).toContain(
        "the contributor's and the platform's are missing. [SHARES_MISSING]",
      );
    }
  });

  it('name the platform by a key of this machine as well', async () => {
    const args = ['model', 'protect', at('plain'), '--key', 'ann', '--mode', 'full'];
    await place.ok([...args, '--platform', 'platform', '--out', at('named')]);
    const holders = (name: string) =>
      JSON.parse(readFileSync(join(at(name), 'protection.json'), 'utf8')) as { body: object };
    expect(JSON.stringify(holders('named'))).toContain(platform);
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
    expect(again.stderr).toContain('FOLDER_IN_USE');
  });

  it('keep the licence and the parents of a model that was packed, and its name with a tag', async () => {
    const parent = 'ab'.repeat(32);
    cpSync(join(at('plain'), 'onnx'), at('packed/onnx'), { recursive: true });
    cpSync(join(at('plain'), 'config.json'), at('packed/config.json'));
    const about = ['--name', 'whale', '--licence', 'MIT', '--parent', `${parent}=5000ppm`];
    const { id } = await place.json(['model', 'pack', at('packed'), ...about]);
    const args = ['--key', 'ann', '--platform', platform, '--mode', 'full'];
    const made = await place.json(['model', 'protect', 'whale', ...args]);
    expect(made).toMatchObject({ plain: id, name: 'whale:protected' });
    const packed = await place.json(['model', 'pack', at('packed.protected')]);
    expect(packed).toMatchObject({
      id: made.id,
      name: 'whale:protected',
      licence: 'MIT',
      parents: [{ id: parent, ppm: 5000 }],
    });
    const shown = await place.json(['model', 'show', 'whale']);
    expect(shown.id).toBe(id);
  });

  it('warn that a shuffled model answers nonsense, and that other weights were left out', async () => {
    const made = await place.run(protectedBy('--file', GRAPH, '--out', at('shuffled')));
    expect(made.code).toBe(0);
    expect(made.stderr).toContain('model.safetensors was left out');
    const run = await place.run(['model', 'run', at('shuffled'), ...PROMPT]);
    expect(run.code).toBe(0);
    expect(run.stderr).toContain('it answers nonsense');
  });

  /** Kills a command as soon as it has begun with the folder `name`. */
  async function killInTheMiddle(name: string, args: readonly string[]): Promise<string[]> {
    const env = { ...process.env, BITMODEL_DATADIR: place.folder, BITMODEL_NETWORK: 'regtest' };
    const child = spawn(process.execPath, [BINARY, ...args], { env, stdio: 'ignore' });
    while (partial(name).length === 0 && child.exitCode === null)
      await new Promise((done) => setTimeout(done, 10));
    const ended = new Promise((done) => child.once('exit', done));
    child.kill('SIGKILL');
    await ended;
    return partial(name);
  }

  const partial = (name: string): string[] =>
    readdirSync(place.folder).filter((entry) => entry.startsWith(`.${name}.partial-`));

  it('leave nothing half behind when killed, and take away what a killed one left', async () => {
    // long enough to be killed in the middle
    truncateSync(at('plain/model.safetensors'), 3e9);
    const args = protectedBy('--mode', 'full', '--out', at('killed'));
    expect(await killInTheMiddle('killed', args)).toHaveLength(1);
    expect(existsSync(at('killed'))).toBe(false);
    truncateSync(at('plain/model.safetensors'), 4e7);
    await place.ok(args);
    expect(partial('killed')).toHaveLength(0);
    expect(existsSync(join(at('killed'), 'protection.json'))).toBe(true);

    const own: string[] = [];
    for (const key of ['ann', 'platform']) {
      const passphrase = ['--passphrase-file', place.passphraseFile];
      const share = await place.ok(['model', 'share', at('killed'), '--key', key, ...passphrase]);
      writeFileSync(at(`killed-${key}.share`), share, { mode: 0o600 });
      own.push('--share', at(`killed-${key}.share`));
    }
    const unlock = ['model', 'unlock', at('killed'), '--out', at('opened'), ...own];
    expect(await killInTheMiddle('opened', unlock)).toHaveLength(1);
    expect(existsSync(at('opened'))).toBe(false);
    await place.ok(unlock);
    expect(partial('opened')).toHaveLength(0);
    const size = (folder: string) => statSync(join(folder, 'model.safetensors')).size;
    expect(size(at('opened'))).toBe(4e7);
    cpSync(join(TINY, 'model.safetensors'), at('plain/model.safetensors'));
  });

  /** The real binary, under a limit on the size of files in KiB: writing beyond it fails as on a full disk. */
  function runLimited(kib: number, args: readonly string[]) {
    const env = { ...process.env, BITMODEL_DATADIR: place.folder, BITMODEL_NETWORK: 'regtest' };
    const script = `ulimit -f ${kib}; exec "$0" "$@"`;
    const argv = ['-c', script, process.execPath, BINARY, ...args];
    return spawnSync('bash', argv, { env, encoding: 'utf8' });
  }

  it('leave nothing behind where a file can not be written to its end', async () => {
    const before = readdirSync(place.folder);
    for (const args of [
      protectedBy('--file', GRAPH, '--out', at('limited')),
      protectedBy('--mode', 'full', '--out', at('limited')),
      ['model', 'unlock', at('full'), '--out', at('limited'), ...shares],
    ]) {
      const { status, stderr } = runLimited(4000, args);
      expect(stderr).toContain('[WRITE_FAILED]');
      expect(status).toBe(1);
      expect(readdirSync(place.folder)).toEqual(before);
    }
  });

  it('say that the disk has no room, and leave it as it was', async () => {
    const disk = at('disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', disk], { stdio: 'pipe' });
    } catch {
      console.log('skipped: a disk that is full can only be made by who may mount a tmpfs');
      return;
    }
    try {
      for (const args of [
        protectedBy('--file', GRAPH, '--out', join(disk, 'made')),
        protectedBy('--mode', 'full', '--out', join(disk, 'made')),
        ['model', 'unlock', at('full'), '--out', join(disk, 'made'), ...shares],
      ]) {
        const { code, stderr } = await place.run(args);
        expect(stderr).toContain('[NO_SPACE]');
        expect(code).toBe(4);
        expect(readdirSync(disk)).toEqual([]);
      }
    } finally {
      execFileSync('umount', ['--lazy', disk]);
    }
  });
});
