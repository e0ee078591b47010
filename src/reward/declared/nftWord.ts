import { equalBytes, fromHex } from '../../base/index.js';
import {
  type ChainClient,
  type OutputToken,
  previousTransactions,
  type Transaction,
  type TransactionOutput,
  transactionId,
} from '../../chain/index.js';
import { HOLDER_SCRIPT_BYTES, type HolderTerms, parseHolderScript } from '../contracts/holder.js';

/** The NFT that opens the script that a pin lies in; undefined where it lies anywhere else. */
export function nftOf(owner: string | undefined): HolderTerms | undefined {
  // an owner that is a bare script stands there in hex
  if (owner === undefined || owner.length !== 2 * HOLDER_SCRIPT_BYTES) return undefined;
  return /^[0-9a-f]*$/.test(owner) ? parseHolderScript(fromHex(owner)) : undefined;
}

function isNft(token: OutputToken | undefined, { category, modelId }: HolderTerms): boolean {
  const nft = token?.nft;
  return (
    nft?.capability === 'none' &&
    equalBytes(token!.category, category) &&
    equalBytes(nft.commitment, modelId)
  );
}

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
  if (!spent || !isNft(spent.token, nft)) return false;
  return transaction.outputs.some(
    ({ lockingScript, token }) =>
      equalBytes(lockingScript, spent.lockingScript) && isNft(token, nft),
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
