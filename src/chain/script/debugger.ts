import type { ScriptContext } from './context.js';
import { CONSENSUS_FLAGS } from './flags.js';
import { type ScriptResult, type ScriptTrace, verifyInput } from './interpreter.js';

/** How the scripts of an input ended, and what they left on the stacks. */
export interface DebugResult {
  readonly result: ScriptResult;
  /** Opcodes that ran without failing, in both scripts. */
  readonly steps: number;
  /** Both stacks, top last, as the last of them left them. */
  readonly stack: readonly Uint8Array[];
  readonly alternateStack: readonly Uint8Array[];
}

/**
 * Runs an input's scripts under the rules of the chain, twice: once to learn where they end, so that the stacks
 * there can be kept without a copy at every step, and once to watch.
 * @param trace sees every step of the second run
 */
export function debugInput(context: ScriptContext, trace?: ScriptTrace): DebugResult {
  let steps = 0;
  verifyInput(context, CONSENSUS_FLAGS, () => {
    steps++;
  });
  let stack: readonly Uint8Array[] = [];
  let alternateStack = stack;
  let step = 0;
  const result = verifyInput(context, CONSENSUS_FLAGS, (state) => {
    trace?.(state);
    if (++step === steps) ({ stack, alternateStack } = state);
  });
  return { result, steps, stack, alternateStack };
}
