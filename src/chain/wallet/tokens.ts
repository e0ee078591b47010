import { BitmodelError, EXIT } from '../../base/index.js';
import { hashToId, type Transaction, type TransactionOutput } from '../codec/transaction.js';
import { hashKey } from '../consensus/coins.js';

/** How much of one category some outputs hold. */
interface Held {
  readonly category: Uint8Array;
  amount: bigint;
  nfts: number;
  minting: number;
}

function heldIn(outputs: readonly TransactionOutput[]): Map<string, Held> {
  const held = new Map<string, Held>();
  for (const { token } of outputs) {
    if (!token) continue;
    const key = hashKey(token.category);
    const sum = held.get(key) ?? { category: token.category, amount: 0n, nfts: 0, minting: 0 };
    sum.amount += token.amount;
    if (token.nft) sum.nfts++;
    if (token.nft?.capability === 'minting') sum.minting++;
    held.set(key, sum);
  }
  return held;
}

/**
 * Checks that no token goes lost: of every category spent, the outputs hold the whole amount, as many NFTs, and a
 * minting one if one was spent. Consensus lets anyone burn tokens; a wallet does so only when asked.
 * @throws BitmodelError `TOKEN_BURN`
 */
export function checkTokensKept(
  transaction: Transaction,
  spentOutputs: readonly TransactionOutput[],
): void {
  const kept = heldIn(transaction.outputs);
  for (const [key, { category, amount, nfts, minting }] of heldIn(spentOutputs)) {
    const left = kept.get(key);
    const whole = left && left.amount >= amount && left.nfts >= nfts;
    if (whole && (minting === 0 || left.minting > 0)) continue;
    throw new BitmodelError(
      'TOKEN_BURN',
      `This transaction would burn tokens of ${hashToId(category)}.`,
      {
        next: 'Send the token on with bitmodel nft send, or pass --allow-burn if this is meant',
        exitCode: EXIT.notAllowed,
      },
    );
  }
}
