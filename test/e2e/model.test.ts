import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let dir: string;
let tiny: string;

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

function start(args: string[]): ChildProcess {
  return spawn(process.execPath, ['bin/bitmodel.js', '--datadir', join(dir, 'data'), ...args]);
}

/** Runs the real binary to its end. */
function bitmodel(args: string[], stdin = ''): Promise<Outcome> {
  const child = start(args);
  child.stdin!.end(stdin);
  return outcomeOf(child);
}

function outcomeOf(child: ChildProcess): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  child.stdout!.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr!.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'bitmodel-e2e-model-'));
  tiny = join(dir, 'tiny');
  cpSync('fixtures/bitmodel-tiny', tiny, { recursive: true });
  const { code } = await bitmodel(['model', 'pack', tiny, '--licence', 'CC0-1.0']);
  expect(code).toBe(0);
});
afterAll(() => rmSync(dir, { recursive: true }));

describe('bitmodel model', () => {
  it('packs, lists, shows and finds a model by name and id', async () => {
    const packed = await bitmodel(['model', 'pack', tiny, '-q']);
    const id = packed.stdout.trim();
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect((await bitmodel(['model', 'list', '-q'])).stdout.trim()).toBe(id);
    for (const asked of ['tiny', id, tiny]) {
      const shown = await bitmodel(['model', 'show', asked, '--json']);
      expect(JSON.parse(shown.stdout)).toMatchObject({
        id,
        licence: 'CC0-1.0',
        layers: 6,
        contextLength: 512,
        numericType: 'fp32',
      });
    }
  });

  it('continues a prompt as the transformers library does, from the argument and from stdin', async () => {
    const reference = JSON.parse(readFileSync(join(tiny, 'reference.json'), 'utf8')) as {
      generation: { prompt: string; greedyIds: number[]; text: string }[];
    };
    const { prompt, greedyIds, text } = reference.generation[0]!;
    const flags = ['--max-tokens', String(greedyIds.length)];
    const fromArgument = await bitmodel(['model', 'run', 'tiny', prompt, ...flags]);
    expect(fromArgument).toMatchObject({ code: 0, stdout: `${text}\n` });
    const fromStdin = await bitmodel(
      ['model', 'run', 'tiny', '-', ...flags, '--json'],
      `${prompt}\n`,
    );
    expect(JSON.parse(fromStdin.stdout)).toMatchObject({ ids: greedyIds, text, finish: 'length' });
  });

  it('gives the same answer for the same seed', async () => {
    const args = [
      'model',
      'run',
      'tiny',
      'We',
      '--temperature',
      '0.9',
      '--seed',
      'whale',
      '--max-tokens',
      '12',
    ];
    const [first, second] = [await bitmodel(args), await bitmodel(args)];
    expect(first.stdout).toBe(second.stdout);
    const other = await bitmodel(args.map((arg) => (arg === 'whale' ? 'ship' : arg)));
    expect(other.stdout).not.toBe(first.stdout);
  });

  it('ends cleanly on Ctrl-C in the middle of an answer', async () => {
    const child = start(['model', 'run', 'tiny', 'The', '--max-tokens', '500']);
    child.stdin!.end();
    child.stdout!.once('data', () => child.kill('SIGINT'));
    const { code, stderr } = await outcomeOf(child);
    expect(code).toBe(130);
    expect(stderr).toContain('INTERRUPTED');
  });

  it('names the file and the piece that is wrong', async () => {
    const copy = join(dir, 'wrong');
    cpSync(tiny, copy, { recursive: true });
    const path = join(copy, 'onnx/model.onnx');
    const bytes = readFileSync(path);
    bytes[2 * 1024 * 1024 + 5]! ^= 1;
    writeFileSync(path, bytes);
    const { code, stdout } = await bitmodel(['model', 'check', copy]);
    expect(code).toBe(10);
    expect(stdout).toContain('onnx/model.onnx: content, piece 2');
    expect((await bitmodel(['model', 'check', 'tiny'])).code).toBe(0);
  });
});

describe('bad input to bitmodel model', () => {
  it.each([
    ['an unknown model', 3, 'UNKNOWN_MODEL', ['run', 'ab'.repeat(32), 'hi']],
    ['an empty prompt', 2, 'EMPTY_PROMPT', ['run', 'tiny', '']],
    ['a prompt beyond the context', 2, 'PROMPT_TOO_LONG', ['run', 'tiny', 'x '.repeat(600)]],
    // far more than a thread's default stack holds of a command line
    [
      'a prompt of 100,000 characters',
      2,
      'PROMPT_TOO_LONG',
      ['run', 'tiny', 'word '.repeat(20_000)],
    ],
    ['a file in place of a folder', 2, 'NOT_A_FOLDER', ['pack', 'package.json']],
    ['an unknown device', 2, 'BAD_OPTION', ['run', 'tiny', 'hi', '--device', 'abacus']],
    [
      'an unknown file',
      3,
      'MODEL_FILE_MISSING',
      ['run', 'tiny', 'hi', '--file', 'onnx/model_q4.onnx'],
    ],
    ['a bad temperature', 2, 'BAD_OPTION', ['run', 'tiny', 'hi', '--temperature', '-1']],
    ['a bad parent', 2, 'BAD_PARENT', ['pack', 'fixtures/bitmodel-tiny', '--parent', 'x=1']],
    [
      'an accuracy level of weights that are not quantised',
      2,
      'BAD_OPTION',
      ['import', 'fixtures/bitmodel-tiny', '--accuracy-level', '4'],
    ],
    [
      'a device that is none',
      2,
      'BAD_OPTION',
      ['bench', 'fixtures/bitmodel-tiny', '--device', 'x'],
    ],
  ])('gets one sentence and the next step: %s', async (_, code, name, args) => {
    const outcome = await bitmodel(['--json', 'model', ...args]);
    expect(outcome).toMatchObject({ code, stdout: '' });
    const { error } = JSON.parse(outcome.stderr) as { error: Record<string, string> };
    expect(error.code).toBe(name);
    expect(error.message).toMatch(/[.]$/);
    expect(error.next).toBeTruthy();
  });

  it('a truncated graph', async () => {
    const copy = join(dir, 'cut');
    cpSync(tiny, copy, { recursive: true });
    truncateSync(join(copy, 'onnx/model.onnx'), 1_000_000);
    const { code, stderr } = await bitmodel(['model', 'run', copy, 'hi']);
    expect(code).toBe(1);
    expect(stderr).toContain('BAD_ONNX');
  });
});
