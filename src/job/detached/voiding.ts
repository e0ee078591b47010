import { BitmodelError } from '../../base/index.js';
import {
  type ChainClient,
  estimateFeeRate,
  fundTransaction,
  p2pkhScript,
  type Transaction,
  type Utxo,
  type Wallet,
} from '../../chain/index.js';
import { sendOnce } from '../sending.js';

/**
 * Moves one coin of a payment that was signed and not sent back to its owner, so that whoever holds the payment can't send
 * it any more.
 * @param home HASH160 of the owner
 * @returns id of that transaction; undefined where the payment, or something else, has taken a coin of it already
 * @throws BitmodelError what the node says
 */
export async function voidPayment(
  { chain, wallet }: { readonly chain: ChainClient; readonly wallet: Wallet },
  payment: Transaction,
  home: Uint8Array,
): Promise<string | undefined> {
  const coins: Utxo[] = [];
  for (const { outpoint } of payment.inputs) {
    const coin = await chain.output(outpoint);
    if (!coin) return undefined;
    coins.push({ outpoint, ...coin });
  }
  // the largest is worth its fee if any is
  const [largest] = coins.sort((a, b) => Number(b.output.value - a.output.value));
  const lockingScript = p2pkhScript(home);
  const funded = fundTransaction({
    outputs: [{ value: largest!.output.value, lockingScript }],
    utxos: [largest!],
    changeScript: lockingScript,
    feeRate: await estimateFeeRate(chain),
    spendAll: true,
    subtractFee: true,
  });
  try {
    return await sendOnce(chain, wallet.sign(funded.transaction, funded.spentOutputs));
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError) || thrown.code !== 'TX_REJECTED') throw thrown;
    return undefined;
  }
}
