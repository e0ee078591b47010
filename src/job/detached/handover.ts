import { BitmodelError, EXIT, formatAmount, fromHex, messageOf, toHex } from '../../base/index.js';
import {
  type ChainClient,
  createKey,
  decodeTransaction,
  encodeTransaction,
  estimateFeeRate,
  hash160,
  type KeyPair,
  keyPair,
  type NetworkParameters,
  p2pkhScript,
  type Transaction,
  transactionId,
  Wallet,
} from '../../chain/index.js';
import type { ClientRecords } from '../client/ClientRecords.js';
import { JobClient } from '../client/JobClient.js';
import type { ClientRecord, DetachedJob } from '../client/record.js';
import type { JobMoney, JobQuote, JobRequest } from '../client/request.js';
import type { JobModel } from '../jobModel.js';
import { sendOnce } from '../sending.js';
import { borneOut, type Witness } from './borneOut.js';
import { converse } from './converse.js';
import { detachedValue } from './funding.js';
import { DETACHED_BOUNDS, handedRecord } from './notes.js';
import { voidPayment } from './voiding.js';

/** Who a job is handed to, and for what. */
export interface WatcherChoice {
  /** Public key, hex. */
  readonly publicKey: string;
  /** Peer id of its node; absent where that is the buyer's own. */
  readonly node?: string | undefined;
  /** Base units that it keeps in the end. */
  readonly fee: bigint;
}

/** What a buyer hands a job over with. */
export interface HandoverHands {
  readonly chain: ChainClient;
  readonly params: NetworkParameters;
  /** The buyer's own, which pays. */
  readonly wallet: Wallet;
  /** The buyer's own: what is left comes to its address. */
  readonly key: KeyPair;
  readonly models: readonly JobModel[];
  /** Where the buyer's jobs are kept. */
  readonly directory: string;
}

/** A job that is ready to be handed over; nothing is sent yet. */
export interface DetachedQuote extends JobQuote {
  /** Base units that leave the buyer's wallet: the price, what is set aside, and fees. */
  readonly locked: bigint;
  /** Frees the coins of a buyer that does not agree. */
  readonly release: () => void;
}

/** Milliseconds that a watcher has to say that it takes a job. */
const TAKEN_WITHIN = 30_000;

/** The key of a detached job. */
export function detachedKey({ key }: Pick<DetachedJob, 'key'>, params: NetworkParameters): KeyPair {
  return keyPair(fromHex(key, 32), params);
}

/**
 * Works out a job that a watcher is to drive. It stands on a key made for it alone, which gets exactly what the job can
 * take: the price, what a contest needs, and fees. The wallet's own keys are no part of it.
 * @throws BitmodelError as `JobClient.quote`; `LETTER_TOO_LARGE`
 */
export async function quoteDetached(
  hands: HandoverHands,
  request: JobRequest,
  { publicKey, node, fee }: WatcherChoice,
): Promise<DetachedQuote> {
  const { chain, params, wallet } = hands;
  assertFits(request);
  const key = createKey(params);
  const own = new Wallet({ client: chain, keys: [key], params });
  const client = new JobClient({ ...hands, key, wallet: own });
  let funding: Transaction | undefined;
  let locked = 0n;
  const coin = async (money: JobMoney): Promise<string> => {
    const value = detachedValue(money, fee);
    const lockingScript = p2pkhScript(hash160(key.publicKey));
    const outputs = [{ value, lockingScript }];
    const funded = await wallet.fund({ outputs, feeRate: await estimateFeeRate(chain) });
    funding = wallet.sign(funded.transaction, funded.spentOutputs);
    locked = value + funded.fee;
    return `${transactionId(funding)}:0`;
  };
  const release = (): void => {
    if (funding) wallet.release(funding);
  };
  try {
    const quote = await client.quote({ ...request, coin });
    const detached: DetachedJob = {
      watcher: publicKey,
      ...(node === undefined ? {} : { node }),
      fee: formatAmount(fee),
      key: toHex(key.privateKey),
      home: toHex(hash160(hands.key.publicKey)),
      funding: toHex(encodeTransaction(funding!)),
      state: 'handing',
    };
    return { ...quote, record: { ...quote.record, detached }, locked, release };
  } catch (thrown) {
    release();
    throw thrown;
  }
}

function assertFits({ promptIds, maxTokens }: JobRequest): void {
  const { inputTokens, maxTokens: most } = DETACHED_BOUNDS;
  if (promptIds.length <= inputTokens && maxTokens <= most) return;
  throw new BitmodelError(
    'LETTER_TOO_LARGE',
    `A job of more than ${inputTokens} tokens of prompt, or ${most} of answer, can't be handed over.`,
    { next: 'Shorten it, or stay with it yourself: leave --detach out', exitCode: EXIT.usage },
  );
}

/**
 * Hands a job over: on disk first, then to the watcher, and once that has said that it took it the job's coins are paid.
 * The watcher has that payment, too, so from there on the buyer may be gone.
 * @throws BitmodelError `WATCHER_REFUSED`: the payment was made void; `WATCHER_SILENT`: it may have taken it all the same, and the
 *   job stays the buyer's to take back. AbortError
 */
export async function handOver(
  { chain, params, wallet }: Pick<HandoverHands, 'chain' | 'params' | 'wallet'>,
  records: ClientRecords,
  record: ClientRecord,
  signal: AbortSignal,
): Promise<ClientRecord> {
  const detached = record.detached!;
  records.save(record);
  const answer = await converse(
    chain,
    { key: detachedKey(detached, params), watcher: detached.watcher, at: detached.node },
    {
      kind: 'hand',
      jobId: record.id,
      record: handedRecord(record),
      key: detached.key,
      home: detached.home,
      fee: detached.fee,
      funding: detached.funding,
    },
    TAKEN_WITHIN,
    signal,
  );
  if (!answer) throw silent(record);
  const funding = decodeTransaction(fromHex(detached.funding));
  if (answer.state === 'refused' || answer.state === 'unknown') {
    return unsay({ chain, wallet }, records, record, answer.reason ?? 'it gave no reason');
  }
  const driven: ClientRecord = { ...record, detached: { ...detached, state: 'driven' } };
  records.save(driven);
  await sendOnce(chain, funding);
  return driven;
}

/**
 * Ends a job that its watcher refused. The watcher has a signed payment and the key that it goes to, so the payment is made
 * void by moving a coin of it.
 * @throws BitmodelError `WATCHER_REFUSED`
 */
async function unsay(
  hands: Pick<HandoverHands, 'chain' | 'wallet'>,
  records: ClientRecords,
  record: ClientRecord,
  reason: string,
): Promise<never> {
  const detached = record.detached!;
  const funding = decodeTransaction(fromHex(detached.funding));
  const why = `the watcher refused it: ${reason}`;
  records.save({ ...record, phase: 'ended', outcome: 'closed', why });
  hands.wallet.release(funding);
  const cause = await voidPayment(hands, funding, fromHex(detached.home, 20)).then(
    (txid) => (txid === undefined ? 'it was sent already' : undefined),
    (thrown: unknown) => messageOf(thrown),
  );
  if (cause === undefined) {
    const over: DetachedJob = { ...detached, state: 'over' };
    records.save({ ...record, phase: 'ended', outcome: 'closed', why, detached: over });
    throw new BitmodelError('WATCHER_REFUSED', `The watcher does not take this job: ${reason}.`, {
      next: 'Nothing was paid but the fee of a transaction that makes the signed payment void. Name another watcher, or leave --detach out',
      exitCode: EXIT.notAllowed,
    });
  }
  records.save(record);
  throw new BitmodelError(
    'WATCHER_REFUSED',
    `The watcher says that it does not take this job (${reason}), and the payment that it holds could not be made void: ${cause}.`,
    {
      next: `Take the job and its coins back at once: bitmodel job resume ${record.id.slice(0, 12)}`,
      exitCode: EXIT.notAllowed,
    },
  );
}

/** What a buyer is told whose watcher does not answer. */
export function silent({ id }: Pick<ClientRecord, 'id'>): BitmodelError {
  return new BitmodelError('WATCHER_SILENT', 'The watcher does not answer.', {
    next: `Ask again later (bitmodel job fetch ${id.slice(0, 12)}), or take the job back: bitmodel job resume ${id.slice(0, 12)}`,
    exitCode: EXIT.unreachable,
  });
}

/** Milliseconds that a watcher has to answer a question, and to let go of a job. */
const TOLD_WITHIN = 10_000;

/**
 * Asks the watcher how far a job is, and keeps of what it says what the chain bears out.
 * @returns the record; where the job has ended it is `back`: what is left on its key is to be brought home
 * @throws BitmodelError `WATCHER_SILENT`; `JOB_NOT_TAKEN` where it does not drive the job; `WATCHER_DOUBTED` where the
 *   chain does not bear out what it says. AbortError
 */
export async function fetchDetached(
  { chain, params, read }: Omit<Witness, 'key'>,
  records: ClientRecords,
  record: ClientRecord,
  signal: AbortSignal,
): Promise<ClientRecord> {
  const { detached } = record;
  if (!detached || detached.state === 'over' || detached.state === 'back') return record;
  const { id: jobId } = record;
  const to = { key: detachedKey(detached, params), watcher: detached.watcher, at: detached.node };
  const answer = await converse(chain, to, { kind: 'ask', jobId }, TOLD_WITHIN, signal);
  if (!answer) throw silent(record);
  if (answer.state !== 'driven' && answer.state !== 'done') {
    throw new BitmodelError('JOB_NOT_TAKEN', 'The watcher does not drive this job.', {
      next: `Go on with it yourself: bitmodel job resume ${jobId.slice(0, 12)}`,
      exitCode: EXIT.notFound,
    });
  }
  return records.inHand(jobId, async () => {
    const witness = { chain, params, key: to.key, read };
    const { record: now, doubt } = await borneOut(witness, records.load(jobId), answer);
    const { sentHome } = answer;
    const next: ClientRecord = {
      ...now,
      detached: {
        ...detached,
        // what is over is the buyer's to bring home, should anything have stayed behind
        state: answer.state === 'done' && now.phase === 'ended' ? 'back' : 'driven',
        ...(sentHome === undefined ? {} : { sentHome }),
      },
    };
    records.save(next);
    if (doubt !== undefined) throw doubted(next, doubt);
    return next;
  });
}

/** What a buyer is told whose watcher's word does not hold. */
function doubted({ id }: Pick<ClientRecord, 'id'>, doubt: string): BitmodelError {
  return new BitmodelError('WATCHER_DOUBTED', `The watcher is not to be believed: ${doubt}.`, {
    next: `Take the job back and go on with it: bitmodel job resume ${id.slice(0, 12)}`,
    exitCode: EXIT.notAllowed,
  });
}

/**
 * Takes a job back from its watcher, which lets go of it before it answers.
 * @returns the record to go on with, and whether the watcher said that it stopped: one that is silent may be at work still
 * @throws AbortError
 */
export async function takeBack(
  { chain, params, read }: Omit<Witness, 'key'>,
  records: ClientRecords,
  record: ClientRecord,
  signal: AbortSignal,
): Promise<{ readonly record: ClientRecord; readonly isReleased: boolean }> {
  const detached = record.detached!;
  const { id: jobId } = record;
  if (detached.state === 'back' || detached.state === 'over') return { record, isReleased: true };
  const to = { key: detachedKey(detached, params), watcher: detached.watcher, at: detached.node };
  const answer = await converse(chain, to, { kind: 'back', jobId }, TOLD_WITHIN, signal);
  const { sentHome } = answer ?? {};
  const taken: DetachedJob = {
    ...detached,
    state: 'back',
    ...(sentHome === undefined ? {} : { sentHome }),
  };
  // on disk before what was told is looked at: whatever that is, the job is the buyer's again
  records.save({ ...record, detached: taken });
  const witness = { chain, params, key: to.key, read };
  const known = answer ? (await borneOut(witness, record, answer)).record : record;
  const next: ClientRecord = { ...known, detached: taken };
  records.save(next);
  return { record: next, isReleased: answer !== undefined };
}
