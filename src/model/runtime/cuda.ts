import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { BitmodelError, EXIT, oneLine } from '../../base/index.js';
import { cudaProvider } from './provider.js';

/**
 * What the CUDA provider of ONNX Runtime 1.30 is linked against: CUDA 12 and cuDNN 9
 * (onnxruntime.ai, "CUDA Execution Provider", Requirements).
 */
const LIBRARIES = [
  'libcudart.so.12',
  'libcublas.so.12',
  'libcublasLt.so.12',
  'libcufft.so.11',
  'libcurand.so.10',
  'libcudnn.so.9',
];
/** Comes with the driver. */
const DRIVER = 'libcuda.so.1';
/** Where NVIDIA's own installers put them, beside what the loader is told of. */
const USUAL_FOLDERS = ['/usr/local/cuda/lib64', '/usr/local/cuda-12/lib64'];
/** Most that is kept of what the installer says. */
const MOST_WORDS = 300;
const ELF = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);

/** What running on an NVIDIA GPU needs, and what of it is here. */
export interface CudaState {
  /** Whether this platform has a CUDA provider at all; npm's package has one for Linux on x64. */
  readonly supported: boolean;
  /** Whether a driver is loaded, as far as can be told. */
  readonly driver: boolean;
  /** Whether ONNX Runtime's own provider is installed. */
  readonly provider: boolean;
  /** Libraries of CUDA and cuDNN that the loader does not find. */
  readonly missing: readonly string[];
}

function knownLibraries(): string {
  const { stdout } = spawnSync('ldconfig', ['-p'], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/sbin:/usr/sbin` },
  });
  return stdout ?? '';
}

/** Looks, without loading anything: asking ONNX Runtime for a provider that is not there makes it write to stderr. */
export function cudaState(): CudaState {
  const supported = process.platform === 'linux' && process.arch === 'x64';
  if (!supported) return { supported, driver: false, provider: false, missing: [] };
  const known = knownLibraries();
  const folders = [...(process.env.LD_LIBRARY_PATH ?? '').split(':'), ...USUAL_FOLDERS];
  const isHere = (name: string): boolean =>
    known.includes(`${name} `) ||
    folders.some((folder) => folder !== '' && existsSync(join(folder, name)));
  return {
    supported,
    driver: existsSync('/dev/nvidiactl') || isHere(DRIVER),
    provider: cudaProvider().present,
    missing: LIBRARIES.filter((name) => !isHere(name)),
  };
}

function isLibrary(path: string): boolean {
  if (!existsSync(path)) return false;
  const head = Buffer.alloc(ELF.length);
  const file = openSync(path, 'r');
  try {
    readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  return head.equals(ELF);
}

/**
 * Fetches ONNX Runtime's CUDA provider by the installer that its npm package brings (from NuGet, over HTTPS, of just the
 * version of the package; some 300 MB), and checks that what came are libraries.
 * @throws BitmodelError `CUDA_UNSUPPORTED`, `CUDA_INSTALL_FAILED`
 */
export async function installCudaProvider(signal?: AbortSignal): Promise<string> {
  const { path } = cudaProvider();
  if (path === undefined || process.platform !== 'linux' || process.arch !== 'x64') {
    throw new BitmodelError(
      'CUDA_UNSUPPORTED',
      `There is no CUDA provider for ${process.platform} on ${process.arch}.`,
      { next: 'Use Linux on x64, or run on the CPU', exitCode: EXIT.usage },
    );
  }
  const main = createRequire(import.meta.url).resolve('onnxruntime-node');
  const script = join(dirname(main), '..', 'script', 'install.js');
  let said = '';
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'cuda12' },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(signal ? { signal } : {}),
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-8192);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  const shared = path.replace('providers_cuda', 'providers_shared');
  if (code === 0 && isLibrary(path) && isLibrary(shared)) return path;
  const why = /\b(E[A-Z]{4,}|HTTP status code = \d+|getaddrinfo \S+ \S+)\b/.exec(said)?.[0];
  const words = why ?? oneLine(said).slice(0, MOST_WORDS);
  throw new BitmodelError(
    'CUDA_INSTALL_FAILED',
    `ONNX Runtime's installer could not fetch the CUDA provider${words ? ` (${words})` : ''}.`,
    {
      next: 'Try where NuGet can be reached, or copy libonnxruntime_providers_cuda.so and libonnxruntime_providers_shared.so of the same version beside libonnxruntime.so.1',
      exitCode: EXIT.unreachable,
    },
  );
}

/**
 * Whether CUDA itself is at fault and not the model: libraries, driver, device. Of a provider that can't be loaded, ONNX
 * Runtime 1.30 says only that `OrtSessionOptionsAppendExecutionProvider_Cuda` failed, and why on its log alone.
 */
export function isCudaFault(message: string): boolean {
  return /ExecutionProvider_Cuda|onnxruntime_providers_(cuda|shared)|CUDA failure|CUDA error|libcud|libcublas|cudaGet|no CUDA-capable/i.test(
    message,
  );
}

/**
 * The error of a model that was to run on a GPU which can't be used.
 * @param missing libraries of CUDA that are not here
 */
export function cudaFailed(message: string, missing: readonly string[] = []): BitmodelError {
  const library = /(lib[\w.+-]+): cannot open shared object/.exec(message)?.[1];
  const names = library ? [library] : /ExecutionProvider_Cuda/.test(message) ? missing : [];
  const plain = oneLine(message).slice(0, MOST_WORDS).replace(/\.$/, '');
  const why =
    names.length === 0
      ? plain
      : names.length === 1
        ? `the library ${names[0]} is missing`
        : `the libraries ${names.join(', ')} are missing`;
  return new BitmodelError('CUDA_FAILED', `CUDA can't be used here: ${why}.`, {
    next: 'See what is missing with: bitmodel doctor; or use --device cpu',
  });
}
