import { formatAmount, toHex } from '../../base/index.js';
import {
  classifyScript,
  encodeTransaction,
  hashToId,
  JOB_VERSION,
  type NetworkParameters,
  scriptAddress,
  type Transaction,
  type TransactionOutput,
  tokenView,
  transactionId,
} from '../../chain/index.js';
import { tokenText } from './token-view.js';

/** What is spent beyond what is paid, where it is known what is spent: a coinbase spends nothing. */
function feeOf(
  { outputs }: Transaction,
  spentOutputs: readonly TransactionOutput[] | undefined,
): string | undefined {
  if (!spentOutputs) return undefined;
  const sum = (of: readonly TransactionOutput[]): bigint =>
    of.reduce((total, { value }) => total + value, 0n);
  return formatAmount(sum(spentOutputs) - sum(outputs));
}

/** A transaction as our JSON shows it: amounts are decimal strings, bytes are hex. */
export function transactionJson(
  transaction: Transaction,
  parameters: NetworkParameters,
  spentOutputs?: readonly TransactionOutput[],
): object {
  const output = ({ value, lockingScript, token }: TransactionOutput): object => ({
    value: formatAmount(value),
    type: classifyScript(lockingScript).type,
    address: scriptAddress(lockingScript, parameters),
    lockingScript: toHex(lockingScript),
    ...(token && { token: tokenView(token) }),
  });
  const fee = feeOf(transaction, spentOutputs);
  return {
    txid: transactionId(transaction),
    ...(fee === undefined ? {} : { fee }),
    version: transaction.version,
    size: encodeTransaction(transaction).length,
    lockTime: transaction.lockTime,
    ...(transaction.version >= JOB_VERSION && { jobId: toHex(transaction.jobId) }),
    inputs: transaction.inputs.map(({ outpoint, sequence, unlockingScript }, i) => ({
      txid: hashToId(outpoint.hash),
      vout: outpoint.index,
      sequence,
      unlockingScript: toHex(unlockingScript),
      ...(spentOutputs?.[i] && { spends: output(spentOutputs[i]) }),
    })),
    outputs: transaction.outputs.map(output),
  };
}

/** The same for people, on lines of 80 columns; what an input spends, and a token, stand below it. */
export function transactionText(
  transaction: Transaction,
  parameters: NetworkParameters,
  spentOutputs?: readonly TransactionOutput[],
): string {
  const pays = ({ value, lockingScript, token }: TransactionOutput): string => {
    const { type } = classifyScript(lockingScript);
    const to =
      scriptAddress(lockingScript, parameters) ?? `${type} (${lockingScript.length} bytes)`;
    const rides = token
      ? `\n     ${tokenText(token)}\n     category ${hashToId(token.category)}`
      : '';
    return `${formatAmount(value)}  ${to}${rides}`;
  };
  const inputs = transaction.inputs.map(({ outpoint, unlockingScript }, i) => {
    const spent = spentOutputs?.[i];
    const signed = unlockingScript.length === 0 ? '  (not signed)' : '';
    return `in   ${hashToId(outpoint.hash)}:${outpoint.index}${signed}${spent ? `\n     ${pays(spent)}` : ''}`;
  });
  const { version, lockTime, jobId } = transaction;
  const fee = feeOf(transaction, spentOutputs);
  return [
    `txid ${transactionId(transaction)}`,
    `size ${encodeTransaction(transaction).length} bytes, version ${version}, lock time ${lockTime}`,
    ...(fee === undefined ? [] : [`fee  ${fee}`]),
    ...(jobId.some((byte) => byte !== 0) ? [`job  ${toHex(jobId)}`] : []),
    ...inputs,
    ...transaction.outputs.map((output) => `out  ${pays(output)}`),
  ].join('\n');
}
