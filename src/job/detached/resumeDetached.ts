import { fromHex } from '../../base/index.js';
import { type ChainClient, type NetworkParameters, transactionId } from '../../chain/index.js';
import type { ClientRecords } from '../client/ClientRecords.js';
import type { ClientRecord } from '../client/record.js';
import { adoptEscrow } from './borneOut.js';
import { awaitFunding, fundingOf, isSpentOtherwise } from './funding.js';
import { detachedKey } from './handover.js';
import { type SentHome, sendHome } from './sendHome.js';

/** What a job that was taken back is gone on with. */
export interface ResumingHands {
  readonly chain: ChainClient;
  readonly params: NetworkParameters;
  readonly interval?: number;
}

/**
 * Makes a job that was taken back one that its buyer can drive: its coins are there, and its escrow is known.
 * @returns the record, on disk; ended where the coins can not come any more
 * @throws AbortError
 */
export async function prepareResumed(
  hands: ResumingHands,
  records: ClientRecords,
  record: ClientRecord,
  signal: AbortSignal,
): Promise<ClientRecord> {
  if (record.phase === 'ended') return record;
  const { chain, params, interval = 300 } = hands;
  const detached = record.detached!;
  const paid = { funding: detached.funding, from: record.job.created };
  const isFunded = await awaitFunding(chain, paid, { interval, signal });
  const key = detachedKey(detached, params);
  const next: ClientRecord = isFunded
    ? await adoptEscrow(hands, record, key)
    : {
        ...record,
        phase: 'ended',
        outcome: 'closed',
        why: 'its coins did not come in time, or were spent otherwise; nothing was locked',
      };
  records.save(next);
  return next;
}

/**
 * Brings what is left of a job that its buyer drove to the end itself back to the buyer's address.
 * @param tell told of each transaction
 * @throws AbortError, and what the node says
 */
export async function bringHome(
  { chain, params, interval = 300 }: ResumingHands,
  records: ClientRecords,
  record: ClientRecord,
  tell: (sent: SentHome) => void,
  signal: AbortSignal,
): Promise<ClientRecord> {
  const detached = record.detached!;
  const home = fromHex(detached.home, 20);
  const key = detachedKey(detached, params);
  const funding = fundingOf(detached);
  const isPaid = await chain.transaction(transactionId(funding));
  const source = { record, funding: detached.funding };
  const last = isPaid
    ? await sendHome(
        { chain, params, key, home, interval, source },
        tell,
        signal,
        detached.sentHome,
      )
    : undefined;
  const next: ClientRecord = {
    ...records.load(record.id),
    // a payment that whoever holds it can still send may yet come
    detached: {
      ...detached,
      state: isPaid || (await isSpentOtherwise(chain, funding)) ? 'over' : 'back',
      ...(last === undefined ? {} : { sentHome: last }),
    },
  };
  records.save(next);
  return next;
}
