import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Place } from './harness.js';

const TINY = resolve(import.meta.dirname, '../../fixtures/bitmodel-tiny');
const QUICK = ['--rounds', '1', '--lengths', '8', '--tokens', '4', '--threads', '1'];

describe('model bench', () => {
  let place: Place;
  beforeAll(() => {
    place = new Place();
  });
  afterAll(() => place.close());

  it('prints rates and their share of the bandwidth, as a table of 80 columns', async () => {
    const { code, stdout } = await place.run(['model', 'bench', TINY, ...QUICK, '--together', '2']);
    expect(code).toBe(0);
    for (const row of ['first token', 'prefill of 8', 'decode after 8', 'decode of 2 at once']) {
      expect(stdout).toContain(row);
    }
    expect(stdout).toMatch(/\d %.* of the bandwidth/);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('gives everything that was measured as JSON', async () => {
    const { code, stdout } = await place.run(['model', 'bench', TINY, ...QUICK, '--json']);
    expect(code).toBe(0);
    const measured = JSON.parse(stdout);
    expect(measured).toMatchObject({ numericClass: 'fp32/0/cpu', threads: 1, rounds: 1 });
    expect(measured.decode[0].rate.median).toBeGreaterThan(0);
    expect(measured.memory.read.median).toBeGreaterThan(0);
  });

  it.each([
    [['--lengths', '8,x'], 'BAD_OPTION'],
    [['--device', 'abacus'], 'BAD_OPTION'],
    [['--lengths', '8,99999'], 'PROMPT_TOO_LONG'],
  ])('refuses %s', async (flags, code) => {
    const done = await place.run(['model', 'bench', TINY, '--json', ...flags]);
    expect(done.code).not.toBe(0);
    expect(JSON.parse(done.stderr).error.code).toBe(code);
  });
});
