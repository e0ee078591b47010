import { isUnreachable } from '../../base/index.js';
import {
  type ChainClient,
  checkTokensKept,
  type FundedTransaction,
  type Sent,
  transactionId,
  type Wallet,
} from '../../chain/index.js';

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

/** How a contract's transaction is sent. */
export interface SubmitOptions {
  /** Let tokens that are spent go lost: those that somebody laid into a contract which pays coins only. */
  readonly allowBurn?: boolean;
  /** Hold the fee to what the node lets pass by its rate: nobody was asked for it. */
  readonly usualFeeRate?: boolean;
  /** Looks at what is about to be signed; what it throws ends it. */
  readonly agree?: (funded: FundedTransaction) => void;
}

/**
 * Signs and sends what a contract fixes: unlike `Wallet.submit` it takes outputs of any value, since a royalty or a share
 * may be a few base units or none. When it is refused, the wallet's coins are free again.
 * @throws BitmodelError `TOKEN_BURN`, what `agree` throws, and what the node says
 */
export async function submitContract(
  client: ChainClient,
  wallet: Wallet,
  funded: FundedTransaction,
  { allowBurn = false, usualFeeRate = false, agree }: SubmitOptions = {},
): Promise<Sent> {
  const { transaction, spentOutputs, fee } = funded;
  try {
    agree?.(funded);
    if (!allowBurn) checkTokensKept(transaction, spentOutputs);
    const signed = wallet.sign(transaction, spentOutputs);
    await client.send(signed, { anyFeeRate: !usualFeeRate });
    return { txid: transactionId(signed), fee, transaction: signed };
  } catch (thrown) {
    // a node that could not be reached may have taken it all the same: its coins stay locked
    if (!isUnreachable(thrown)) wallet.release(transaction);
    throw thrown;
  }
}
