import { BitmodelError, fromHex, messageOf, parseAmount } from '../../base/index.js';
import {
  type ChainClient,
  type KeyPair,
  keyPair,
  type NetworkParameters,
  Wallet,
} from '../../chain/index.js';
import { JobClient } from '../client/JobClient.js';
import type { ClientRecord } from '../client/record.js';
import type { JobEvent } from '../JobEvents.js';
import type { JobRecord, JobRecords } from '../JobRecords.js';
import type { JobModel } from '../jobModel.js';
import { awaitFunding, fundingOf } from './funding.js';
import { homeText, sendHome } from './sendHome.js';

/** A job that a watcher was handed; on its disk before it says so. */
export interface HandedJob extends JobRecord {
  /** The buyer's record as it was handed over. What came of it since is beside it, in the form that every buyer has. */
  readonly record: ClientRecord;
  /** Private key of the job alone, hex. */
  readonly key: string;
  /** HASH160, hex, of who gets what is left. */
  readonly home: string;
  /** Decimal coins. */
  readonly fee: string;
  /** The transaction that pays the job's key, hex. */
  readonly funding: string;
  /** Height at which it was taken; absent in records of earlier versions. */
  readonly takenAt?: number;
  readonly state: 'driven' | 'given-back' | 'done';
  /** Why it is done without an end. */
  readonly why?: string;
  /** The last transaction that sent coins home. */
  readonly sentHome?: string;
}

/** What one job is driven with. */
export interface DrivingHands {
  readonly chain: ChainClient;
  readonly params: NetworkParameters;
  /** The watcher's own, which is paid. */
  readonly key: KeyPair;
  readonly models: readonly JobModel[];
  /** Of this job's record as its buyer would keep it. */
  readonly directory: string;
  readonly interval: number;
  /** Told whether the node knows the job's payment. @returns whether that is to be waited for */
  readonly wait: (isKnown: boolean) => boolean;
}

/** Blocks above a job's expiry after which one that can't be driven is given up. */
const OVERDUE = 200;

/** Why a job has no coins; undefined once they are in a block. */
async function whyUnpaid(
  { chain, interval, wait }: DrivingHands,
  paid: Parameters<typeof awaitFunding>[1],
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    fundingOf(paid);
  } catch (thrown) {
    if (!(thrown instanceof BitmodelError)) throw thrown;
    // what is no transaction will never be one
    return messageOf(thrown);
  }
  const isPaid = await awaitFunding(chain, paid, { interval, signal, wait });
  return isPaid ? undefined : 'its coins never came';
}

/**
 * Drives a job from where it is to its end, and sends what is left home.
 * @throws what stops it; it can be called again. AbortError
 */
export async function drive(
  hands: DrivingHands,
  records: JobRecords<HandedJob>,
  id: string,
  signal: AbortSignal,
  tell: (event: JobEvent) => void,
): Promise<void> {
  const { chain, params, models, directory, interval } = hands;
  const handed = records.load(id);
  const save = (changes: Partial<HandedJob>): void =>
    records.save({ ...records.load(id), ...changes });
  const { job } = handed.record;
  const from = handed.takenAt ?? job.created;
  const why = await whyUnpaid(hands, { funding: handed.funding, from }, signal);
  // whoever pays nothing shall fill no disk: the key is its buyer's, and so would be the coins, should they come
  if (why !== undefined) {
    tell({ role: 'client', step: 'problem', jobId: id, detail: why });
    return records.forget(id);
  }
  const key = keyPair(fromHex(handed.key, 32), params);
  const wallet = new Wallet({ client: chain, keys: [key], params });
  const client = new JobClient({ chain, params, wallet, key, models, directory, interval });
  client.on('event', tell);
  try {
    if (client.list().length === 0) await client.submit(handed);
    await client.pursue(id, signal);
  } catch (thrown) {
    // nothing can be locked any more, and all that was has had its end: what is there goes home
    const tip = await chain.height();
    if (signal.aborted || tip <= job.expires + OVERDUE) throw thrown;
    save({ why: messageOf(thrown).slice(0, 300) });
  }
  const fee = { amount: parseAmount(handed.fee), publicKey: hands.key.publicKey };
  const home = fromHex(handed.home, 20);
  const source = { record: client.list().at(-1) ?? handed.record, funding: handed.funding };
  const last = await sendHome(
    { chain, params, key, home, fee, interval, source },
    (sent) => {
      save({ sentHome: sent.txid });
      const detail = homeText(sent);
      tell({ role: 'client', step: 'sent-home', jobId: id, txid: sent.txid, detail });
    },
    signal,
    handed.sentHome,
  );
  save({ state: 'done', ...(last === undefined ? {} : { sentHome: last }) });
}
