import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let dir: string;

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the real binary to its end. */
function bitmodel(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const all = ['bin/bitmodel.js', '--datadir', join(dir, 'data'), ...args];
    execFile(process.execPath, all, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'bitmodel-e2e-import-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

describe('bitmodel model import', () => {
  it('makes a packed model that runs by its name and says what its own ONNX graph says', async () => {
    const out = join(dir, 'made');
    const flags = ['--dtype', 'fp32', '--out', out, '--name', 'made'];
    const { code, stdout } = await bitmodel(
      'model',
      'import',
      'fixtures/bitmodel-tiny',
      ...flags,
      '--json',
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      name: 'made',
      file: 'onnx/model.onnx',
      dtype: 'fp32',
    });
    const prompt = ['Once upon a time', '--max-tokens', '24', '--json'];
    const [made, bundled] = await Promise.all(
      ['made', 'fixtures/bitmodel-tiny'].map((model) => bitmodel('model', 'run', model, ...prompt)),
    );
    const textOf = (outcome: Outcome): unknown =>
      (JSON.parse(outcome.stdout) as { text: string }).text;
    expect(textOf(made!)).toBe(textOf(bundled!));
  });

  it('warns of accuracy level 4, and refuses a folder that is there already', async () => {
    const out = join(dir, 'coarse');
    const flags = ['model', 'import', 'fixtures/bitmodel-tiny', '--dtype', 'q4', '--out', out];
    const first = await bitmodel(...flags, '--accuracy-level', '4');
    expect(first.code).toBe(0);
    expect(first.stderr).toMatch(/warning: At accuracy level 4/);
    const shown = await bitmodel('model', 'show', out, '--json');
    expect(JSON.parse(shown.stdout)).toMatchObject({ numericType: 'q4', accuracyLevel: 4 });
    const again = await bitmodel(...flags);
    expect(again.code).toBe(4);
    expect(again.stderr).toMatch(/FOLDER_IN_USE/);
  });
});
