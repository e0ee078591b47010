import type { OutputToken } from '../../codec/token.js';
import type { Outpoint, Transaction, TransactionOutput } from '../../codec/transaction.js';
import type { ScriptContext } from '../context.js';
import { signInput } from '../signing.js';

/** A contract on the chain. Its value and script follow from its terms; what else is on it, nobody's terms say. */
export interface ContractCoin {
  readonly outpoint: Outpoint;
  /** The token that somebody put on it. Signatures cover it, so a spend must know it. */
  readonly token?: OutputToken | undefined;
}

/** A contract's output as the fixed first input of the transaction that spends it. */
export interface ContractInput {
  readonly outpoint: Outpoint;
  readonly output: TransactionOutput;
  /** Most bytes that its unlocking script will have. */
  readonly unlockingSize: number;
  readonly sequence: number;
}

/** The input that spends a contract, as the chain holds it: what its terms make it, and the token on it. */
export function contractInput(
  { outpoint, token }: ContractCoin,
  made: TransactionOutput,
  unlockingSize: number,
  sequence: number = CONTRACT_SEQUENCE,
): ContractInput {
  return { outpoint, output: token ? { ...made, token } : made, unlockingSize, sequence };
}

/**
 * What a contract's path fixes of the transaction that spends it. Its members are named as `fundTransaction`
 * takes them: `fundTransaction({ ...spend, utxos, changeScript, feeRate })` adds coins for what is missing and
 * the fee, and change behind the outputs. Where nothing is missing and no output is fixed (refund, cancel,
 * release), the change is the whole value less the fee.
 */
export interface ContractSpend {
  readonly inputs: readonly ContractInput[];
  readonly outputs: readonly TransactionOutput[];
  readonly lockTime: number;
  readonly jobId: Uint8Array;
}

/** A transaction and the outputs it spends, one per input, as `fundTransaction` gives it. */
export type SpendContext = Pick<ScriptContext, 'transaction' | 'spentOutputs'>;

/** Longest push of an input's signature: 71 bytes of DER, a hash type byte, a length byte. */
export const SIGNATURE_PUSH = 73;
/** Longest push of a data signature. */
export const DATA_SIGNATURE_PUSH = 72;
/** Not final, so that the lock time counts; not replaceable. */
export const CONTRACT_SEQUENCE = 0xffff_fffe;

/**
 * A party's signature for the contract at input 0, over all inputs and outputs. Made when both are final; the
 * unlocking scripts of other inputs may come later.
 * @throws BitmodelError `BAD_PRIVATE_KEY`
 */
export function signContract(funded: SpendContext, privateKey: Uint8Array): Uint8Array {
  return signInput({ ...funded, inputIndex: 0 }, privateKey);
}

/** The transaction with this unlocking script at input 0. */
export function unlockContract(transaction: Transaction, unlockingScript: Uint8Array): Transaction {
  const inputs = transaction.inputs.map((input, index) =>
    index === 0 ? { ...input, unlockingScript } : input,
  );
  return { ...transaction, inputs };
}
