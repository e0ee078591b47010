import { BitmodelError, EXIT } from '../../base/index.js';
import type { AddressParameters, ChainClient, Wallet } from '../../chain/index.js';
import { BatchRun } from './BatchRun.js';
import { type BatchPlan, type BatchRequest, batchName, planBatch } from './batch.js';
import { type LedgerBatch, ledgerPlace, readLedger, withLedger } from './ledger.js';

/** How a batch is paid. */
export interface PayBatchOptions {
  /** The file of what is carried and paid. */
  readonly ledger: string;
  readonly params: AddressParameters;
  /** Pay although the ledger has a batch of the same graph, demand and minimum; one that was left unfinished is only finished. */
  readonly again?: boolean;
  /** Wait for a block where the mempool takes no more, and go on. */
  readonly wait?: boolean;
  /** Payments of one transaction; see `batchOutputs`. */
  readonly most?: number;
  readonly signal?: AbortSignal;
  /** Told of each transaction that the node has. */
  readonly onSent?: (txid: string) => void;
}

/** What came of a batch. */
export interface PaidBatch {
  /** Absent where only an earlier batch was finished, which was this one. */
  readonly plan?: BatchPlan;
  /** Printed ids, in the order of sending. */
  readonly txids: readonly string[];
  /** Base units; absent where an earlier batch was finished. */
  readonly fee?: bigint;
  /** Ids that a batch which was interrupted before had left to send. */
  readonly resumed: readonly string[];
}

function alreadyPaid({ transactions, height }: LedgerBatch): BitmodelError {
  const by = transactions.at(-1)?.txid;
  return new BitmodelError(
    'ALREADY_PAID',
    `The ledger has a batch of just this graph and these amounts, at height ${height}${by ? ` in ${by}` : ''}.`,
    { next: 'Pass --again if it is to be paid once more', exitCode: EXIT.notAllowed },
  );
}

/**
 * Pays everybody's share of a computed payout out of the wallet, in one transaction or in a tree of them. What is too
 * small is carried in the ledger. All transactions are signed, and on the disk, before the first is sent: whenever this
 * is ended, the next run sends what is missing, by its id, and pays nobody twice.
 * @throws BitmodelError `BAD_OWNER` (nothing is sent), `ALREADY_PAID`, `LEDGER_BUSY`, `BAD_LEDGER`, `BATCH_UNFINISHED`,
 *   `BATCH_CONFLICT`, `INSUFFICIENT_FUNDS`, and what the node says
 */
export async function payBatch(
  client: ChainClient,
  wallet: Wallet,
  request: BatchRequest,
  given: PayBatchOptions,
): Promise<PaidBatch> {
  const options = { ...given, ledger: ledgerPlace(given.ledger) };
  return withLedger(options.ledger, async () => {
    const ledger = readLedger(options.ledger, await client.genesisId());
    const run = new BatchRun(client, wallet, options, ledger);
    const plan = planBatch(request, ledger.carried, options.params);
    let isFinished = false;
    await run.followReplaced();
    await run.replaceDead();
    for (const [at, batch] of run.ledger.batches.entries()) {
      await run.bring(at);
      isFinished ||= !batch.isSent && batch.name === batchName(plan);
    }
    const resumed = [...run.sent];
    // also where it is to be paid once more: that was said of the batch that is now finished, by whoever ran the same again
    if (isFinished) return { txids: resumed, resumed };
    const same = run.ledger.batches.findLast(({ name }) => name === batchName(plan));
    if (same && !options.again) throw alreadyPaid(same);
    const fee = await run.pay(plan);
    const txids = run.ledger.batches.at(-1)!.transactions.map(({ txid }) => txid);
    return { plan, txids, fee, resumed };
  });
}

/** What {@link payBatch} would pay now by this ledger; nothing is sent or written. @throws as it */
export async function planByLedger(
  client: ChainClient,
  request: BatchRequest,
  { ledger, params }: Pick<PayBatchOptions, 'ledger' | 'params'>,
): Promise<BatchPlan> {
  const { carried } = readLedger(ledger, await client.genesisId());
  return planBatch(request, carried, params);
}
