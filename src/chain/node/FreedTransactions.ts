import type { Block } from '../codec/block.js';
import type { Transaction } from '../codec/transaction.js';

/** Bytes of memory that a reorganisation's transactions may take until they are tried again; Bitcoin Core's. */
const MOST_MEMORY = 20_000_000;

/** About what a transaction, an input and an output take in memory beside their scripts. */
const TRANSACTION_BYTES = 500;
const INPUT_BYTES = 400;
const OUTPUT_BYTES = 250;

function memoryOf({ inputs, outputs }: Transaction): number {
  let bytes = TRANSACTION_BYTES;
  for (const { unlockingScript } of inputs) bytes += INPUT_BYTES + unlockingScript.length;
  for (const { lockingScript } of outputs) bytes += OUTPUT_BYTES + lockingScript.length;
  return bytes;
}

/**
 * The transactions of blocks that are disconnected, from the tip down. Beyond the bound the highest are given up: what
 * they spend may lie below them, but nothing below them spends what they make.
 */
export class FreedTransactions {
  readonly #limit: number;
  /** The last of the chain first. */
  #freed: { readonly transaction: Transaction; readonly bytes: number }[] = [];
  #bytes = 0;

  /** @param limit most bytes of memory, about */
  constructor(limit = MOST_MEMORY) {
    this.#limit = limit;
  }

  /** Adds those of the next block below. */
  add({ transactions }: Block): void {
    for (const transaction of transactions.slice(1).reverse()) {
      const bytes = memoryOf(transaction);
      this.#bytes += bytes;
      this.#freed.push({ transaction, bytes });
    }
    let dropped = 0;
    while (this.#bytes > this.#limit) this.#bytes -= this.#freed[dropped++]!.bytes;
    this.#freed = this.#freed.slice(dropped);
  }

  /** Those that were not given up, in the chain's order: parents before children. */
  inOrder(): Transaction[] {
    return this.#freed.map(({ transaction }) => transaction).reverse();
  }
}
