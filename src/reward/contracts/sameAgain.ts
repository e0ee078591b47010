import { type TransactionOutput, tokenOutput, type Utxo } from '../../chain/index.js';

/** The NFT back where it lay: with all the coins it had, so that whatever lies among them stays, too. */
export function sameAgain({ output }: Utxo): TransactionOutput {
  const least = tokenOutput(output.token!, output.lockingScript).value;
  return output.value < least ? { ...output, value: least } : output;
}
