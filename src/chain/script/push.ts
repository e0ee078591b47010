import { encodeNumber } from './number.js';
import { DIRECT_PUSH_LIMIT, OP } from './opcodes.js';

/** One opcode of a script with the data it pushes, if it is a push. */
export interface Instruction {
  readonly opcode: number;
  /** What a push opcode pushes; absent for every other opcode and for a push that the script cuts short. */
  readonly data?: Uint8Array;
  /** Where the opcode byte stands in the script. */
  readonly offset: number;
  /** First byte after the instruction. */
  readonly end: number;
}

/** The shortest instruction that pushes these bytes: OP_0, OP_1NEGATE, OP_1 to OP_16 where they do. */
export function pushData(data: Uint8Array): Uint8Array {
  const { length } = data;
  if (length === 0) return Uint8Array.of(OP.OP_0);
  if (length === 1 && data[0]! >= 1 && data[0]! <= 16) return Uint8Array.of(OP.OP_1 - 1 + data[0]!);
  if (length === 1 && data[0] === 0x81) return Uint8Array.of(OP.OP_1NEGATE);
  const head = pushHead(length);
  const out = new Uint8Array(head.length + length);
  out.set(head);
  out.set(data, head.length);
  return out;
}

/** Opcode and length bytes of the shortest push of this many bytes of data. */
export function pushHead(length: number): number[] {
  if (length <= DIRECT_PUSH_LIMIT) return [length];
  if (length <= 0xff) return [OP.OP_PUSHDATA1, length];
  if (length <= 0xffff) return [OP.OP_PUSHDATA2, length & 0xff, length >> 8];
  return [
    OP.OP_PUSHDATA4,
    length & 0xff,
    (length >>> 8) & 0xff,
    (length >>> 16) & 0xff,
    length >>> 24,
  ];
}

/** The shortest instruction that pushes this number. */
export function pushNumber(value: bigint | number): Uint8Array {
  return pushData(encodeNumber(BigInt(value)));
}

/** Whether `opcode`, one of 0x00 to 0x4e, is the shortest way to push `data`. */
export function isMinimalPush(opcode: number, data: Uint8Array): boolean {
  const { length } = data;
  if (length === 0) return opcode === OP.OP_0;
  if (length === 1 && ((data[0]! >= 1 && data[0]! <= 16) || data[0] === 0x81)) return false;
  return opcode === pushHead(length)[0];
}

/** How many length bytes follow a push opcode, and how much data those and the opcode announce. */
function announced(script: Uint8Array, offset: number): { head: number; length: number } {
  const opcode = script[offset]!;
  if (opcode <= DIRECT_PUSH_LIMIT) return { head: 1, length: opcode };
  const width = opcode === OP.OP_PUSHDATA1 ? 1 : opcode === OP.OP_PUSHDATA2 ? 2 : 4;
  let length = 0;
  for (let i = width; i >= 1; i--) length = length * 256 + (script[offset + i] ?? Infinity);
  return { head: 1 + width, length };
}

/**
 * The instruction at `offset` (below the script's length). A push whose length or data runs over the end
 * comes without data and takes all the rest.
 */
export function readInstruction(script: Uint8Array, offset: number): Instruction {
  const opcode = script[offset]!;
  if (opcode > OP.OP_PUSHDATA4) return { opcode, offset, end: offset + 1 };
  const { head, length } = announced(script, offset);
  const end = offset + head + length;
  if (!(end <= script.length)) return { opcode, offset, end: script.length };
  return { opcode, data: script.subarray(offset + head, end), offset, end };
}

/** All instructions of a script, in order. Never fails: see {@link readInstruction} for a cut-off push. */
export function decodeScript(script: Uint8Array): Instruction[] {
  const instructions: Instruction[] = [];
  for (let offset = 0; offset < script.length; offset = instructions.at(-1)!.end) {
    instructions.push(readInstruction(script, offset));
  }
  return instructions;
}

/** Whether a script holds nothing but pushes (OP_RESERVED counts as one, as in Bitcoin), none cut short. */
export function isPushOnly(script: Uint8Array): boolean {
  for (let offset = 0; offset < script.length; ) {
    const { opcode, data, end } = readInstruction(script, offset);
    if (opcode > OP.OP_16 || (opcode <= OP.OP_PUSHDATA4 && data === undefined)) return false;
    offset = end;
  }
  return true;
}
