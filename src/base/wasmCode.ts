/** Just enough of WebAssembly's binary format (the core specification, version 2, with SIMD) for functions over one memory. */

/** An unsigned LEB128. */
function leb(value: number): number[] {
  const bytes: number[] = [];
  let left = value >>> 0;
  do {
    bytes.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    left >>>= 7;
  } while (left > 0);
  return bytes;
}

/** A signed LEB128 of 32 bits; a 64-bit constant of such a value is written alike. */
function signedLeb(value: number): number[] {
  const bytes: number[] = [];
  let left = value | 0;
  for (;;) {
    const low = left & 0x7f;
    left >>= 7;
    const done = (left === 0 && !(low & 0x40)) || (left === -1 && low & 0x40);
    bytes.push(done ? low : low | 0x80);
    if (done) return bytes;
  }
}

/** Types of values, as they are written. */
export const wasmType = { i32: 0x7f, i64: 0x7e, v128: 0x7b } as const;
/** One of {@link wasmType}. */
export type WasmType = (typeof wasmType)[keyof typeof wasmType];

const simd = (opcode: number, ...rest: number[]): number[] => [0xfd, ...leb(opcode), ...rest];

/** Instructions, as the bytes that they are written as. Names that end in 4 are of four 32-bit lanes, in 64 of 64 bits. */
export const op = {
  get: (local: number) => [0x20, ...leb(local)],
  set: (local: number) => [0x21, ...leb(local)],
  tee: (local: number) => [0x22, ...leb(local)],
  constant: (value: number) => [0x41, ...signedLeb(value)],
  add: [0x6a],
  sub: [0x6b],
  and: [0x71],
  shiftLeft: [0x74],
  shiftRight: [0x76],
  isZero: [0x45],
  equal: [0x46],
  lessThan: [0x49],
  greaterOrEqual: [0x4f],
  block: [0x02, 0x40],
  loop: [0x03, 0x40],
  if: [0x04, 0x40],
  else: [0x05],
  end: [0x0b],
  branch: (depth: number) => [0x0c, ...leb(depth)],
  branchIf: (depth: number) => [0x0d, ...leb(depth)],
  call: (index: number) => [0x10, ...leb(index)],
  return: [0x0f],
  /** Loads and stores at an address on the stack and a fixed distance from it. */
  load: (offset = 0) => [0x28, 2, ...leb(offset)],
  store: (offset = 0) => [0x36, 2, ...leb(offset)],
  load64: (offset = 0) => [0x29, 3, ...leb(offset)],
  store64: (offset = 0) => [0x37, 3, ...leb(offset)],
  constant64: (value: number) => [0x42, ...signedLeb(value)],
  /** 32 bits without a sign to 64. */
  widen: [0xad],
  isZero64: [0x50],
  add64: [0x7c],
  sub64: [0x7d],
  mul64: [0x7e],
  div64: [0x80],
  shiftLeft64: [0x86],
  shiftRight64: [0x88],
  /** Loads 16 bytes from a fixed address. */
  load4: (address: number) => [0x41, 0, ...simd(0x00, 4, ...leb(address))],
  swizzleBytes: (lanes: readonly number[]) => simd(0x0d, ...lanes),
  splat4: simd(0x11),
  select4: simd(0x52),
  anyTrue: simd(0x53),
  and4: simd(0x4e),
  or4: simd(0x50),
  xor4: simd(0x51),
  lessOrEqual4: simd(0x3e),
  shiftLeft4: simd(0xab),
  shiftRight4: simd(0xad),
  add4: simd(0xae),
} as const;

/** A function of a module: its parameters are its first locals. */
export interface WasmFunction {
  /** Under which it is exported. */
  readonly name: string;
  readonly parameters: readonly WasmType[];
  readonly results: readonly WasmType[];
  /** Behind the parameters. */
  readonly locals: readonly WasmType[];
  /** Without the `end` of the function. */
  readonly body: readonly number[];
}

const list = (items: readonly (readonly number[])[]): number[] => [
  ...leb(items.length),
  ...items.flat(),
];
const section = (id: number, items: readonly (readonly number[])[]): number[] => {
  const content = list(items);
  return [id, ...leb(content.length), ...content];
};
const name = (text: string): number[] => [...leb(text.length), ...Buffer.from(text, 'latin1')];

/** Locals as runs of one type. */
function runs(types: readonly WasmType[]): number[][] {
  const counted: { type: WasmType; count: number }[] = [];
  for (const type of types) {
    const last = counted.at(-1);
    if (last?.type === type) last.count++;
    else counted.push({ type, count: 1 });
  }
  return counted.map(({ type, count }) => [...leb(count), type]);
}

function codeOf({ locals, body }: WasmFunction): number[] {
  const code = [...list(runs(locals)), ...body, ...op.end];
  return [...leb(code.length), ...code];
}

/** A module with one page of memory that can grow, exported as `memory`, and these functions, each under its name. */
export function encodeModule(functions: readonly WasmFunction[]): Uint8Array {
  const types = functions.map(({ parameters, results }) => [
    0x60,
    ...list(parameters.map((type) => [type])),
    ...list(results.map((type) => [type])),
  ]);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, types),
    ...section(
      3,
      functions.map((_, i) => leb(i)),
    ),
    ...section(5, [[0, 1]]),
    ...section(7, [
      [...name('memory'), 2, 0],
      ...functions.map((f, i) => [...name(f.name), 0, ...leb(i)]),
    ]),
    ...section(10, functions.map(codeOf)),
  ]);
}
