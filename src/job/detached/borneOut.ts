import { BitmodelError, toHex } from '../../base/index.js';
import {
  type ChainClient,
  encodeTransaction,
  type KeyPair,
  type NetworkParameters,
  parseOutpoint,
} from '../../chain/index.js';
import { termsOf } from '../agreement.js';
import type { ClientRecord } from '../client/record.js';
import { makePrompt } from '../client/transactions.js';
import {
  type AnyMessage,
  acceptedOffer,
  createMessage,
  isSigned,
  type Message,
  parseMessage,
} from '../messages.js';
import { listJobMessages } from '../pool/client.js';
import { isEscrow, type JobTrace, traceJob } from '../trace.js';
import { type NoteOf, withProgress } from './notes.js';
import { type AnswerReader, checkedAnswer } from './toldAnswer.js';

/** What a watcher's word is held against. */
export interface Witness {
  readonly chain: ChainClient;
  readonly params: NetworkParameters;
  /** The job's own. */
  readonly key: KeyPair;
  /** Decodes its answer; absent where the model is not at hand. */
  readonly read?: AnswerReader | undefined;
}

/** What a buyer has of a job that a watcher told it of. */
export interface BorneOut {
  /** The buyer's own record with what the chain bears out, and no more. */
  readonly record: ClientRecord;
  /** Why the watcher is not to be believed, for people. */
  readonly doubt?: string;
}

/**
 * What a watcher tells of a job, held against the chain. An escrow counts where it spent the job's coin under the terms of
 * the offer that is told; a contest where it is the one there; an end where the contracts have ended, or, of an answer that
 * was found good, where it was claimed. What can't be read counts as not said. So a watcher can't make its buyer take
 * a job for over that is not, nor leave it with a record that it can't go on with.
 * @throws what the node says
 */
export async function borneOut(
  witness: Witness,
  record: ClientRecord,
  { state, progress, reason }: Pick<NoteOf<'tell'>, 'state' | 'progress' | 'reason'>,
): Promise<BorneOut> {
  if (record.phase === 'ended') return { record };
  const told = readable(record, progress);
  const locked = await withEscrow(witness, record, told ?? record);
  const isDone = state === 'done';
  const unread = told ? {} : { doubt: 'what it tells of the job can’t be read' };
  if (!locked.escrow) {
    if (!isDone) return { record: locked, ...unread };
    const why = told?.why ?? reason ?? 'it never began';
    return { record: { ...locked, phase: 'ended', outcome: 'closed', why }, ...unread };
  }
  const terms = termsOf(locked.job, locked.escrow.offer, witness.params);
  const trace = await traceJob(witness.chain, terms, locked.escrow.txid);
  const contested = withContest(locked, told, trace);
  const heard = told && withAnswer(contested, told, trace, witness.read);
  const ended = heard && endOf(contested, heard, trace);
  if (ended) return { record: ended };
  // one that is at work still may see a block before this node does
  const doubt = isDone
    ? { doubt: 'it says that the job is over, and the chain does not show that' }
    : unread;
  return { record: contested, ...doubt };
}

function readable(record: ClientRecord, progress: NoteOf<'tell'>['progress']) {
  try {
    return withProgress(record, progress);
  } catch (thrown) {
    if (thrown instanceof BitmodelError && thrown.code === 'BAD_NOTE') return undefined;
    throw thrown;
  }
}

/** The record with the escrow that spent its coin: by the offer that the watcher tells, or by that in the pool. */
async function withEscrow(
  witness: Witness,
  record: ClientRecord,
  told: ClientRecord,
): Promise<ClientRecord> {
  const { chain, params, key } = witness;
  if (record.escrow || !told.escrow) return adoptEscrow(witness, record, key);
  const { offer, txid, fee } = told.escrow;
  const spender = await chain.spender(parseOutpoint(record.job.coin));
  const known = spender?.txid === txid ? await chain.transaction(txid) : undefined;
  const isIt = known && isSigned(offer) && isOfTerms(params, record, offer, known.transaction);
  if (!isIt) return adoptEscrow(witness, record, key);
  return escrowedBy(record, offer, { txid, transaction: known.transaction, fee }, key);
}

/** Whether a transaction is the escrow of a job for an offer. An offer can be such that there is none. */
function isOfTerms(
  params: NetworkParameters,
  { job, id }: ClientRecord,
  offer: Message<'offer'>,
  transaction: Parameters<typeof encodeTransaction>[0],
): boolean {
  try {
    return offer.jobId === id && isEscrow(termsOf(job, offer, params), transaction);
  } catch (thrown) {
    if (thrown instanceof BitmodelError) return false;
    throw thrown;
  }
}

/** The record of a job whose escrow lies on the chain; what it says of that to others is said anew, by the job's key. */
function escrowedBy(
  record: ClientRecord,
  offer: Message<'offer'>,
  found: {
    readonly txid: string;
    readonly transaction: Parameters<typeof encodeTransaction>[0];
    readonly fee: string;
  },
  key: KeyPair,
): ClientRecord {
  const { txid, fee } = found;
  const { author, sequence, body, signature } = offer;
  const accepted = { offer: { author, sequence, body, signature }, escrow: txid };
  const transaction = toHex(encodeTransaction(found.transaction));
  return {
    ...record,
    phase: 'escrowed',
    escrow: { offer, txid, transaction, fee, sent: true },
    accept: createMessage('accept', record.id, 0, accepted, key.privateKey),
    prompt: makePrompt(record, offer, key),
  };
}

/** A contest counts where it is the one on the chain. */
function withContest(
  record: ClientRecord,
  told: ClientRecord | undefined,
  trace: JobTrace,
): ClientRecord {
  const contest = told?.contest;
  if (!contest || trace.contest?.txid !== contest.txid) return record;
  const transaction = toHex(encodeTransaction(trace.contest.transaction));
  const { contestMessage: said } = told;
  const isOwn = said?.author === record.job.client && said.jobId === record.id && isSigned(said);
  return {
    ...record,
    phase: 'contested',
    contest: { ...contest, transaction },
    ...(isOwn && { contestMessage: said }),
  };
}

/** What is told, without an answer that is not the one which the seller was paid for, nor what was found of that. */
function withAnswer(
  record: ClientRecord,
  told: ClientRecord,
  trace: JobTrace,
  read: AnswerReader | undefined,
): ClientRecord {
  if (!told.answer) return told;
  const answer = checkedAnswer(record, told.answer, trace, read);
  if (answer) return { ...told, answer };
  const { answer: _, verdict: __, ...rest } = told;
  return rest;
}

/** The record of a job that has ended, with what was found of its answer; undefined where the chain does not show an end. */
function endOf(
  record: ClientRecord,
  told: ClientRecord,
  { stage, end }: JobTrace,
): ClientRecord | undefined {
  if (told.phase !== 'ended') return undefined;
  const { answer, verdict, positions, seconds, claimedTokens, endFee, delivery, why } = told;
  const isGood = told.outcome === 'settled' && answer !== undefined && verdict !== undefined;
  const found = {
    ...(answer && { answer }),
    ...(verdict && { verdict }),
    ...(delivery && { delivery }),
    ...(positions === undefined ? {} : { positions }),
    ...(seconds === undefined ? {} : { seconds }),
    ...(claimedTokens === undefined ? {} : { claimedTokens }),
    ...(endFee === undefined ? {} : { endFee }),
    ...(why === undefined ? {} : { why }),
  };
  const ended = { ...record, ...found, phase: 'ended' as const };
  if (isGood && (stage === 'claimed' || stage === 'released')) {
    return { ...ended, outcome: 'settled' };
  }
  const isOpen =
    stage === 'unknown' || stage === 'escrowed' || stage === 'claimed' || stage === 'contested';
  return isOpen || !end || end.height === 0 ? undefined : { ...ended, outcome: stage };
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
  { chain, params }: Pick<Witness, 'chain' | 'params'>,
  record: ClientRecord,
  key: KeyPair,
): Promise<ClientRecord> {
  if (record.escrow) return record;
  const spender = await chain.spender(parseOutpoint(record.job.coin));
  const known = spender && (await chain.transaction(spender.txid));
  if (!known) return record;
  for (const message of await messagesOf(chain, record.id)) {
    if (message.type !== 'accept' || message.author !== record.job.client) continue;
    if (message.body.escrow !== spender.txid) continue;
    const offer = acceptedOffer(message);
    if (!isOfTerms(params, record, offer, known.transaction)) continue;
    return escrowedBy(record, offer, { ...known, txid: spender.txid, fee: '0' }, key);
  }
  return record;
}
