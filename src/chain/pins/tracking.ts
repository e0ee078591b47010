import type { Transaction } from '../codec/transaction.js';
import { isUnspendable } from '../consensus/coins.js';

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
