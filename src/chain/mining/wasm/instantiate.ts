/** What of the WebAssembly API is used here; the compiler knows it from browsers' libraries only. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
  ) => { readonly exports: Readonly<Record<string, unknown>> };
  readonly validate: (bytes: Uint8Array) => boolean;
}

const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: WebAssemblyApi };

/** Whether this machine can run a module: on some processors there are no 128-bit operations. */
export function canRun(bytes: Uint8Array): boolean {
  return WebAssembly.validate(bytes);
}

/** Makes a module of `encodeModule` ready. Returns its function, and its memory in 32-bit words. */
export function instantiate(bytes: Uint8Array): {
  readonly run: (first: number, groups: number) => number;
  readonly words: Uint32Array;
} {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const { buffer } = exports.memory as { readonly buffer: ArrayBuffer };
  const run = exports.run as (first: number, groups: number) => number;
  return { run, words: new Uint32Array(buffer) };
}
