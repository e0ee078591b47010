import {
  addressScript,
  type ChainNode,
  fundTransaction,
  type KeyPair,
  signP2pkhInputs,
  type TransactionOutput,
} from '#src/chain/index.js';

/** Pays to a script out of a key's coins, as a wallet would, and returns the transaction's id. */
export function pay(
  node: ChainNode,
  from: KeyPair,
  lockingScript: Uint8Array,
  value: bigint,
  more: readonly TransactionOutput[] = [],
): Promise<string> {
  const changeScript = addressScript(from.address, node.parameters);
  const utxos = node
    .unspentOf(changeScript)
    .filter(
      ({ coin }) => !coin.coinbase || node.tip.height + 1 - coin.height >= node.parameters.maturity,
    )
    .map(({ outpoint, coin }) => ({ outpoint, ...coin }));
  const outputs = [{ value, lockingScript }, ...more];
  const { transaction, spentOutputs } = fundTransaction({ outputs, utxos, changeScript });
  return node.submitTransaction(signP2pkhInputs(transaction, spentOutputs, [from]));
}
