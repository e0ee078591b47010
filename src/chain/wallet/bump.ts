import { BitmodelError, EXIT, formatAmount } from '../../base/index.js';
import type { ChainClient } from '../client/ChainClient.js';
import {
  encodeTransaction,
  type Transaction,
  transactionHash,
  transactionId,
} from '../codec/transaction.js';
import { badNodeAnswer, checkScripts, previousOutputs } from './check.js';
import { type FundedTransaction, fundTransaction } from './fund.js';
import { P2PKH_OUTPUT_SIZE, P2PKH_UNLOCKING_SIZE, totalValue } from './size.js';
import type { Wallet } from './Wallet.js';

/** A replacement, not yet sent: hand `funded` to {@link Wallet.submit}. */
export interface Bump {
  readonly funded: FundedTransaction;
  /** Base units. */
  readonly oldFee: bigint;
}

function refuse(code: string, message: string, next: string): BitmodelError {
  return new BitmodelError(code, message, { next, exitCode: EXIT.notAllowed });
}

/** A transaction of the wallet's own that waits in the mempool, with what it spends. */
async function pendingOwn(wallet: Wallet, client: ChainClient, txid: string) {
  const known = await client.transaction(txid);
  if (!known) {
    throw new BitmodelError('TX_NOT_FOUND', `The node knows no transaction ${txid.slice(0, 64)}.`, {
      next: 'See bitmodel wallet history',
      exitCode: EXIT.notFound,
    });
  }
  const { transaction, height } = known;
  if (height > 0) {
    const message = `It is in block ${height} already.`;
    throw refuse('ALREADY_IN_CHAIN', message, 'There is nothing left to do');
  }
  if (transactionId(transaction) !== txid.toLowerCase()) {
    throw badNodeAnswer(`The node gave another transaction for ${txid}.`);
  }
  const spentOutputs = await previousOutputs(client, transaction);
  // it bears the wallet's own signatures: no node can have one signed here that was not before
  checkScripts(transaction, spentOutputs);
  const foreign = spentOutputs.findIndex(({ lockingScript }) => !wallet.owns(lockingScript));
  if (foreign >= 0) {
    throw refuse('NOT_OURS', `Input ${foreign} is not of this wallet.`, 'Name its key: --key NAME');
  }
  return { transaction, spentOutputs };
}

/** Replacing a transaction undoes what was built on it. */
async function assertChildless(client: ChainClient, transaction: Transaction): Promise<void> {
  const hash = transactionHash(transaction);
  const spenders = await Promise.all(
    transaction.outputs.map((_, index) => client.spender({ hash, index })),
  );
  const child = spenders.find((spender) => spender !== undefined);
  if (child) {
    const message = `Transaction ${child.txid} spends it, and would be lost.`;
    throw refuse(
      'HAS_CHILD',
      message,
      `Raise the fee of that one: bitmodel wallet bump ${child.txid}`,
    );
  }
}

/** Whole base units per byte that surely pay for themselves and for what is replaced (BIP125, rules 3 and 4). */
function leastRate(transaction: Transaction, oldFee: bigint): bigint {
  const least = BigInt(encodeTransaction(transaction).length - P2PKH_OUTPUT_SIZE);
  return (oldFee + least - 1n) / least + 1n;
}

/**
 * A transaction in the place of one that waits too long (BIP125): the same inputs, the same payments, a higher fee. The
 * change pays, which is the last output if it is the wallet's own; where it does not reach, the only output of a sweep
 * does. No other coins are used.
 * @param txid printed
 * @param feeRate base units per byte; the least that replaces the old one unless stated
 * @throws BitmodelError `TX_NOT_FOUND`, `ALREADY_IN_CHAIN`, `NOT_OURS`, `HAS_CHILD`, `FEE_RATE_TOO_LOW`,
 *   `INSUFFICIENT_FUNDS`
 */
export async function planBump(
  wallet: Wallet,
  client: ChainClient,
  txid: string,
  feeRate?: bigint,
): Promise<Bump> {
  const { transaction, spentOutputs } = await pendingOwn(wallet, client, txid);
  await assertChildless(client, transaction);
  const oldFee = totalValue(spentOutputs) - totalValue(transaction.outputs);
  const least = leastRate(transaction, oldFee);
  if (feeRate !== undefined && feeRate < least) {
    const message = `It pays ${formatAmount(oldFee)}: ${feeRate} units per byte would not replace it.`;
    throw refuse('FEE_RATE_TOO_LOW', message, `Pass --fee-rate ${least} or more`);
  }
  const last = transaction.outputs.at(-1)!;
  const alone = transaction.outputs.length === 1;
  const hasChange = !alone && !last.token && wallet.owns(last.lockingScript);
  // the fee of a sweep came out of its one output
  const outputs = alone
    ? [{ ...last, value: last.value + oldFee }]
    : transaction.outputs.slice(0, hasChange ? -1 : undefined);
  const funded = fundTransaction({
    outputs,
    inputs: transaction.inputs.map(({ outpoint }, i) => ({
      outpoint,
      output: spentOutputs[i]!,
      unlockingSize: P2PKH_UNLOCKING_SIZE,
    })),
    utxos: [],
    changeScript: hasChange ? last.lockingScript : wallet.changeScript,
    feeRate: feeRate ?? least,
    lockTime: transaction.lockTime,
    jobId: transaction.jobId,
    replaceable: true,
    subtractFee: alone,
  });
  return { funded, oldFee };
}
