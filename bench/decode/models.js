import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomModels } from './random.js';

const CACHE = resolve(
  process.env.BITMODEL_BENCH_CACHE ?? fileURLToPath(new URL('../.cache', import.meta.url)),
);
const PYTHON = process.env.BITMODEL_BENCH_PYTHON ?? 'python3';
export const DIR = join(CACHE, 'smollm2-135m');

/** The four-bit GGUF made of the same weights, once. @returns its path, or undefined where Python or its packages are missing */
function quantisedGguf() {
  const target = join(DIR, 'model-q4_0.gguf');
  if (existsSync(target)) return target;
  const program = fileURLToPath(new URL('../models/gguf_q4.py', import.meta.url));
  const done = spawnSync(PYTHON, [program, join(DIR, 'model-f32.gguf'), target], {
    encoding: 'utf8',
  });
  if (done.status === 0) return target;
  const why = done.error?.message ?? done.stderr.trim().split('\n').at(-1);
  process.stderr.write(`model-q4_0.gguf can't be made by ${PYTHON}: ${why}\n`);
  return undefined;
}

/** Both number types of SmolLM2-135M, or of its shape where it is not at hand, each as the files that the engines want. */
export async function findModels() {
  if (!existsSync(join(DIR, 'onnx/model.onnx'))) {
    process.stderr.write(
      `${DIR} is not there (python3 bench/models/smollm2.py): random weights in its place\n`,
    );
    return randomModels(CACHE);
  }
  const f32 = join(DIR, 'model-f32.gguf');
  return {
    int4: { dir: DIR, file: 'onnx/model_q4.onnx', dtype: 'q4', gguf: quantisedGguf() },
    fp32: {
      dir: DIR,
      file: 'onnx/model.onnx',
      dtype: 'fp32',
      gguf: existsSync(f32) ? f32 : undefined,
    },
  };
}
