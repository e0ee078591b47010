import { toHex } from '../../base/index.js';
import {
  type DebugResult,
  disassembleInstruction,
  hashIterationLimit,
  operationCostLimit,
  readInstruction,
  type ScriptContext,
  type ScriptName,
  scriptRejectReason,
  type TraceStep,
} from '../../chain/index.js';

const OPCODE_WIDTH = 22;
const ELEMENT_WIDTH = 16;
const COST_WIDTH = 11;
const OFFSET_WIDTH = 7;
const SCRIPT_WIDTH = 9;
const HEAD_WIDTH = SCRIPT_WIDTH + OFFSET_WIDTH + 2 + OPCODE_WIDTH + COST_WIDTH + 2;

const number = (value: number): string => value.toLocaleString('en-US');

function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** An element in hex, or its beginning and its length. */
function elementText(element: Uint8Array): string {
  if (element.length === 0) return "''";
  const hex = toHex(element.subarray(0, ELEMENT_WIDTH));
  if (2 * element.length <= ELEMENT_WIDTH) return hex;
  const size = `(${number(element.length)})`;
  return `${hex.slice(0, ELEMENT_WIDTH - 1 - size.length)}…${size}`;
}

/** As many elements from the top as fit, top last. */
export function stackText(stack: readonly Uint8Array[], width: number): string {
  const shown: string[] = [];
  let used = 0;
  for (let i = stack.length - 1; i >= 0; i--) {
    const text = elementText(stack[i]!);
    const more = i > 0 ? 2 : 0;
    if (shown.length > 0 && used + text.length + 1 + more > width) {
      shown.unshift('…');
      break;
    }
    used += text.length + 1;
    shown.unshift(text);
  }
  return shown.join(' ') || 'empty';
}

function scriptOf({ transaction, spentOutputs, inputIndex }: ScriptContext, name: ScriptName) {
  return name === 'unlocking'
    ? transaction.inputs[inputIndex]!.unlockingScript
    : spentOutputs[inputIndex]!.lockingScript;
}

/** The instruction at an offset of one of a context's scripts, as text. */
export function instructionText(context: ScriptContext, name: ScriptName, offset: number): string {
  const script = scriptOf(context, name);
  if (offset >= script.length) return 'the end of the script';
  return disassembleInstruction(readInstruction(script, offset), script);
}

/** What stands above the lines of {@link stepText}. */
export function traceHead(): string {
  const [script, at, opcode, cost] = [
    'script'.padEnd(SCRIPT_WIDTH),
    'byte'.padStart(OFFSET_WIDTH),
    'opcode'.padEnd(OPCODE_WIDTH),
    'cost'.padStart(COST_WIDTH),
  ];
  return `${script}${at}  ${opcode}${cost}  stack, top last`;
}

/** One step for people: where, what, the cost so far, and as much of the stacks as fits into the width. */
export function stepText(context: ScriptContext, step: TraceStep, width: number): string {
  const { script, offset, executed, operationCost } = step;
  const instruction = instructionText(context, script, offset);
  const opcode = shorten(executed ? instruction : `(${instruction})`, OPCODE_WIDTH - 1);
  const room = Math.max(width - HEAD_WIDTH, 16);
  const head = [
    script.padEnd(SCRIPT_WIDTH),
    String(offset).padStart(OFFSET_WIDTH),
    `  ${opcode.padEnd(OPCODE_WIDTH)}`,
    number(operationCost).padStart(COST_WIDTH),
    '  ',
  ].join('');
  const { alternateStack } = step;
  const line = `${head}${stackText(step.stack, room)}`;
  if (alternateStack.length === 0) return line;
  return `${line}\n${'alternate '.padStart(HEAD_WIDTH)}${stackText(alternateStack, room)}`;
}

/** One step as JSON, whole. */
export function stepJson(context: ScriptContext, step: TraceStep): object {
  const { script, offset, executed, operationCost } = step;
  return {
    script,
    offset,
    instruction: instructionText(context, script, offset),
    executed,
    stack: step.stack.map(toHex),
    alternateStack: step.alternateStack.map(toHex),
    operationCost,
  };
}

function limitsOf({ transaction, inputIndex }: ScriptContext) {
  const { length } = transaction.inputs[inputIndex]!.unlockingScript;
  return { cost: operationCostLimit(length), hashes: hashIterationLimit(length) };
}

/** The outcome as JSON. */
export function outcomeJson(context: ScriptContext, debugged: DebugResult): object {
  const { result, steps, stack, alternateStack } = debugged;
  const limits = limitsOf(context);
  return {
    ok: result.ok,
    ...(!result.ok && {
      error: result.error,
      reason: scriptRejectReason(result.error),
      script: result.script,
      offset: result.offset,
      instruction: instructionText(context, result.script, result.offset),
    }),
    operationCost: result.operationCost,
    operationCostLimit: limits.cost,
    hashIterations: result.hashIterations,
    hashIterationLimit: limits.hashes,
    signatureChecks: result.signatureChecks,
    steps,
    stack: stack.map(toHex),
    alternateStack: alternateStack.map(toHex),
  };
}

/** The outcome for people. */
export function outcomeText(context: ScriptContext, debugged: DebugResult, width: number): string {
  const { result, steps, stack } = debugged;
  const limits = limitsOf(context);
  const verdict = result.ok
    ? 'ok'
    : `failed: ${scriptRejectReason(result.error)}\n  at byte ${result.offset} of the ${result.script} script, ${shorten(instructionText(context, result.script, result.offset), 40)}`;
  return [
    verdict,
    `stack  ${stackText(stack, width - 7)}`,
    `cost   ${number(result.operationCost)} of ${number(limits.cost)} in ${number(steps)} steps`,
    `hashes ${number(result.hashIterations)} of ${number(limits.hashes)} rounds, ${number(result.signatureChecks)} signature checks`,
  ].join('\n');
}
