import {
  type ChainClient,
  checkTokensKept,
  type FundedTransaction,
  isUnreachable,
  type Sent,
  type TransactionOutput,
  tokenOutput,
  transactionId,
  type Utxo,
  type Wallet,
} from '../../chain/index.js';

/** The NFT back where it lay: with all the coins it had, so that whatever lies among them stays, too. */
export function sameAgain({ output }: Utxo): TransactionOutput {
  const least = tokenOutput(output.token!, output.lockingScript).value;
  return output.value < least ? { ...output, value: least } : output;
}

/** A funded transaction with these unlocking scripts at its first inputs; undefined leaves one to be signed. */
export function withUnlocking(
  funded: FundedTransaction,
  scripts: readonly (Uint8Array | undefined)[],
): FundedTransaction {
  const inputs = funded.transaction.inputs.map((input, i) => {
    const unlockingScript = scripts[i];
    return unlockingScript ? { ...input, unlockingScript } : input;
  });
  return { ...funded, transaction: { ...funded.transaction, inputs } };
}

/**
 * Signs and sends what a contract fixes: unlike `Wallet.submit` it takes outputs of any value, since a royalty may be a
 * few base units or none.
 * @throws BitmodelError `TOKEN_BURN`, and what the node says
 */
export async function submitContract(
  client: ChainClient,
  wallet: Wallet,
  { transaction, spentOutputs, fee }: FundedTransaction,
): Promise<Sent> {
  try {
    checkTokensKept(transaction, spentOutputs);
    const signed = wallet.sign(transaction, spentOutputs);
    await client.send(signed, { anyFeeRate: true });
    return { txid: transactionId(signed), fee, transaction: signed };
  } catch (thrown) {
    // a node that could not be reached may have taken it all the same: its coins stay locked
    if (!isUnreachable(thrown)) wallet.release(transaction);
    throw thrown;
  }
}
