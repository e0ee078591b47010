import type { Transaction } from '../codec/transaction.js';
import { type Coin, isUnspendable } from '../consensus/coins.js';
import { pinOf } from './pin.js';

/** A base unit within a transaction's outputs. */
export interface PlacedUnit {
  readonly index: number;
  /** Base units of the output before it. */
  readonly offset: bigint;
}

/** Where each value ends when all are laid one behind the other. */
function ends(values: Iterable<bigint>): bigint[] {
  const found: bigint[] = [];
  let end = 0n;
  for (const value of values) {
    end += value;
    found.push(end);
  }
  return found;
}

/** Index of the first end beyond a place; the number of them when there is none. */
function firstBeyond(all: readonly bigint[], place: bigint): number {
  let low = 0;
  let high = all.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (all[middle]! > place) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Where the base units of a transaction's inputs go: the units of all inputs, in order, fill the outputs, in order, first
 * in first out, as with ordinals. The sums are made once, so that a thousand pins cost no more than the transaction.
 */
export class UnitFlow {
  readonly #transaction: Transaction;
  readonly #inputEnds: readonly bigint[];
  readonly #outputEnds: readonly bigint[];

  /** @param inputValues of all inputs, in order */
  constructor(transaction: Transaction, inputValues: readonly bigint[]) {
    this.#transaction = transaction;
    this.#inputEnds = ends(inputValues);
    this.#outputEnds = ends(transaction.outputs.map(({ value }) => value));
  }

  /**
   * Where one unit goes.
   * @param offset base units of that input before it
   * @returns undefined when it goes to the fee or into an output that nobody can spend: it is lost
   */
  follow(inputIndex: number, offset: bigint): PlacedUnit | undefined {
    const place = (this.#inputEnds[inputIndex - 1] ?? 0n) + offset;
    const index = firstBeyond(this.#outputEnds, place);
    const output = this.#transaction.outputs[index];
    if (!output || isUnspendable(output.lockingScript)) return undefined;
    return { index, offset: place - (this.#outputEnds[index - 1] ?? 0n) };
  }

  /** First and last of the outputs that the units of an input reach; none when it goes to the fee or is worth nothing. */
  reach(inputIndex: number): readonly [first: number, last: number] | undefined {
    const start = this.#inputEnds[inputIndex - 1] ?? 0n;
    const end = this.#inputEnds[inputIndex]!;
    const first = firstBeyond(this.#outputEnds, start);
    if (end === start || first === this.#outputEnds.length) return undefined;
    return [first, Math.min(firstBeyond(this.#outputEnds, end - 1n), this.#outputEnds.length - 1)];
  }
}

/** By transaction, since whoever lists its outputs asks once for each. */
const KNOWN = new WeakMap<Transaction, ReadonlySet<number>>();

/**
 * Outputs of a transaction that may hold a pin once it is in a block: where a pin that it makes lies, and where any base
 * unit of an input that carries pins goes.
 * @param spent one per input, in order; always the same for one transaction object
 */
export function mayHoldPins(transaction: Transaction, spent: readonly Coin[]): ReadonlySet<number> {
  const known = KNOWN.get(transaction);
  if (known) return known;
  const found = new Set<number>();
  if (pinOf(transaction)) found.add(0);
  if (spent.some(({ carriesPins }) => carriesPins)) {
    const flow = new UnitFlow(
      transaction,
      spent.map(({ output }) => output.value),
    );
    for (const [inputIndex, { carriesPins }] of spent.entries()) {
      const reached = carriesPins ? flow.reach(inputIndex) : undefined;
      if (!reached) continue;
      for (let index = reached[0]; index <= reached[1]; index++) found.add(index);
    }
  }
  KNOWN.set(transaction, found);
  return found;
}
