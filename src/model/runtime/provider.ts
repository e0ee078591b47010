import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { BitmodelError } from '../../base/index.js';
import type { Device } from '../types.js';

/** Name of ONNX Runtime's CUDA provider library on a platform that can have one. */
const PROVIDER_LIBRARY: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'libonnxruntime_providers_cuda.so',
  win32: 'onnxruntime_providers_cuda.dll',
};

/**
 * Where ONNX Runtime looks for its CUDA provider, and whether it is there. Looked up as a file, since asking the run time to
 * load a missing one makes it write to stderr.
 */
export function cudaProvider(): { readonly path: string | undefined; readonly present: boolean } {
  const library = PROVIDER_LIBRARY[process.platform];
  if (library === undefined) return { path: undefined, present: false };
  const main = createRequire(import.meta.url).resolve('onnxruntime-node');
  const folder = join(dirname(main), '..', 'bin', 'napi-v6', process.platform, process.arch);
  const path = join(folder, library);
  return { path, present: existsSync(path) };
}

/** @throws BitmodelError `CUDA_MISSING` when a GPU is asked for and its run time is absent */
export function providerFor(device: Device): 'cpu' | 'cuda' {
  if (device === 'cpu') return 'cpu';
  if (cudaProvider().present) return 'cuda';
  if (device === 'auto') return 'cpu';
  throw new BitmodelError('CUDA_MISSING', "ONNX Runtime's CUDA provider is not installed here.", {
    next: 'See what is missing with: bitmodel doctor; fetch it with: bitmodel doctor --install-cuda; or use --device cpu',
  });
}
