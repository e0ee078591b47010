/** A module's memory, in pages of 64 KiB. */
export interface WasmMemory {
  /** Another one after each growth. */
  readonly buffer: ArrayBuffer;
  /** @throws RangeError where there is no room */
  grow(pages: number): number;
}

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
export function canRunWasm(bytes: Uint8Array): boolean {
  return WebAssembly.validate(bytes);
}

/** Compiles a module of `encodeModule`. Returns what makes instances of it, each with a memory of its own. */
export function compileWasm<Functions extends object>(
  bytes: Uint8Array,
): () => Functions & { readonly memory: WasmMemory } {
  const module = new WebAssembly.Module(bytes);
  return () =>
    new WebAssembly.Instance(module).exports as unknown as Functions & {
      readonly memory: WasmMemory;
    };
}
