import { toHex } from '../../base/index.js';
import { scriptAddress } from '../address/address.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import { decodeNumber } from '../script/number.js';
import { OP, opcodeName } from '../script/opcodes.js';
import { type Instruction, readInstruction } from '../script/push.js';
import { classifyScript } from '../script/standard.js';

/** Pushes up to this many bytes are shown as numbers, as Bitcoin Core does. */
const LONGEST_NUMBER = 4;

function instructionText({ opcode, data }: Instruction): string {
  if (opcode > OP.OP_PUSHDATA4) {
    const isSmall = opcode === OP.OP_1NEGATE || (opcode >= OP.OP_1 && opcode <= OP.OP_16);
    return isSmall ? `${opcode - OP.OP_1 + 1}` : (opcodeName(opcode) ?? 'OP_UNKNOWN');
  }
  if (opcode === OP.OP_0) return '0';
  if (data === undefined) return '[error]';
  return data.length > LONGEST_NUMBER ? toHex(data) : `${decodeNumber(data)}`;
}

/** Longest text of a script in instructions; Bitcoin's scripts have at most as many bytes. */
const LONGEST_ASM = 10_000;

/**
 * A script's text as Bitcoin Core writes `asm`: names of opcodes, short pushes as numbers, longer ones as hex. It is for
 * reading, and ends with `[...]` where it is cut; `bitmodel script disasm` gives a text that can be assembled again.
 */
export function scriptAsm(script: Uint8Array): string {
  const words: string[] = [];
  let offset = 0;
  while (offset < script.length && words.length < LONGEST_ASM) {
    const instruction = readInstruction(script, offset);
    words.push(instructionText(instruction));
    offset = instruction.end;
  }
  if (offset < script.length) words.push('[...]');
  return words.join(' ');
}

/** A locking script as Bitcoin Core's `scriptPubKey`. */
export function scriptView(script: Uint8Array, parameters: NetworkParameters): object {
  const address = scriptAddress(script, parameters);
  return {
    asm: scriptAsm(script),
    hex: toHex(script),
    ...(address === undefined ? {} : { address }),
    type: classifyScript(script).type,
  };
}
