import type { Transaction, TransactionOutput } from '../../codec/transaction.js';
import { verifyInput } from '../interpreter.js';
import { LIMITS } from '../limits.js';
import { pushData } from '../push.js';

/** Operation cost that one byte of a padding push pays for: 800, less what pushing and copying it costs. */
const COST_PER_PADDING = LIMITS.costPerByte - 8;
const HASH_ITERATIONS_PER_BYTE = 3.5;
/** Passes until no script's padding makes another one dearer. */
const PASSES = 4;

/** A push of so many zero bytes. */
export const paddingPush = (length: number): Uint8Array => pushData(new Uint8Array(length));

/** Bytes of padding that an input needs beyond its unlocking script, from what it costs when cost is not limited. */
function missingBytes(
  transaction: Transaction,
  spentOutputs: readonly TransactionOutput[],
  inputIndex: number,
): number {
  const context = { transaction, inputIndex, spentOutputs };
  const { operationCost, hashIterations } = verifyInput(context, { cost: false });
  const paid = LIMITS.inputOverhead + transaction.inputs[inputIndex]!.unlockingScript.length;
  const short = Math.max(
    (operationCost - paid * LIMITS.costPerByte) / COST_PER_PADDING,
    hashIterations / HASH_ITERATIONS_PER_BYTE - paid,
  );
  return Math.max(0, Math.ceil(short));
}

/**
 * Lengths of padding for a transaction's first inputs whose contracts loop, so that each pays for its own work
 * (DESIGN 4.3). Scripts that read each other's unlocking scripts make each other dearer: it is measured until it holds.
 * @param unlock an input's unlocking script around so much padding
 */
export function paddingFor(
  draft: Transaction,
  spentOutputs: readonly TransactionOutput[],
  count: number,
  unlock: (index: number, padding: number) => Uint8Array,
): number[] {
  const padding = Array.from({ length: count }, () => 0);
  for (let pass = 0; pass < PASSES; pass++) {
    const inputs = draft.inputs.map((input, index) =>
      index < count ? { ...input, unlockingScript: unlock(index, padding[index]!) } : input,
    );
    const transaction = { ...draft, inputs };
    const missing = padding.map((_, index) => missingBytes(transaction, spentOutputs, index));
    if (missing.every((bytes) => bytes === 0)) break;
    for (const [index, bytes] of missing.entries()) padding[index]! += bytes;
  }
  return padding;
}
