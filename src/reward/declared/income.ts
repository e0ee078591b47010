import { mapConcurrently, toHex } from '../../base/index.js';
import type { ChainClient } from '../../chain/index.js';
import { isClaim, MODEL_SHARE } from './jobClaim.js';
import type { Registry } from './registry.js';

/** What jobs have paid for a model. */
export interface ModelIncome {
  /** Base units. */
  readonly amount: bigint;
  /** Transactions that paid. */
  readonly payments: number;
  /** Whether older payments are left out: only the latest are looked at. */
  readonly isPartial: boolean;
}

/** Transactions looked at for one model, the latest ones. */
const MOST_PAYMENTS = 1_000;

/**
 * What jobs have paid for a model: the shares that sellers' claims in blocks paid to what any version of its pin named; what a rival's pin
 * for the same id names is the rival's.
 * Nothing else counts: what an owner who buys or sells with the same key gets back is no income. A buyer can be the
 * seller and the author, so income is no proof of use; burnt fees are its price. A model without paid parents is paid at
 * its owner's own address, and so shares what is counted with other models there.
 * @param id of a published model
 */
export async function modelIncome(
  client: ChainClient,
  registry: Registry,
  id: string,
): Promise<ModelIncome> {
  const pin = registry.byId.get(id)?.pin.id;
  // by the claim, not by the script: an earlier pin that names the same address takes nothing from this one
  const claim = registry.claims.get(id)?.find((each) => each.pin.id === pin);
  const scripts = (claim?.versions ?? []).map(({ declaration }) => declaration.split);
  if (scripts.length === 0) return { amount: 0n, payments: 0, isPartial: false };
  const paid = new Set(scripts.map(toHex));
  const history = await client.scriptHistory(scripts, MOST_PAYMENTS + 1, 'newest');
  const mined = history.slice(0, MOST_PAYMENTS).filter(({ height }) => height > 0);
  const sums = await mapConcurrently(mined, ({ txid }) => paidIn(client, txid, paid));
  const amount = sums.reduce((sum, each) => sum + each, 0n);
  const payments = sums.filter((each) => each > 0n).length;
  return { amount, payments, isPartial: history.length > MOST_PAYMENTS };
}

async function paidIn(
  client: ChainClient,
  txid: string,
  scripts: ReadonlySet<string>,
): Promise<bigint> {
  const { transaction } = (await client.transaction(txid)) ?? {};
  const share = transaction?.outputs[MODEL_SHARE];
  if (!share || !scripts.has(toHex(share.lockingScript))) return 0n;
  return isClaim(transaction) ? share.value : 0n;
}
