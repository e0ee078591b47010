import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cudaState } from '#src/model/index.js';

const MODULES = 'node_modules';
const RUNTIME = 'onnxruntime-node';
const LIBRARIES = 'bin/napi-v6/linux/x64';
const PROVIDERS = ['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so'];
const HAS_PROVIDER = process.platform === 'linux' && process.arch === 'x64';

/** Opens a model whose weights lie in memory, as those of a protected one do. */
const PROGRAM = `
import { readFileSync } from 'node:fs';
import { LanguageModel } from './dist/model/index.js';
const dir = process.argv[1];
const [isolate, device] = JSON.parse(process.argv[2]);
const external = async () => {
  return [{ path: 'unused', data: new Uint8Array(readFileSync(dir + '/onnx/model.onnx')) }];
};
try {
  const model = await LanguageModel.open(dir, { device, isolate, external, threads: 1 });
  const { ids } = await model.generate({ promptIds: [5, 6], sampling: { temperatureMilli: 0, topK: 0, topPMilli: 1000 },
    seed: new Uint8Array(32), maxTokens: 3, stop: [] });
  await model.close();
  console.log(JSON.stringify({ ids, info: model.info }));
} catch ({ code, message, next }) {
  console.log(JSON.stringify({ code, message, next }));
}`;

let folder: string;
beforeAll(() => {
  if (!HAS_PROVIDER) return;
  folder = mkdtempSync(join(tmpdir(), 'bitmodel-cuda-'));
  // a run time of its own, as what is put beside it is for everyone who loads it
  const own = join(folder, MODULES, RUNTIME);
  mkdirSync(own, { recursive: true });
  for (const name of readdirSync(MODULES)) {
    if (name !== RUNTIME) symlinkSync(resolve(MODULES, name), join(folder, MODULES, name));
  }
  for (const part of ['package.json', 'dist', LIBRARIES]) {
    cpSync(join(MODULES, RUNTIME, part), join(own, part), { recursive: true });
  }
  for (const part of ['base', 'model']) {
    cpSync(join('dist', part), join(folder, 'dist', part), { recursive: true });
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  for (const name of PROVIDERS) writeFileSync(join(own, LIBRARIES, name), 'no library');
});
afterAll(() => {
  if (HAS_PROVIDER) rmSync(folder, { recursive: true });
});

async function opened(isolate: boolean, device: string): Promise<Record<string, unknown>> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      PROGRAM,
      resolve('fixtures/bitmodel-tiny'),
      JSON.stringify([isolate, device]),
    ],
    { cwd: folder },
  );
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe.skipIf(!HAS_PROVIDER)('a CUDA provider that is there and does not load', () => {
  it('is what fails where a GPU is asked for, not the model', async () => {
    const { missing } = cudaState();
    const failed = await opened(false, 'cuda');
    expect(failed).toMatchObject({
      code: 'CUDA_FAILED',
      next: expect.stringContaining('bitmodel doctor') as string,
    });
    for (const name of missing) expect(failed.message).toContain(name);
  });

  it.each([false, true])(
    'leaves a model with weights in memory to the CPU where that may be (isolated: %s)',
    async (isolate) => {
      expect(await opened(isolate, 'auto')).toMatchObject({
        ids: [expect.any(Number), expect.any(Number), expect.any(Number)],
        info: {
          numericClass: expect.stringMatching(/\/cpu$/) as string,
          cudaFailure: expect.stringContaining("CUDA can't be used here") as string,
        },
      });
    },
  );
});
