import { equalBytes, toHex } from '../base/index.js';
import { type ChainClient, decodeScript, type Transaction } from '../chain/index.js';
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
/** Bytes of the commitment that a claim shows first; they begin with the job's id (DESIGN 5.2). */
const COMMITMENT_BYTES = 101;
/** Output of a claim that is the model's share. */
const SHARE = 1;

/**
 * What jobs have paid for a model: the shares that sellers' claims in blocks paid to what any version of its pin named.
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
  const share = transaction?.outputs[SHARE];
  if (!share || !scripts.has(toHex(share.lockingScript))) return 0n;
  return isClaim(transaction) ? share.value : 0n;
}

/** Whether a transaction shows a commitment to its own job, as only a seller's claim does. */
function isClaim({ inputs, jobId }: Transaction): boolean {
  const script = inputs[0]?.unlockingScript ?? new Uint8Array(0);
  const commitment = firstPush(script);
  return commitment?.length === COMMITMENT_BYTES && equalBytes(commitment.subarray(0, 32), jobId);
}

function firstPush(script: Uint8Array): Uint8Array | undefined {
  return script.length > COMMITMENT_BYTES ? decodeScript(script)[0]?.data : undefined;
}
