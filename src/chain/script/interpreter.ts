import type { ScriptContext } from './context.js';
import { type ScriptErrorCode, ScriptFailure } from './errors.js';
import { CONSENSUS_FLAGS, type ScriptFlags } from './flags.js';
import { LIMITS } from './limits.js';
import { isTruthy } from './number.js';
import { OP } from './opcodes.js';
import { OPERATIONS } from './operations/table.js';
import { isMinimalPush, isPushOnly, readInstruction } from './push.js';
import { ScriptState } from './ScriptState.js';

/** Which of the two scripts of an input. */
export type ScriptName = 'unlocking' | 'locking';

/** The machine after one opcode, for a debugger: to be read, or copied with `{...step}`, before the next one. */
export interface TraceStep {
  readonly script: ScriptName;
  /** Where the opcode stands. */
  readonly offset: number;
  readonly opcode: number;
  /** False in a branch that is skipped. */
  readonly executed: boolean;
  /** Both stacks, top last. */
  readonly stack: readonly Uint8Array[];
  readonly alternateStack: readonly Uint8Array[];
  /** Cost so far. */
  readonly operationCost: number;
}

/** Called after every opcode that did not fail. */
export type ScriptTrace = (step: TraceStep) => void;

interface ScriptMeters {
  /** Cost of all opcodes, pushed bytes, hashes and signature checks (DESIGN 4.3). */
  readonly operationCost: number;
  readonly hashIterations: number;
  readonly signatureChecks: number;
}

/** Whether an input's scripts succeeded, where they failed if not, and what they cost. */
export type ScriptResult =
  | ({ readonly ok: true } & ScriptMeters)
  | ({
      readonly ok: false;
      readonly error: ScriptErrorCode;
      /** In which script, and at which byte of it, it failed. */
      readonly script: ScriptName;
      readonly offset: number;
    } & ScriptMeters);

/**
 * Whether an input may spend its output: runs the unlocking script, then the locking script on the stack that
 * it left. Bounded in time and memory by the cost rules, for any bytes. Never throws for what was decoded; an output
 * made by hand may carry a token that no bytes can state.
 * @param flags rules to switch off; all are on unless stated
 * @throws BitmodelError `BAD_TOKEN` of such a token, when a signature covers it
 */
export function verifyInput(
  context: ScriptContext,
  flags: Partial<ScriptFlags> = {},
  trace?: ScriptTrace,
): ScriptResult {
  const input = context.transaction.inputs[context.inputIndex];
  const output = context.spentOutputs[context.inputIndex];
  const rules: ScriptFlags = { ...CONSENSUS_FLAGS, ...flags };
  const unlocking = input?.unlockingScript ?? new Uint8Array(0);
  const state = new ScriptState(context, rules, unlocking.length);
  let running: ScriptName = 'unlocking';
  try {
    if (!input || !output) return state.fail('no-input');
    if (rules.pushOnly && !isPushOnly(unlocking)) state.fail('sig-pushonly');
    runScript(state, unlocking, running, trace);
    running = 'locking';
    runScript(state, output.lockingScript, running, trace);
    checkEnd(state);
  } catch (thrown) {
    if (!(thrown instanceof ScriptFailure)) throw thrown;
    return {
      ok: false,
      error: thrown.code,
      script: running,
      offset: state.offset,
      ...meters(state),
    };
  }
  return { ok: true, ...meters(state) };
}

function meters(state: ScriptState): ScriptMeters {
  const { operationCost, hashIterations, signatureChecks } = state;
  return { operationCost, hashIterations, signatureChecks };
}

function runScript(
  state: ScriptState,
  script: Uint8Array,
  name: ScriptName,
  trace: ScriptTrace | undefined,
): void {
  state.enter(script);
  while (state.next < script.length) {
    state.offset = state.next;
    state.charge(LIMITS.opcodeCost);
    const executed = step(state, script);
    if (trace) traceStep(state, name, executed, trace);
  }
  state.checkClosed();
}

/** Runs the opcode at `state.next`; tells whether its branch is active. */
function step(state: ScriptState, script: Uint8Array): boolean {
  const { active } = state;
  const opcode = script[state.next]!;
  if (opcode <= OP.OP_PUSHDATA4) {
    stepPush(state, script, active);
    return active;
  }
  state.next++;
  const operation = OPERATIONS[opcode];
  if (!active && operation?.always !== true) return false;
  if (operation === undefined) return state.fail('bad-opcode');
  operation.run(state);
  return active;
}

function stepPush(state: ScriptState, script: Uint8Array, active: boolean): void {
  const { opcode, data, end } = readInstruction(script, state.next);
  if (data === undefined) state.fail('bad-opcode');
  if (data.length > LIMITS.element) state.fail('push-size');
  state.next = end;
  if (!active) return;
  if (state.flags.minimalPush && !isMinimalPush(opcode, data)) state.fail('minimaldata');
  state.push(data);
}

function traceStep(
  state: ScriptState,
  script: ScriptName,
  executed: boolean,
  trace: ScriptTrace,
): void {
  trace({
    script,
    offset: state.offset,
    opcode: state.script[state.offset]!,
    executed,
    // copied when asked for: a deep stack at every step would take longer than its script
    get stack() {
      return state.stack.slice();
    },
    get alternateStack() {
      return state.alternate.slice();
    },
    operationCost: state.operationCost,
  });
}

function checkEnd(state: ScriptState): void {
  const top = state.stack.at(-1);
  if (top === undefined || !isTruthy(top)) state.fail('eval-false');
  if (state.flags.cleanStack && state.stack.length !== 1) state.fail('cleanstack');
}
