import { equalBytes } from '../../base/index.js';
import {
  type ChainClient,
  previousTransactions,
  type Transaction,
  type TransactionOutput,
  transactionId,
} from '../../chain/index.js';
import { type HolderTerms, isNftOf } from '../contracts/holder.js';

/**
 * Whether a transaction shows the word of whoever holds an NFT: its input 0 spends the NFT, and one of its outputs is the
 * NFT again where it lay. Two transactions are read, whatever else is in them. Whoever buys it out of an offer takes it elsewhere, and a seller
 * whose offer holds it can't spend it but by taking it back: neither speaks by that.
 * @param txid printed id
 */
export async function spendsNft(
  client: ChainClient,
  txid: string,
  nft: HolderTerms,
): Promise<boolean> {
  const { transaction } = (await client.transaction(txid)) ?? {};
  if (!transaction || transactionId(transaction) !== txid) return false;
  const spent = await firstSpent(client, transaction);
  if (!spent || !isNftOf(nft, spent)) return false;
  return transaction.outputs.some(
    (output) => equalBytes(output.lockingScript, spent.lockingScript) && isNftOf(nft, output),
  );
}

async function firstSpent(
  client: ChainClient,
  { inputs }: Transaction,
): Promise<TransactionOutput | undefined> {
  const first = inputs[0];
  if (!first) return undefined;
  const [before] = await previousTransactions(client, { inputs: [first] });
  return before?.outputs[first.outpoint.index];
}
