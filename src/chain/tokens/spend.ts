import type { ChainClient, Utxo } from '../client/ChainClient.js';
import type { OutputToken } from '../codec/token.js';
import type { TransactionOutput } from '../codec/transaction.js';
import { MAX_FEE, proveCoins } from '../wallet/check.js';
import { estimateFeeRate } from '../wallet/feeEstimate.js';
import type { FundedTransaction } from '../wallet/fund.js';
import type { SpendLimits } from '../wallet/requests.js';
import { dustOf, P2PKH_UNLOCKING_SIZE } from '../wallet/size.js';
import type { Wallet } from '../wallet/Wallet.js';

/** A token carries next to no money, so its fee is always a large part of it; it stays bounded all the same. */
export const TOKEN_FEES: SpendLimits = { allowHighFee: true, maxFee: MAX_FEE };

/** An output that carries a token and no more coins than it must. */
export function tokenOutput(token: OutputToken, lockingScript: Uint8Array): TransactionOutput {
  const output = { value: 0n, lockingScript, token };
  return { ...output, value: dustOf(output) };
}

/**
 * Funds outputs with a P2PKH coin of the wallet's that must be spent, and with what else it takes. All that the coin's
 * own transaction can show of it is checked there, its token too. The coin is locked until the transaction is sent or
 * released.
 * @throws BitmodelError `INSUFFICIENT_FUNDS`, `BAD_NODE_ANSWER`
 */
export async function fundFrom(
  client: ChainClient,
  wallet: Wallet,
  coin: Utxo,
  outputs: readonly TransactionOutput[],
): Promise<FundedTransaction> {
  const { outpoint, output } = coin;
  wallet.lock(outpoint);
  try {
    await proveCoins(client, [coin]);
    const input = { outpoint, output, unlockingSize: P2PKH_UNLOCKING_SIZE };
    return await wallet.fund({ outputs, inputs: [input], feeRate: await estimateFeeRate(client) });
  } catch (thrown) {
    wallet.unlock(outpoint);
    throw thrown;
  }
}
