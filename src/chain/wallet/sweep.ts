import type { Utxo } from '../client/ChainClient.js';
import { checkAmounts } from './check.js';
import { type FundedTransaction, fundTransaction } from './fund.js';
import type { SweepOptions } from './requests.js';
import { DUST, FEE_RATE, P2PKH_INPUT_SIZE, totalValue } from './size.js';

/** Inputs of one sweeping transaction: about 100 kB, the size up to which Bitcoin's nodes relay. */
export const SWEEP_INPUTS = 670;

/** Which coins move where. */
export interface SweepRequest {
  readonly utxos: readonly Utxo[];
  /** Where all of it goes. */
  readonly lockingScript: Uint8Array;
  /** Base units per byte; {@link FEE_RATE} unless stated. */
  readonly feeRate?: bigint;
  readonly replaceable?: boolean;
}

/**
 * Transactions, not yet signed, that move all P2PKH coins to one script, less the fees: one, or as many as it takes to
 * keep each relayable. Coins that cost more than they bring stay, as does a last handful too small for an output.
 */
export function sweepTransactions(request: SweepRequest): FundedTransaction[] {
  const { lockingScript, feeRate = FEE_RATE, replaceable = false } = request;
  const inputCost = BigInt(P2PKH_INPUT_SIZE) * feeRate;
  const worth = request.utxos
    .filter(({ output }) => output.value > inputCost)
    .sort((a, b) => (a.output.value < b.output.value ? 1 : -1));
  const transactions: FundedTransaction[] = [];
  for (let from = 0; from < worth.length; from += SWEEP_INPUTS) {
    const utxos = worth.slice(from, from + SWEEP_INPUTS);
    const value = totalValue(utxos.map(({ output }) => output));
    // as much as an empty transaction and its output may take
    if (value < BigInt(utxos.length) * inputCost + 100n * feeRate + DUST) break;
    const outputs = [{ value, lockingScript }];
    const all = { spendAll: true, subtractFee: true, replaceable, feeRate };
    transactions.push(fundTransaction({ ...all, outputs, utxos, changeScript: lockingScript }));
  }
  return transactions;
}

/** Asks for the transactions of a sweep together, once none of them breaks a limit. @throws BitmodelError `HIGH_FEE`, `DUST_OUTPUT` */
export async function agreeToSweep(
  planned: readonly FundedTransaction[],
  options: SweepOptions,
): Promise<void> {
  if (!options.agree) return;
  const fees = planned.map(({ transaction, spentOutputs }) =>
    checkAmounts(transaction, spentOutputs, options),
  );
  const fee = fees.reduce((sum, each) => sum + each, 0n);
  await options.agree({ fee, transactions: planned.map(({ transaction }) => transaction) });
}
