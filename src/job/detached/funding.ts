import { BitmodelError, equalBytes, fromHex, toHex } from '../../base/index.js';
import {
  type ChainClient,
  decodeTransaction,
  encodeTransaction,
  FEE_RATE,
  formatOutpoint,
  hash160,
  p2pkhScript,
  RPC_CODE,
  RpcError,
  type Transaction,
  transactionId,
} from '../../chain/index.js';
import type { JobMoney } from '../client/request.js';
import { contestReserve } from '../client/reserve.js';
import { pause, sendOnce } from '../sending.js';
import { contestBond, fullReward, type JobSpec } from '../spec.js';

/** Bytes of the transactions of an undisputed job beside its disputes', and what the mempool may come to ask for each. */
const JOB_BYTES = 4_000n;
const JOB_FEE_RATE = 10n;

/** What a detached job's key gets: all that the job can take, base units. @param fee what the watcher keeps */
export function detachedValue({ reward, reserve }: JobMoney, fee: bigint): bigint {
  return reward + reserve + fee + JOB_BYTES * JOB_FEE_RATE * FEE_RATE;
}

/** The payment of a detached job. @throws BitmodelError where it is no transaction */
export function fundingOf({ funding }: { readonly funding: string }): Transaction {
  return decodeTransaction(fromHex(funding));
}

/**
 * Why a payment is not that of a job: its output 0 must be the job's coin, lie on the job's key, and be worth all that the
 * job can take. It says nothing of whether the chain takes it.
 * @param fee what the watcher keeps, base units
 * @throws BitmodelError where it is no transaction
 */
export function whyNotPaid(job: JobSpec, funding: string, fee: bigint): string | undefined {
  const transaction = fundingOf({ funding });
  const [output] = transaction.outputs;
  if (job.coin !== `${transactionId(transaction)}:0` || !output) {
    return 'the payment is not that of the job’s coin';
  }
  const own = p2pkhScript(hash160(fromHex(job.client, 33)));
  if (!equalBytes(output.lockingScript, own) || output.token) {
    return 'the payment does not go to the job’s key';
  }
  const money = { reward: fullReward(job), reserve: contestReserve(contestBond(job)) };
  return output.value < detachedValue(money, fee)
    ? 'the payment is less than the job can take'
    : undefined;
}

/**
 * Why a node would not take a payment that it does not know yet. A light node, which can't try one, names no reason.
 * @throws what the node says
 */
export async function whyRefused(
  chain: ChainClient,
  transaction: Transaction,
): Promise<string | undefined> {
  if (await chain.transaction(transactionId(transaction))) return undefined;
  try {
    const [trial] = await chain.rpc.call<{ allowed?: boolean; 'reject-reason'?: string }[]>(
      'testmempoolaccept',
      [toHex(encodeTransaction(transaction))],
    );
    return trial?.allowed ? undefined : (trial?.['reject-reason'] ?? 'it was not tried');
  } catch (thrown) {
    if (thrown instanceof RpcError && thrown.rpcCode === RPC_CODE.headersOnly) return undefined;
    throw thrown;
  }
}

/** Whether something else has spent a coin that a payment takes: then it never comes, unless a reorganisation undoes that. */
export async function isSpentOtherwise(
  chain: ChainClient,
  transaction: Transaction,
): Promise<boolean> {
  const txid = transactionId(transaction);
  for (const { outpoint } of transaction.inputs) {
    const spender = await chain.spender(outpoint);
    if (spender && spender.txid !== txid) return true;
  }
  return false;
}

/** Whether two payments take a coin that is the same, so that only one of them can ever come. */
export function conflict(one: Transaction, other: Transaction): boolean {
  const taken = new Set(one.inputs.map(({ outpoint }) => formatOutpoint(outpoint)));
  return other.inputs.some(({ outpoint }) => taken.has(formatOutpoint(outpoint)));
}

/** Blocks for which the coins of a job are waited for. */
const FUNDING_PERIOD = 30;
/** Looks at a payment that the node refuses lie this many times as far apart. */
const REFUSED_PAUSE = 10;

/** What an unpaid job is waited for with. */
export interface FundingWait {
  readonly interval: number;
  readonly signal: AbortSignal;
  /**
   * Told at each look whether the node knows the payment.
   * @returns whether it is to be waited for
   */
  readonly wait?: (isKnown: boolean) => boolean;
}

/**
 * Waits until a job's coins are in a block, and sends the transaction that brings them again and again until then. It
 * waits neither for one whose coins were spent otherwise, nor for longer than 30 blocks.
 * @param from height from which those are counted
 * @returns whether they came
 * @throws BitmodelError where the payment is no transaction; AbortError
 */
export async function awaitFunding(
  chain: ChainClient,
  { funding, from }: { readonly funding: string; readonly from: number },
  { interval, signal, wait = () => true }: FundingWait,
): Promise<boolean> {
  const transaction = fundingOf({ funding });
  const txid = transactionId(transaction);
  for (;;) {
    signal.throwIfAborted();
    const known = await chain.transaction(txid);
    if (known && known.height > 0) return true;
    if ((await chain.height()) > from + FUNDING_PERIOD) return false;
    const isKnown = known !== undefined || (await isTaken(chain, transaction));
    if (!isKnown && (await isSpentOtherwise(chain, transaction))) return false;
    if (!wait(isKnown)) return false;
    await pause(isKnown ? interval : REFUSED_PAUSE * interval, signal);
  }
}

/** Sends a payment. @returns whether the node has it */
async function isTaken(chain: ChainClient, transaction: Transaction): Promise<boolean> {
  try {
    await sendOnce(chain, transaction);
    return true;
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError) || thrown.code !== 'TX_REJECTED') throw thrown;
    return false;
  }
}
