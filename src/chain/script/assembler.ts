import { BitmodelError, EXIT, fromHex, toHex, utf8 } from '../../base/index.js';
import { ByteWriter } from '../codec/ByteWriter.js';
import { OP, opcodeName, opcodeOf } from './opcodes.js';
import { decodeScript, type Instruction, isMinimalPush, pushData, pushNumber } from './push.js';

/** What a `<name>` stands for: bytes to push, or a number to push. */
export type ScriptValue = Uint8Array | bigint | number;

const COMMENT = /(?:\/\/|#)[^\n]*/g;
const DECIMAL = /^-?\d{1,4000}$/;
const PLACEHOLDER = /^<([A-Za-z_][\w.]*)>$/;
const HEX = /^(?:[0-9a-f]{2})*$/i;
const RAW = 'raw:';
/** Longer than any transaction can hold. */
const MAX_SCRIPT = 8_000_000;

/**
 * A script from its text: words parted by white space, `//` and `#` begin a comment.
 *
 * - `OP_DUP` or `DUP`: the opcode
 * - `0x…`: a push of these bytes; `-5`, `1000`: a push of this number; both in the shortest form
 * - `<name>`: a push of `values[name]`
 * - `raw:…`: hex that goes into the script as it stands
 *
 * @throws BitmodelError `BAD_SCRIPT` for a word that is none of these, or a name without a value
 */
export function assemble(
  source: string,
  values: Readonly<Record<string, ScriptValue>> = {},
): Uint8Array {
  const words = source.replace(COMMENT, ' ').split(/\s+/).filter(Boolean);
  const script = new ByteWriter();
  for (const word of words) {
    script.bytes(assembleWord(word, values));
    if (script.length > MAX_SCRIPT) throw bad(`it is longer than ${MAX_SCRIPT} bytes`);
  }
  return script.finish();
}

function assembleWord(word: string, values: Readonly<Record<string, ScriptValue>>): Uint8Array {
  if (DECIMAL.test(word)) return pushNumber(BigInt(word));
  if (word.startsWith('0x')) return pushData(hexOf(word, 2));
  if (word.startsWith(RAW)) return hexOf(word, RAW.length);
  const name = PLACEHOLDER.exec(word)?.[1];
  if (name !== undefined) return pushValue(name, values);
  const opcode = opcodeOf(word);
  if (opcode === undefined) throw bad(`"${word.slice(0, 40)}" is no opcode, number or hex`);
  return Uint8Array.of(opcode);
}

function hexOf(word: string, at: number): Uint8Array {
  if (!HEX.test(word.slice(at)))
    throw bad(`"${word.slice(0, 40)}" is no hexadecimal text of whole bytes`);
  return fromHex(word.slice(at));
}

function pushValue(name: string, values: Readonly<Record<string, ScriptValue>>): Uint8Array {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value === undefined) throw bad(`<${name}> has no value`);
  if (value instanceof Uint8Array) return pushData(value);
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw bad(`<${name}> is ${value}, not an integer`);
  }
  return pushNumber(value);
}

function bad(why: string): BitmodelError {
  return new BitmodelError('BAD_SCRIPT', `The script can't be assembled: ${why}.`, {
    next: 'Write opcode names, 0x… data, decimal numbers or <placeholders> parted by spaces',
    exitCode: EXIT.usage,
  });
}

/**
 * The text of a script: opcode names, `0x…` for pushes, `raw:…` for what {@link assemble} would write
 * differently (longer pushes than needed, unknown opcodes, a cut-off push). Assembling it gives the same bytes.
 */
export function disassemble(script: Uint8Array): string {
  return decodeScript(script)
    .map((instruction) => disassembleInstruction(instruction, script))
    .join(' ');
}

/** The text of one instruction of `script`; see {@link disassemble}. */
export function disassembleInstruction(instruction: Instruction, script: Uint8Array): string {
  const { opcode, data, offset, end } = instruction;
  const raw = () => `${RAW}${toHex(script.subarray(offset, end))}`;
  if (opcode > OP.OP_PUSHDATA4 || opcode === OP.OP_0) return opcodeName(opcode) ?? raw();
  return data !== undefined && isMinimalPush(opcode, data) ? `0x${toHex(data)}` : raw();
}

const QUOTED = /^(["'])(.*)\1$/s;
const NAME = /^[A-Za-z_][\w.]*$/;

/**
 * A named value out of `name=value`, for {@link assemble}: `0x…` or other hexadecimal text is bytes, digits alone
 * are a number, and text in quotes is its UTF-8 bytes.
 * @throws BitmodelError `BAD_SCRIPT_VALUE`
 */
export function parseScriptValue(text: string): [name: string, value: ScriptValue] {
  const at = text.indexOf('=');
  const name = text.slice(0, Math.max(at, 0));
  if (!NAME.test(name)) throw badValue(`"${text.slice(0, 40)}" does not begin with NAME=`);
  const value = text.slice(at + 1);
  const quoted = QUOTED.exec(value)?.[2];
  if (quoted !== undefined) return [name, utf8(quoted)];
  if (DECIMAL.test(value)) return [name, BigInt(value)];
  const digits = value.startsWith('0x') ? value.slice(2) : value;
  if (HEX.test(digits)) return [name, fromHex(digits)];
  throw badValue(`"${value.slice(0, 40)}" is no number, hexadecimal text or text in quotes`);
}

function badValue(why: string): BitmodelError {
  return new BitmodelError('BAD_SCRIPT_VALUE', `A script's value can't be read: ${why}.`, {
    next: 'Write it as name=0x0102, name=1000 or name=\'"text"\'',
    exitCode: EXIT.usage,
  });
}
