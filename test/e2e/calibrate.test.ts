import { spawn } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { modelId } from '#src/model/index.js';
import { calibrationHash, parseCalibration, readCalibration } from '#src/rastic/index.js';
import { BINARY, Place } from './harness.js';

const place = new Place();
const dir = join(place.folder, 'tiny');
const prompts = join(place.folder, 'prompts.txt');
cpSync('fixtures/bitmodel-tiny', dir, { recursive: true });
writeFileSync(prompts, 'The American people are\n\nCall me\n');
afterAll(() => rmSync(place.folder, { recursive: true }));

const path = join(dir, 'tiny.calibration.json');
const quick = ['model', 'calibrate', dir, '--prompts', prompts, '--tokens', '12'];

describe('bitmodel model calibrate', () => {
  it('measures every setting, honest and cheaper, and writes what jobs then name', async () => {
    rmSync(join(dir, 'bitmodel-tiny.calibration.json'));
    const said = JSON.parse(await place.ok([...quick, '--threads', '1,2', '--json']));
    const calibration = parseCalibration(readFileSync(path, 'utf8'), 'written');
    expect(said).toEqual({ path, hash: toHex(calibrationHash(calibration)), ...calibration });
    expect(readCalibration(dir, await modelId(dir), 'onnx/model.onnx')).toEqual(calibration);
    const [pair] = calibration.pairs;
    expect(pair).toMatchObject({ seller: 'fp32/0/cpu', verifier: 'fp32/0/cpu' });
    // two prompts at three samplings, in all block sizes and by three other settings in both directions
    expect(pair!.positions).toBe(2 * 3 * 12 * (3 + 2 * 3));
    expect(pair!.tauMicro).toBeGreaterThanOrEqual(1000);
    const total = (counts: readonly number[]) => counts.reduce((sum, each) => sum + each, 0);
    const { greedy, sampled } = pair!.margins;
    expect(total(greedy) + total(sampled)).toBe(pair!.positions);
    expect(total(greedy)).toBe(pair!.positions / 3);
    const { variant, margins } = pair!.cheaper!;
    expect(variant).toBe('int8');
    expect(total(margins.greedy) + total(margins.sampled)).toBe(2 * 3 * 12);
  });

  it('takes the place of the older one of the same graph', async () => {
    const other = join(dir, 'other-name.calibration.json');
    cpSync(path, other);
    rmSync(path);
    expect(await place.ok([...quick, '--threads', '1', '-q'])).toBe(other);
    expect(existsSync(path)).toBe(false);
  });

  it('writes nothing where it is interrupted', async () => {
    const before = readFileSync(join(dir, 'other-name.calibration.json'), 'utf8');
    const interrupted = async (seconds: number): Promise<unknown> => {
      const child = spawn(process.execPath, [BINARY, 'model', 'calibrate', dir, '--json']);
      const ended = new Promise((done) => child.once('exit', done));
      await sleep(1000 * seconds);
      child.kill('SIGINT');
      return ended;
    };
    // a process that has not come to its handlers yet just ends, with no code: then it needs longer here
    let code: unknown = null;
    for (const seconds of [2.5, 10, 30]) code ??= await interrupted(seconds);
    expect(code).toBe(130);
    expect(readFileSync(join(dir, 'other-name.calibration.json'), 'utf8')).toBe(before);
  });

  it('refuses what makes no sense', async () => {
    const empty = join(place.folder, 'empty.txt');
    writeFileSync(empty, '\n \n');
    const wrong: [string, string[]][] = [
      ['BAD_OPTION', ['--threads', '0']],
      ['BAD_OPTION', ['--threads', '1,x']],
      ['BAD_OPTION', ['--tokens', '0']],
      ['BAD_CALIBRATION_PLAN', ['--tokens', '4000']],
      ['BAD_PROMPTS', ['--prompts', empty]],
      ['BAD_PROMPTS', ['--prompts', join(place.folder, 'nowhere')]],
    ];
    for (const [code, args] of wrong) {
      const { stderr, code: exit } = await place.run([
        'model',
        'calibrate',
        dir,
        ...args,
        '--json',
      ]);
      expect(exit).not.toBe(0);
      expect(JSON.parse(stderr).error.code).toBe(code);
    }
  });
});
