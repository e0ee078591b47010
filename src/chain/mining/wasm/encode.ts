/** Just enough of WebAssembly's binary format (the core specification, version 2, with SIMD) for one function. */

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

/** A signed LEB128 of 32 bits. */
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

const I32 = 0x7f;
const V128 = 0x7b;

const simd = (opcode: number, ...rest: number[]): number[] => [0xfd, ...leb(opcode), ...rest];

/** Instructions, as the bytes that they are written as. */
export const op = {
  get: (local: number) => [0x20, ...leb(local)],
  set: (local: number) => [0x21, ...leb(local)],
  tee: (local: number) => [0x22, ...leb(local)],
  constant: (value: number) => [0x41, ...signedLeb(value)],
  add: [0x6a],
  sub: [0x6b],
  isZero: [0x45],
  loop: [0x03, 0x40],
  if: [0x04, 0x40],
  end: [0x0b],
  branchIf: (depth: number) => [0x0d, ...leb(depth)],
  return: [0x0f],
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

const section = (id: number, content: readonly number[]): number[] => [
  id,
  ...leb(content.length),
  ...content,
];
const name = (text: string): number[] => [...leb(text.length), ...Buffer.from(text, 'latin1')];

/**
 * A module with one page of memory, exported as `memory`, and one function of 32-bit parameters that gives back one,
 * exported as `run`.
 * @param locals how many 128-bit locals come behind the parameters
 */
export function encodeModule(
  parameters: number,
  locals: number,
  body: readonly number[],
): Uint8Array {
  const code = [1, ...leb(locals), V128, ...body, 0x0b];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, parameters, ...Array<number>(parameters).fill(I32), 1, I32]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]),
    ...section(7, [2, ...name('memory'), 2, 0, ...name('run'), 0, 0]),
    ...section(10, [1, ...leb(code.length), ...code]),
  ]);
}
