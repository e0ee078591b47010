import { describe, expect, it } from 'vitest';
import { cudaProvider, cudaState, LanguageModel } from '#src/model/index.js';
import { cudaFailed, isCudaFault } from '#src/model/runtime/cuda.js';

// as ONNX Runtime says it (microsoft/onnxruntime, issues 21684 and 20829)
const NO_LIBRARY =
  '/onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:1952 Provider& ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library libonnxruntime_providers_cuda.so with error: libcudnn.so.9: cannot open shared object file: No such file or directory';
// as it throws it where the provider's library can't be loaded; see also cudaFault.test.ts
const NOT_LOADED = 'OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library';
const NO_DEVICE = 'CUDA failure 100: no CUDA-capable device is detected ; GPU=-1';

describe('a GPU that can not be used', () => {
  it('is named by what is missing, with what to do', () => {
    expect(isCudaFault(NO_LIBRARY) && isCudaFault(NO_DEVICE)).toBe(true);
    expect(isCudaFault('Protobuf parsing failed.')).toBe(false);
    expect(cudaFailed(NO_LIBRARY)).toMatchObject({
      code: 'CUDA_FAILED',
      message: "CUDA can't be used here: the library libcudnn.so.9 is missing.",
      next: expect.stringContaining('bitmodel doctor') as string,
    });
    const missing = ['libcufft.so.11', 'libcudnn.so.9'];
    expect(isCudaFault(NOT_LOADED)).toBe(true);
    expect(cudaFailed(NOT_LOADED, missing).message).toBe(
      "CUDA can't be used here: the libraries libcufft.so.11, libcudnn.so.9 are missing.",
    );
    expect(cudaFailed(NO_DEVICE, missing).message).toContain('no CUDA-capable device');
  });

  it('is looked for without loading anything', () => {
    const { provider, supported, missing } = cudaState();
    expect(provider).toBe(supported && cudaProvider().present);
    if (!supported) expect(missing).toEqual([]);
  });

  it.skipIf(cudaProvider().present)(
    'is an error when it is asked for, and no reason to stop when it is not (needs a machine without the provider)',
    async () => {
      await expect(
        LanguageModel.open('fixtures/bitmodel-tiny', { device: 'cuda' }),
      ).rejects.toMatchObject({
        code: 'CUDA_MISSING',
        next: expect.stringContaining('--install-cuda') as string,
      });
      const model = await LanguageModel.open('fixtures/bitmodel-tiny', { device: 'auto' });
      expect(model.info.numericClass).toMatch(/\/cpu$/);
      await model.close();
    },
  );
});
