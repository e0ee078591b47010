import { BitmodelError, fromHex, parseAmount } from '../../base/index.js';
import {
  type ChainClient,
  decodeTransaction,
  type KeyPair,
  keyPair,
  type NetworkParameters,
  transactionId,
  Wallet,
} from '../../chain/index.js';
import { JobClient } from '../client/JobClient.js';
import type { ClientRecord } from '../client/record.js';
import type { JobEvent } from '../JobEvents.js';
import type { JobRecord, JobRecords } from '../JobRecords.js';
import type { JobModel } from '../jobModel.js';
import { pause, sendOnce } from '../sending.js';
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
  readonly state: 'driven' | 'given-back' | 'done';
  /** Why it is done without having begun. */
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
}

/** Blocks for which the coins of a job are waited for. */
const FUNDING_PERIOD = 30;

/**
 * Waits until a job's coins are in a block, and sends the transaction that brings them again and again until then.
 * @returns whether they came
 * @throws AbortError
 */
export async function awaitFunding(
  chain: ChainClient,
  { funding, record }: Pick<HandedJob, 'funding' | 'record'>,
  interval: number,
  signal: AbortSignal,
): Promise<boolean> {
  const transaction = decodeTransaction(fromHex(funding));
  const txid = transactionId(transaction);
  for (;;) {
    signal.throwIfAborted();
    const known = await chain.transaction(txid);
    if (known && known.height > 0) return true;
    const tip = await chain.height();
    if (tip > record.job.created + FUNDING_PERIOD && !known) return false;
    try {
      if (!known) await sendOnce(chain, transaction);
    } catch (thrown) {
      // another transaction may have had its coins: then it never comes
      if (!(thrown instanceof BitmodelError) || thrown.code !== 'TX_REJECTED') throw thrown;
    }
    await pause(interval, signal);
  }
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
  const key = keyPair(fromHex(handed.key, 32), params);
  const save = (changes: Partial<HandedJob>): void =>
    records.save({ ...records.load(id), ...changes });
  if (!(await awaitFunding(chain, handed, interval, signal))) {
    save({ state: 'done', why: 'its coins never came' });
    return;
  }
  const wallet = new Wallet({ client: chain, keys: [key], params });
  const client = new JobClient({ chain, params, wallet, key, models, directory, interval });
  client.on('event', tell);
  if (client.list().length === 0) await client.submit(handed);
  await client.pursue(id, signal);
  const fee = { amount: parseAmount(handed.fee), publicKey: hands.key.publicKey };
  const home = fromHex(handed.home, 20);
  const last = await sendHome(
    { chain, params, key, home, fee, interval },
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
