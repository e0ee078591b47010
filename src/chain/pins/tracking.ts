import type { Transaction } from '../codec/transaction.js';
import { type Coin, isUnspendable } from '../consensus/coins.js';
import { pinOf } from './pin.js';

/** A base unit within a transaction's outputs. */
export interface PlacedUnit {
  readonly index: number;
  /** Base units of the output before it. */
  readonly offset: bigint;
}

/**
 * Where a base unit of an input goes: the units of all inputs, in order, fill the outputs, in order, first in first
 * out, as with ordinals.
 * @param inputValues of all inputs, in order
 * @param inputIndex the input that held the unit
 * @param offset base units of that input before it
 * @returns undefined when it goes to the fee or into an output that nobody can spend: it is lost
 */
export function followUnit(
  transaction: Transaction,
  inputValues: readonly bigint[],
  inputIndex: number,
  offset: bigint,
): PlacedUnit | undefined {
  let left = inputValues.slice(0, inputIndex).reduce((sum, value) => sum + value, offset);
  for (const [index, { value, lockingScript }] of transaction.outputs.entries()) {
    if (left < value) return isUnspendable(lockingScript) ? undefined : { index, offset: left };
    left -= value;
  }
  return undefined;
}

/**
 * Outputs of a transaction that may hold a pin once it is in a block: where a pin that it makes lies, and where any base
 * unit of an input that carries pins goes.
 * @param spent one per input, in order
 */
export function mayHoldPins(transaction: Transaction, spent: readonly Coin[]): Set<number> {
  const found = new Set<number>();
  if (pinOf(transaction)) found.add(0);
  let start = 0n;
  for (const { output, carriesPins } of spent) {
    const end = start + output.value;
    let outputStart = 0n;
    for (const [index, { value }] of transaction.outputs.entries()) {
      const outputEnd = outputStart + value;
      if (carriesPins && outputStart < end && start < outputEnd) found.add(index);
      outputStart = outputEnd;
    }
    start = end;
  }
  return found;
}
