import { BitmodelError } from '../../base/index.js';
import { DUST, formatOutpoint, P2PKH_INPUT_SIZE, type Utxo } from '../../chain/index.js';

/** Part of a wallet's coins in blocks that is at most tied up, until the next block, where the rest must stay at hand. */
const SPARE_PART = 4n;

/**
 * Coins that a stranger can't take back or hold up: those in blocks, and the wallet's own change of this run. What
 * strangers paid may hang on a long chain of theirs that is never mined.
 */
export function firmCoins(
  coins: readonly Utxo[],
  isOurs: (coin: Utxo) => boolean,
): readonly Utxo[] {
  return coins.filter((coin) => coin.height > 0 || isOurs(coin));
}

/**
 * Coins to pay fees from where the wallet also pays for other things, such as a seller's stakes: one for each fee, out of
 * what is in blocks, and all that were taken in one walk together at most a quarter of what was in blocks when it began.
 * What such a coin leaves counts again only after the next block.
 */
export class SpareCoins {
  /** What each coin that was given away is worth, by its outpoint. */
  readonly #given = new Map<string, bigint>();
  #atFirst: bigint | undefined;

  /**
   * The smallest coin that reaches, if it can be spared.
   * @param free the wallet's coins that nothing spends yet: what was given away and is among them was not used
   * @param fee about what it has to pay, in base units; twice as much is looked for
   * @param feeRate base units per byte
   * @throws BitmodelError `INSUFFICIENT_FUNDS` where there is no such coin
   */
  next(free: readonly Utxo[], fee: bigint, feeRate: bigint): readonly Utxo[] {
    const mined = free.filter(({ height }) => height > 0);
    for (const coin of mined) this.#given.delete(formatOutpoint(coin.outpoint));
    const tied = [...this.#given.values()].reduce((sum, value) => sum + value, 0n);
    const now = tied + mined.reduce((sum, { output }) => sum + output.value, 0n);
    this.#atFirst ??= now;
    // stakes may have been paid since the walk began
    const all = now < this.#atFirst ? now : this.#atFirst;
    const least = 2n * fee + BigInt(P2PKH_INPUT_SIZE) * feeRate + DUST;
    const [smallest] = mined
      .filter(({ output }) => output.value >= least)
      .sort((a, b) => (a.output.value < b.output.value ? -1 : 1));
    if (smallest && (tied + smallest.output.value) * SPARE_PART <= all) {
      this.#given.set(formatOutpoint(smallest.outpoint), smallest.output.value);
      return [smallest];
    }
    throw new BitmodelError(
      'INSUFFICIENT_FUNDS',
      'No coin in a block can be spared for the fee: the others are needed at hand.',
      { next: 'Give the key a few small coins, wait for a block, or leave settling to others' },
    );
  }
}
