import {
  assemble,
  type ScriptContext,
  type ScriptFlags,
  type ScriptResult,
  type ScriptValue,
  type Transaction,
  type TransactionOutput,
  verifyInput,
} from '#src/chain/index.js';

/** A version 10 transaction of two inputs and two outputs whose every field differs from every other. */
export const TRANSACTION: Transaction = {
  version: 10,
  inputs: [
    {
      outpoint: { hash: new Uint8Array(32).fill(0xa1), index: 3 },
      unlockingScript: new Uint8Array(0),
      sequence: 70_005,
    },
    {
      outpoint: { hash: new Uint8Array(32).fill(0xa2), index: 4 },
      unlockingScript: Uint8Array.of(0x51),
      sequence: 0xffff_fffe,
    },
  ],
  outputs: [
    { value: 1_000n, lockingScript: Uint8Array.of(0x51, 0x52) },
    { value: 2_000n, lockingScript: Uint8Array.of(0x53, 0x54, 0x55) },
  ],
  lockTime: 1_234,
  jobId: new Uint8Array(32).fill(0x0b),
};

export interface Case {
  readonly unlocking?: string;
  readonly values?: Record<string, ScriptValue>;
  readonly transaction?: Partial<Transaction>;
  readonly sequence?: number;
  readonly inputIndex?: number;
  readonly value?: bigint;
}

/** Context of spending `locking` by input 0 (or `inputIndex`) of the transaction above. */
export function contextOf(locking: string | Uint8Array, options: Case = {}): ScriptContext {
  const { unlocking = '', values = {}, inputIndex = 0 } = options;
  const lockingScript = typeof locking === 'string' ? assemble(locking, values) : locking;
  const base = { ...TRANSACTION, ...options.transaction };
  const inputs = base.inputs.map((input, index) =>
    index === inputIndex
      ? {
          ...input,
          unlockingScript: assemble(unlocking, values),
          sequence: options.sequence ?? input.sequence,
        }
      : input,
  );
  const spentOutputs: TransactionOutput[] = inputs.map((_, index) =>
    index === inputIndex
      ? { value: options.value ?? 5_000n, lockingScript }
      : { value: 6_000n, lockingScript: Uint8Array.of(0x51) },
  );
  return { transaction: { ...base, inputs }, inputIndex, spentOutputs };
}

/** Runs `unlocking` against `locking`. */
export function run(
  locking: string | Uint8Array,
  options: Case = {},
  flags: Partial<ScriptFlags> = {},
): ScriptResult {
  return verifyInput(contextOf(locking, options), flags);
}

/** `ok`, or the error's code. */
export function outcome(result: ScriptResult): string {
  return result.ok ? 'ok' : result.error;
}
