import { toHex } from '../base/index.js';
import type { ChainClient } from '../chain/index.js';
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

/** Transactions looked at for one model, the latest ones, and how many at a time. */
const MOST_PAYMENTS = 1_000;
const AT_ONCE = 16;

/**
 * What jobs have paid for a model: outputs of transactions in blocks that carry a job id and pay what any version of its
 * pin named. A buyer can be the seller and the author, so income is no proof of use; burnt fees are its price. A model
 * without paid parents is paid at its owner's own address, and so shares what is counted with other models there.
 * @param id of a published model
 */
export async function modelIncome(
  client: ChainClient,
  registry: Registry,
  id: string,
): Promise<ModelIncome> {
  const scripts = [...registry.byScript]
    .filter(([, source]) => source.id === id)
    .flatMap(([hash]) => registry.scripts.get(hash) ?? []);
  if (scripts.length === 0) return { amount: 0n, payments: 0, isPartial: false };
  const paid = new Set(scripts.map(toHex));
  const history = await client.rpc.call<{ txid: string; height: number }[]>(
    'getaddresshistory',
    { scripts: [...paid] },
    MOST_PAYMENTS + 1,
    0,
    'newest',
  );
  let amount = 0n;
  let payments = 0;
  const mined = history.slice(0, MOST_PAYMENTS).filter(({ height }) => height > 0);
  for (let at = 0; at < mined.length; at += AT_ONCE) {
    const batch = mined.slice(at, at + AT_ONCE);
    const sums = await Promise.all(batch.map(({ txid }) => paidIn(client, txid, paid)));
    amount += sums.reduce((sum, each) => sum + each, 0n);
    payments += sums.filter((each) => each > 0n).length;
  }
  return { amount, payments, isPartial: history.length > MOST_PAYMENTS };
}

async function paidIn(
  client: ChainClient,
  txid: string,
  scripts: ReadonlySet<string>,
): Promise<bigint> {
  const { transaction } = (await client.transaction(txid)) ?? {};
  if (!transaction?.jobId?.some((byte) => byte !== 0)) return 0n;
  return transaction.outputs
    .filter(({ lockingScript }) => scripts.has(toHex(lockingScript)))
    .reduce((sum, { value }) => sum + value, 0n);
}
