import { BitmodelError, isUnreachable } from '../base/index.js';
import {
  type ChainClient,
  type ContractSpend,
  encodeTransaction,
  estimateFeeRate,
  type FundedTransaction,
  fundTransaction,
  P2PKH_UNLOCKING_SIZE,
  previousOutputs,
  type Transaction,
  type TransactionOutput,
  unlockContract,
  type Wallet,
} from '../chain/index.js';
import { sendOnce } from './sending.js';

/** A contract's spending transaction, signed, with the fee it pays in base units. */
export interface SignedSpend {
  readonly transaction: Transaction;
  readonly fee: bigint;
}

/** No transaction of a job is raised above this many base units per byte. */
const MAX_RAISED_FEE_RATE = 200n;

/**
 * Funds, unlocks and signs a transaction that spends a contract, at the rate that the node asks for now.
 * @param unlock makes the contract's unlocking script, once inputs and outputs are final
 * @param replaced what spends the same contract and waits for a block: its place is taken by a higher fee
 * @throws BitmodelError `INSUFFICIENT_FUNDS`, `FEE_AT_LIMIT`, and what the node says
 */
export async function signSpend(
  chain: ChainClient,
  wallet: Wallet,
  spend: ContractSpend,
  unlock: (funded: FundedTransaction) => Uint8Array,
  replaced?: Transaction,
): Promise<SignedSpend> {
  const funded = replaced
    ? await fundReplacement(chain, wallet, spend, replaced)
    : await wallet.fund({ ...spend, feeRate: await estimateFeeRate(chain) });
  const unlocked = unlockContract(funded.transaction, unlock(funded));
  return { transaction: wallet.sign(unlocked, funded.spentOutputs), fee: funded.fee };
}

/** Sends a transaction the wallet funded; when the node refuses it, its coins are free again. */
export async function sendSpend(
  chain: ChainClient,
  wallet: Wallet,
  { transaction }: SignedSpend,
): Promise<string> {
  try {
    return await sendOnce(chain, transaction);
  } catch (thrown) {
    if (!isUnreachable(thrown)) wallet.release(transaction);
    throw thrown;
  }
}

function total(outputs: readonly TransactionOutput[]): bigint {
  return outputs.reduce((sum, { value }) => sum + value, 0n);
}

/** Half as much again as what is replaced pays, at least: more than the mempool asks of a replacement (BIP125). */
function raisedRate(transaction: Transaction, fee: bigint, estimate: bigint): bigint {
  const rate = fee / BigInt(encodeTransaction(transaction).length) + 1n;
  const raised = rate + (rate + 1n) / 2n;
  if (rate >= MAX_RAISED_FEE_RATE) {
    throw new BitmodelError('FEE_AT_LIMIT', `It pays ${rate} units per byte already.`, {
      next: 'Wait for a block; no more is paid by itself',
    });
  }
  const wanted = raised > estimate ? raised : estimate;
  return wanted > MAX_RAISED_FEE_RATE ? MAX_RAISED_FEE_RATE : wanted;
}

/** Pays with the coins that pay already, and with others of the wallet where those do not reach. */
async function fundReplacement(
  chain: ChainClient,
  wallet: Wallet,
  spend: ContractSpend,
  replaced: Transaction,
): Promise<FundedTransaction> {
  const spent = await previousOutputs(chain, replaced);
  const feeRate = raisedRate(
    replaced,
    total(spent) - total(replaced.outputs),
    await estimateFeeRate(chain),
  );
  const own = replaced.inputs.flatMap(({ outpoint }, i) => {
    const output = spent[i]!;
    if (!wallet.owns(output.lockingScript)) return [];
    return [{ outpoint, output, unlockingSize: P2PKH_UNLOCKING_SIZE }];
  });
  const request = { ...spend, inputs: [...spend.inputs, ...own], feeRate };
  try {
    return fundTransaction({ ...request, utxos: [], changeScript: wallet.changeScript });
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError) || thrown.code !== 'INSUFFICIENT_FUNDS') throw thrown;
    return wallet.fund(request);
  }
}

/** Blocks that a transaction may wait for one before its fee is raised. */
const RAISE_AFTER = 2;

/**
 * Remembers since when transactions of a job wait for a block. A window runs while they do: whoever fills the mempool
 * must not be able to keep a contest out until it is over.
 */
export class FeeClock {
  readonly #since = new Map<string, number>();

  /** Whether a transaction has waited long enough to be made again; counted anew once it has. */
  isDue(txid: string, tip: number): boolean {
    const since = this.#since.get(txid);
    if (since !== undefined && tip < since + RAISE_AFTER) return false;
    this.#since.set(txid, tip);
    return since !== undefined;
  }
}
