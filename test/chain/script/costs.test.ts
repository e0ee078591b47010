import { describe, expect, it } from 'vitest';
import {
  decodeNumber,
  OP,
  opcodeName,
  type ScriptContext,
  signatureHashPreimage,
  type TraceStep,
  verifyInput,
} from '#src/chain/index.js';
import { hashIterations } from '#src/chain/script/limits.js';
import { OPERATIONS } from '#src/chain/script/operations/table.js';
import { readInstruction } from '#src/chain/script/push.js';
import { OPCODE_VECTORS, vectorContext } from './vectors.js';

type Stack = readonly Uint8Array[];
type Elements = Record<string, Uint8Array>;

/** Names of a stack picture on the elements of a stack, from the top down to where it says `…`. */
function named(picture: string, stack: Stack): Elements {
  const names = picture.trim().split(/\s+/).filter(Boolean);
  const elements: Elements = {};
  for (let depth = 0; depth < names.length; depth++) {
    const name = names[names.length - 1 - depth]!;
    const element = stack[stack.length - 1 - depth];
    if (name.includes('…') || element === undefined) break;
    elements[name] = element;
  }
  return elements;
}

/** Bytes that a signature on the stack signs. */
function preimageLength(context: ScriptContext, codeStart: number, signature: Uint8Array): number {
  const { lockingScript } = context.spentOutputs[context.inputIndex]!;
  const code = lockingScript.subarray(codeStart);
  return signatureHashPreimage(context, code, signature.at(-1)!).length;
}

const rounds = (length: number): number => 64 * hashIterations(length);
const multiply = (a: number, b: number): number => a * b;

/** The value of one term of a cost column, such as `2|c|`, `|a|·|b|`, `64·rounds(|a|)` or `n`. */
function term(text: string, elements: Elements, lengths: Readonly<Record<string, number>>): number {
  const length = (name: string): number => lengths[name] ?? elements[name]!.length;
  const hashed = /^64·rounds\(\|(\w+)\|\)$/.exec(text);
  if (hashed) return rounds(length(hashed[1]!));
  const factors = text.match(/[\d,]+|\|\w+\||\w+/g) ?? [];
  return factors
    .map((factor) => {
      if (/^[\d,]+$/.test(factor)) return Number(factor.replaceAll(',', ''));
      if (factor.startsWith('|')) return length(factor.slice(1, -1));
      return Number(decodeNumber(elements[factor]!));
    })
    .reduce(multiply, 1);
}

/** What the docs say that a step costs beside the 100 of every opcode. */
function documented(
  step: TraceStep,
  before: Stack,
  context: ScriptContext,
  codeStart: number,
): number {
  if (!step.executed) return 0;
  if (step.opcode <= OP.OP_PUSHDATA4) return step.stack.at(-1)!.length;
  const { stack, cost } = operationOf(step.opcode);
  const [left, right] = stack.split('→') as [string, string];
  const elements = { ...named(right.split(' or ')[0]!, step.stack), ...named(left, before) };
  // an opcode that verifies pays for the true that it takes
  const lengths: Record<string, number> = right.includes('bool') ? {} : { bool: 1 };
  const [formula, unless] = cost.split(', 0 for ') as [string, string | undefined];
  const multisig = stack.startsWith('0 sig');
  if (multisig)
    return multisigCost(before, lengths.bool ?? step.stack.at(-1)!.length, context, codeStart);
  const { sig } = elements;
  if (unless !== undefined && sig!.length === 0) return lengths.bool ?? 0;
  if (formula.includes('preimage')) lengths.preimage = preimageLength(context, codeStart, sig!);
  return formula
    .split(' + ')
    .map((text) => term(text, elements, lengths))
    .reduce((sum, value) => sum + value);
}

/** `|bool| + 26,000·n + m·(64·rounds(|preimage|) + 64), 0 for empty signatures` */
function multisigCost(
  before: Stack,
  bool: number,
  context: ScriptContext,
  codeStart: number,
): number {
  const keys = Number(decodeNumber(before.at(-1)!));
  const count = Number(decodeNumber(before.at(-2 - keys)!));
  const signatures = before.slice(before.length - 2 - keys - count, before.length - 2 - keys);
  if (signatures.every(({ length }) => length === 0)) return bool;
  const hashing = signatures.map((sig) => rounds(preimageLength(context, codeStart, sig)) + 64);
  return bool + 26_000 * keys + hashing.reduce((sum, value) => sum + value, 0);
}

/** An opcode's row, or the one that its cost refers to. */
function operationOf(opcode: number): { readonly stack: string; readonly cost: string } {
  const operation = OPERATIONS[opcode]!;
  const other = /^As (OP_\w+)$/.exec(operation.cost)?.[1];
  if (other === undefined) return operation;
  return { stack: operation.stack, cost: OPERATIONS[OP[other as keyof typeof OP]]!.cost };
}

/** Runs a vector and holds every step against its row; counts the opcodes seen. */
function check(vector: string, seen: Set<string>): void {
  const context = vectorContext(vector);
  const { lockingScript } = context.spentOutputs[context.inputIndex]!;
  let before: Stack = [];
  let paid = 0;
  let codeStart = 0;
  verifyInput(context, {}, (live) => {
    const step = { ...live };
    const name = opcodeName(step.opcode) ?? 'push';
    const expected = paid + 100 + documented(step, before, context, codeStart);
    expect(step.operationCost, `${name} at ${step.offset} of ${vector}`).toBe(expected);
    if (step.executed) seen.add(name);
    if (step.executed && step.opcode === OP.OP_CODESEPARATOR) {
      codeStart = readInstruction(lockingScript, step.offset).end;
    }
    before = step.stack;
    paid = step.operationCost;
  });
}

describe('the cost column of docs/opcodes.md', () => {
  it('is what the machine charges, for every opcode that does not just fail', () => {
    const seen = new Set<string>();
    for (const { pass, fail } of Object.values(OPCODE_VECTORS)) {
      for (const vector of [...pass, ...fail.map(([script]) => script!)]) check(vector, seen);
    }
    const unseen = Object.keys(OPCODE_VECTORS).filter((name) => !seen.has(name));
    expect(unseen.sort()).toEqual(['OP_RESERVED', 'OP_RESERVED1', 'OP_RESERVED2', 'OP_RETURN']);
  });

  it('has a source for each that can be looked up', () => {
    for (const operation of OPERATIONS) {
      if (!operation) continue;
      expect(operation.source).toMatch(
        /Bitcoin 0\.1|BIP\d+|BCH, (May|November) 20\d\d|CHIP-20\d\d-\d\d|DESIGN \d/,
      );
    }
  });
});
