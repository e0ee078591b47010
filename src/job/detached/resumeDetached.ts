import { fromHex, toHex } from '../../base/index.js';
import {
  type ChainClient,
  decodeTransaction,
  encodeTransaction,
  type KeyPair,
  type NetworkParameters,
  parseOutpoint,
  transactionId,
} from '../../chain/index.js';
import { termsOf } from '../agreement.js';
import type { ClientRecords } from '../client/ClientRecords.js';
import type { ClientRecord } from '../client/record.js';
import { makePrompt } from '../client/transactions.js';
import { type AnyMessage, acceptedOffer, parseMessage } from '../messages.js';
import { listJobMessages } from '../pool/client.js';
import { isEscrow } from '../trace.js';
import { awaitFunding } from './funding.js';
import { detachedKey } from './handover.js';
import { type SentHome, sendHome } from './sendHome.js';

/** What a job that was taken back is gone on with. */
export interface ResumingHands {
  readonly chain: ChainClient;
  readonly params: NetworkParameters;
  readonly interval?: number;
}

/** Messages about a job that the node holds. */
async function messagesOf(chain: ChainClient, jobId: string): Promise<AnyMessage[]> {
  const { messages } = await listJobMessages(chain, { jobId });
  return messages.map((message) => parseMessage(message));
}

/**
 * The record of a job whose watcher has gone on without saying so: the escrow that spent its coin is looked up on the
 * chain, and the offer that it accepted in the pool.
 */
export async function adoptEscrow(
  { chain, params }: ResumingHands,
  record: ClientRecord,
  key: KeyPair,
): Promise<ClientRecord> {
  if (record.escrow) return record;
  const spender = await chain.spender(parseOutpoint(record.job.coin));
  const known = spender && (await chain.transaction(spender.txid));
  if (!known) return record;
  for (const message of await messagesOf(chain, record.id)) {
    const { job } = record;
    if (message.type !== 'accept' || message.author !== job.client) continue;
    if (message.body.escrow !== spender.txid) continue;
    const offer = acceptedOffer(message);
    if (!isEscrow(termsOf(job, offer, params), known.transaction)) continue;
    const transaction = toHex(encodeTransaction(known.transaction));
    const escrow = { offer, txid: spender.txid, transaction, fee: '0', sent: true as const };
    return {
      ...record,
      phase: 'escrowed',
      escrow,
      accept: message,
      prompt: makePrompt(record, offer, key),
    };
  }
  return record;
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
  const paid = { funding: detached.funding, job: record.job };
  const isFunded = await awaitFunding(chain, paid, { interval, signal });
  const key = detachedKey(detached, params);
  const next: ClientRecord = isFunded
    ? await adoptEscrow(hands, record, key)
    : {
        ...record,
        phase: 'ended',
        outcome: 'closed',
        why: 'its coins were spent otherwise; nothing was locked',
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
  const isPaid = await chain.transaction(idOf(detached.funding));
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
    detached: { ...detached, state: 'over', ...(last === undefined ? {} : { sentHome: last }) },
  };
  records.save(next);
  return next;
}

const idOf = (funding: string): string => transactionId(decodeTransaction(fromHex(funding)));
