import { createVirtualMachineBCH2023, createVirtualMachineBCHCHIPs } from '@bitauth/libauth';
import {
  type ScriptContext,
  type ScriptErrorCode,
  type TransactionOutput,
  verifyInput,
} from '#src/chain/index.js';

const machines = {
  bch: createVirtualMachineBCH2023(false),
  /** Has loops, as they stood in CHIP-2021-05 with its own bound on repeated bytes. */
  chips: createVirtualMachineBCHCHIPs(false),
};

function outputOf({ value, lockingScript, token }: TransactionOutput) {
  return {
    valueSatoshis: value,
    lockingBytecode: lockingScript,
    // libauth holds categories as they print
    ...(token && { token: { ...token, category: token.category.slice().reverse() } }),
  };
}

/** Our context in libauth's words. */
export function programOf({ transaction, inputIndex, spentOutputs }: ScriptContext) {
  return {
    inputIndex,
    sourceOutputs: spentOutputs.map(outputOf),
    transaction: {
      version: transaction.version,
      locktime: transaction.lockTime,
      inputs: transaction.inputs.map((input) => ({
        // libauth holds hashes as they print
        outpointTransactionHash: input.outpoint.hash.slice().reverse(),
        outpointIndex: input.outpoint.index,
        sequenceNumber: input.sequence,
        unlockingBytecode: input.unlockingScript,
      })),
      outputs: transaction.outputs.map(outputOf),
    },
  };
}

export interface Evaluation {
  readonly stack: readonly Uint8Array[];
  readonly error: string | undefined;
}

/** What libauth's machine makes of the input's scripts: the stack they leave, or its error. */
export function evaluateWithLibauth(
  context: ScriptContext,
  machine: keyof typeof machines = 'bch',
): Evaluation {
  const { stack, error, controlStack } = machines[machine].evaluate(programOf(context));
  const open = controlStack.length > 0 ? 'a conditional or loop is open' : undefined;
  return { stack, error: error ?? open };
}

/** libauth's numbers end at 8 bytes, its elements at 520: what only differs there is no comparison. */
export const NARROWER =
  /exceeds the range of VM Numbers|maximum VM Number length|520 bytes|maximum stack/;

const AT_THE_END: readonly ScriptErrorCode[] = ['eval-false', 'cleanstack'];

/** The stack that our machine leaves, or its error; what is demanded of the last stack is left out. */
export function evaluate(context: ScriptContext): Evaluation & { readonly longest: number } {
  let stack: readonly Uint8Array[] = [];
  let longest = 0;
  const result = verifyInput(context, { cost: false }, (step) => {
    stack = step.stack;
    longest = Math.max(longest, ...stack.map((element) => element.length));
  });
  const completed = result.ok || AT_THE_END.includes(result.error);
  return { stack, longest, error: completed ? undefined : result.error };
}
