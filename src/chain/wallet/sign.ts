import { concatBytes, toHex } from '../../base/index.js';
import type { Transaction, TransactionOutput } from '../codec/transaction.js';
import { pushData } from '../script/push.js';
import { SIGHASH } from '../script/sighash.js';
import { signInput } from '../script/signing.js';
import { hash160, p2pkhHash } from '../script/standard.js';
import type { KeyPair } from './keys.js';

/**
 * What wallets sign: all outputs, all inputs and, with UTXOS, all that those spend. A signer that only was told of the
 * other inputs so signs for nothing else: whoever lied about one amount here and another there can't put two
 * signatures together and let the difference go to a fee.
 */
const HASH_TYPE = SIGHASH.ALL | SIGHASH.FORKID | SIGHASH.UTXOS;

/**
 * Signs every P2PKH input that one of the keys opens (ALL | FORKID | UTXOS), and leaves the others as they are.
 * Signatures cover neither unlocking scripts nor each other, so several wallets can sign in turn.
 * @param spentOutputs one per input, in order
 */
export function signP2pkhInputs(
  transaction: Transaction,
  spentOutputs: readonly TransactionOutput[],
  keys: readonly KeyPair[],
): Transaction {
  const byHash = new Map(keys.map((key) => [toHex(hash160(key.publicKey)), key]));
  const inputs = transaction.inputs.map((input, inputIndex) => {
    const hash = p2pkhHash(spentOutputs[inputIndex]?.lockingScript ?? new Uint8Array(0));
    const key = hash && byHash.get(toHex(hash));
    if (!key) return input;
    const signature = signInput({ transaction, inputIndex, spentOutputs }, key.privateKey, {
      hashType: HASH_TYPE,
    });
    const unlockingScript = concatBytes(pushData(signature), pushData(key.publicKey));
    return { ...input, unlockingScript };
  });
  return { ...transaction, inputs };
}
