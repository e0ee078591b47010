import { BitmodelError, EXIT } from '../../base/index.js';
import type { ChainClient, Utxo } from '../client/ChainClient.js';
import { hashToId } from '../codec/transaction.js';
import { hashKey } from '../consensus/coins.js';
import { proveCoins } from '../wallet/check.js';
import { estimateFeeRate } from '../wallet/feeEstimate.js';
import type { FundedTransaction } from '../wallet/fund.js';
import type { Sent } from '../wallet/requests.js';
import { P2PKH_UNLOCKING_SIZE } from '../wallet/size.js';
import type { Wallet } from '../wallet/Wallet.js';
import { TOKEN_FEES, tokenOutput } from './spend.js';

/** Outputs with units that one transfer spends, at most. */
const MOST_COINS = 500;

/** The coins of a wallet with units of a category and no NFT, largest amounts first, until they reach the amount. */
async function coinsWith(wallet: Wallet, category: Uint8Array, amount: bigint): Promise<Utxo[]> {
  const key = hashKey(category);
  let coins: Utxo[] = [];
  const keepLargest = (): void => {
    coins.sort((a, b) => Number(b.output.token!.amount - a.output.token!.amount));
    coins = coins.slice(0, MOST_COINS);
  };
  // strangers can send any number of tokens, of this category too
  for await (const coin of wallet.eachToken()) {
    const token = coin.output.token!;
    if (token.nft || hashKey(token.category) !== key) continue;
    if (coins.push(coin) >= 2 * MOST_COINS) keepLargest();
  }
  keepLargest();
  const chosen: Utxo[] = [];
  let there = 0n;
  for (const coin of coins) {
    if (there >= amount) break;
    chosen.push(coin);
    there += coin.output.token!.amount;
  }
  if (there >= amount) return chosen;
  throw new BitmodelError(
    'TOO_FEW_UNITS',
    `This key holds ${there} units of ${hashToId(category)} that can be sent at once.`,
    {
      next: 'See what it holds with: bitmodel wallet balance',
      exitCode: EXIT.notFound,
    },
  );
}

/**
 * Makes a transaction that gives fungible units to a locking script: output 0 are the units with no more coins than an
 * output must hold; output 1, where there are more, those that stay with the wallet. Not signed, not sent.
 * @param amount units, at least 1
 * @throws BitmodelError `BAD_UNITS`, `TOO_FEW_UNITS`, `INSUFFICIENT_FUNDS`, `BAD_NODE_ANSWER`
 */
export async function planUnitsSend(
  client: ChainClient,
  wallet: Wallet,
  category: Uint8Array,
  amount: bigint,
  to: Uint8Array,
): Promise<FundedTransaction> {
  if (amount < 1n) {
    throw new BitmodelError('BAD_UNITS', `${amount} units can't be sent.`, {
      next: 'Send a whole number of units from 1 up',
      exitCode: EXIT.usage,
    });
  }
  const coins = await coinsWith(wallet, category, amount);
  const there = coins.reduce((sum, { output }) => sum + output.token!.amount, 0n);
  for (const { outpoint } of coins) wallet.lock(outpoint);
  try {
    await proveCoins(client, coins);
    const given = tokenOutput({ category, amount }, to);
    const left = there - amount;
    const kept = left > 0n ? [tokenOutput({ category, amount: left }, wallet.changeScript)] : [];
    const inputs = coins.map(({ outpoint, output }) => ({
      outpoint,
      output,
      unlockingSize: P2PKH_UNLOCKING_SIZE,
    }));
    const feeRate = await estimateFeeRate(client);
    return await wallet.fund({ inputs, outputs: [given, ...kept], feeRate });
  } catch (thrown) {
    for (const { outpoint } of coins) wallet.unlock(outpoint);
    throw thrown;
  }
}

/** Signs and sends what {@link planUnitsSend} made. @throws BitmodelError what the wallet and the node say */
export function sendUnits(wallet: Wallet, plan: FundedTransaction): Promise<Sent> {
  return wallet.submit(plan, TOKEN_FEES);
}
