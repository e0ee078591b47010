import { toHex } from '../../../base/index.js';
import type { ScriptValue } from '../assembler.js';

/** Assembler text that leaves one element on the stack, or a value to push. */
export type Expression = string | ScriptValue;

/** The assembler text of an expression: bytes as `0x…`, numbers as decimals, text as it stands. */
export function expression(value: Expression): string {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? `0x${toHex(value)}` : value.toString();
}

/** Parts of a contract one after the other, one a line; empty ones are left out. */
export function joinParts(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('\n');
}
