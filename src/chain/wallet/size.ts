import { ByteWriter } from '../codec/ByteWriter.js';
import {
  encodeTransaction,
  type Transaction,
  type TransactionOutput,
  writeOutput,
} from '../codec/transaction.js';

/** What outputs are worth together, base units. */
export function totalValue(outputs: readonly { readonly value: bigint }[]): bigint {
  return outputs.reduce((sum, { value }) => sum + value, 0n);
}

/**
 * Base units paid per byte of a transaction, unless a command is told otherwise (`--fee-rate`): the least that nodes
 * relay.
 */
export const FEE_RATE = 1n;

/**
 * No output of less than this many base units is made: spending it would cost a good part of it. Bitcoin's value for
 * P2PKH, three times the fee of an input and an output at 1 unit per byte.
 */
export const DUST = 546n;

/**
 * Least value of an output by the same rule, for one that may carry a token: what it takes to make and spend it,
 * thrice, at 1 unit per byte. 546 for plain P2PKH.
 */
export function dustOf(output: TransactionOutput): bigint {
  const writer = new ByteWriter(256);
  writeOutput(writer, output);
  return 3n * BigInt(writer.finish().length + P2PKH_INPUT_SIZE);
}

/** Largest unlocking script of P2PKH: a push of a 72-byte signature and one of a 33-byte key. */
export const P2PKH_UNLOCKING_SIZE = 107;
/** Bytes of an input that spends P2PKH, and of an output that pays to it. */
export const P2PKH_INPUT_SIZE = 148;
/** Bytes of an output that pays to a public key's hash. */
export const P2PKH_OUTPUT_SIZE = 34;

/** Bytes of a transaction once its inputs are unlocked by scripts of these sizes. */
export function sizeWhenUnlocked(
  transaction: Transaction,
  unlockingSizes: readonly number[],
): number {
  const inputs = transaction.inputs.map((input, i) => ({
    ...input,
    unlockingScript: new Uint8Array(unlockingSizes[i] ?? P2PKH_UNLOCKING_SIZE),
  }));
  return encodeTransaction({ ...transaction, inputs }).length;
}
