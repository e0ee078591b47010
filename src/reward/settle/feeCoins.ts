import { BitmodelError } from '../../base/index.js';
import { DUST, P2PKH_INPUT_SIZE, type Utxo } from '../../chain/index.js';

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
 * The one coin to pay a fee from where the wallet also pays for other things, such as a seller's stakes, out of what is in
 * blocks: the smallest that reaches, if it is at most a quarter of all that is in blocks. Its change counts again only after
 * the next block.
 * @param fee about what it has to pay, in base units; twice as much is looked for
 * @param feeRate base units per byte
 * @throws BitmodelError `INSUFFICIENT_FUNDS` where there is no such coin
 */
export function spareCoin(coins: readonly Utxo[], fee: bigint, feeRate: bigint): readonly Utxo[] {
  const mined = coins.filter(({ height }) => height > 0);
  const all = mined.reduce((sum, { output }) => sum + output.value, 0n);
  const least = 2n * fee + BigInt(P2PKH_INPUT_SIZE) * feeRate + DUST;
  const reaching = mined
    .filter(({ output }) => output.value >= least)
    .sort((a, b) => (a.output.value < b.output.value ? -1 : 1));
  const [smallest] = reaching;
  if (smallest && smallest.output.value * SPARE_PART <= all) return [smallest];
  throw new BitmodelError(
    'INSUFFICIENT_FUNDS',
    'No coin in a block can be spared for the fee: the others are needed at hand.',
    { next: 'Give the key a few small coins, or leave settling to others' },
  );
}
