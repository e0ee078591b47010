import { fromHex } from '../base/index.js';
import {
  type ChainClient,
  type ContractSpend,
  FEE_RATE,
  type FundedTransaction,
  fundTransaction,
  hash160,
  type Outpoint,
  p2pkhScript,
  type Wallet,
} from '../chain/index.js';
import type { Seat } from './bonds/registry.js';
import {
  gatherVerdicts,
  judgeSpend,
  judgeUnlocking,
  lapseSpend,
  lapseUnlocking,
} from './contracts/contestedSpends.js';
import type { VerdictName } from './contracts/verdict.js';
import type { Message } from './messages.js';
import { type SignedSpend, sendSpend, signSpend } from './signing.js';
import type { JobTerms } from './terms.js';
import { contractCoin, depthOf, type JobTrace } from './trace.js';

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
 * @param again also where something that ends it waits for a block already, which is replaced by a higher fee
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
  again = false,
): Promise<Settlement | undefined> {
  const { claim, contest, end } = trace;
  if (!claim || !contest || (end && (!again || end.height > 0))) return undefined;
  const replaced = end?.transaction;
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
    const unlock = (): Uint8Array => judgeUnlocking(terms, verdict, signatures);
    const signed = await signSpend(chain, wallet, spend, unlock, replaced);
    return sendSettlement(chain, wallet, coin.outpoint, STEP_OF[verdict], signed);
  }
  if (depthOf(contest, tip) < terms.verdictWindow) return undefined;
  const spend = lapseSpend(terms, coin, contest.state);
  const unlock = (): Uint8Array => lapseUnlocking(terms);
  const signed = await signSpend(chain, wallet, spend, unlock, replaced);
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
