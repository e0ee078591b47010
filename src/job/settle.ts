import { BitmodelError, EXIT, fromHex } from '../base/index.js';
import {
  type ChainClient,
  type ContractSpend,
  FEE_RATE,
  type FundedTransaction,
  fundTransaction,
  hash160,
  type Outpoint,
  p2pkhScript,
  type Transaction,
  unlockContract,
  type Wallet,
} from '../chain/index.js';
import {
  gatherVerdicts,
  judgeSpend,
  judgeUnlocking,
  lapseSpend,
  lapseUnlocking,
} from './contracts/contested-spends.js';
import type { VerdictName } from './contracts/verdict.js';
import type { Message } from './messages.js';
import { sendOnce } from './sending.js';
import type { JobTerms } from './terms.js';
import { contractCoin, depthOf, type JobTrace } from './trace.js';
import type { Seat } from './verifier-registry.js';

/** A contract's spending transaction, signed, with the fee it pays in base units. */
export interface SignedSpend {
  readonly transaction: Transaction;
  readonly fee: bigint;
}

/**
 * Funds, unlocks and signs a transaction that spends a contract.
 * @param unlock makes the contract's unlocking script, once inputs and outputs are final
 * @throws BitmodelError `INSUFFICIENT_FUNDS`
 */
export async function signSpend(
  wallet: Wallet,
  spend: ContractSpend,
  unlock: (funded: FundedTransaction) => Uint8Array,
): Promise<SignedSpend> {
  const funded = await wallet.fund(spend);
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
    const isLost = thrown instanceof BitmodelError && thrown.exitCode === EXIT.unreachable;
    if (!isLost) wallet.release(transaction);
    throw thrown;
  }
}

/** How a contest ended by this participant's own hand. */
export interface Settlement {
  readonly step: 'slashed' | 'cleared' | 'lapsed';
  readonly txid: string;
  readonly fee: bigint;
}

const STEP_OF: Readonly<Record<VerdictName, Settlement['step']>> = {
  invalid: 'slashed',
  valid: 'cleared',
};

/**
 * Ends a contest as soon as it can be: by the threshold's verdicts, or by the time that passed without them. Anybody
 * may do it; whoever does pays the transaction's fee.
 * @param judges who was drawn ({@link judgesOf}), where verifiers are
 * @returns undefined while neither is at hand
 */
export async function settleContest(
  chain: ChainClient,
  wallet: Wallet,
  terms: JobTerms,
  trace: JobTrace,
  verdicts: readonly Message<'verdict'>[],
  tip: number,
  judges: readonly Seat[] = [],
): Promise<Settlement | undefined> {
  const { claim, contest } = trace;
  if (!claim || !contest || trace.stage !== 'contested') return undefined;
  const coin = contractCoin(contest);
  const received = verdicts.flatMap(({ author, body }) =>
    body.signature && body.stake === claim.txid
      ? [{ verifier: fromHex(author), signature: fromHex(body.signature) }]
      : [],
  );
  for (const verdict of ['invalid', 'valid'] as const) {
    const signatures = gatherVerdicts(terms, contest.state, verdict, received, judges);
    if (!signatures) continue;
    const spend = judgeSpend(terms, coin, contest.state, verdict, signatures);
    const signed = await signSpend(wallet, spend, () => judgeUnlocking(terms, verdict, signatures));
    return sendSettlement(chain, wallet, coin.outpoint, STEP_OF[verdict], signed);
  }
  if (depthOf(contest, tip) < terms.verdictWindow) return undefined;
  const spend = lapseSpend(terms, coin, contest.state);
  const signed = await signSpend(wallet, spend, () => lapseUnlocking(terms));
  return sendSettlement(chain, wallet, coin.outpoint, 'lapsed', signed);
}

/** Sends what ends a contest; that somebody else was faster is no error. */
async function sendSettlement(
  chain: ChainClient,
  wallet: Wallet,
  outpoint: Outpoint,
  step: Settlement['step'],
  signed: SignedSpend,
): Promise<Settlement | undefined> {
  try {
    return { step, txid: await sendSpend(chain, wallet, signed), fee: signed.fee };
  } catch (thrown) {
    if (await chain.spender(outpoint)) return undefined;
    throw thrown;
  }
}

/** What the escrow's full value, less the fee, goes to when both cancel: the client. */
export function cancelTemplate(terms: JobTerms, spend: ContractSpend): FundedTransaction {
  // both sides build it alone and must come to the same bytes: no coins but the escrow, the stated fee rate
  const changeScript = p2pkhScript(hash160(terms.client));
  return fundTransaction({ ...spend, utxos: [], changeScript, feeRate: FEE_RATE });
}
