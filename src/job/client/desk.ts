import type { JobEvent } from '../JobEvents.js';
import type { PoolMirror } from '../pool/PoolMirror.js';
import type { SellerBook } from '../sellers/SellerBook.js';
import type { JobSpec } from '../spec.js';
import type { JobTrace } from '../trace.js';
import type { ClientRecords } from './ClientRecords.js';
import type { ClientOutcome, ClientRecord } from './record.js';
import type { ClientHands } from './transactions.js';

/** What the parts of a buyer work with, and say what happens through. */
export interface ClientDesk extends ClientHands {
  readonly mirror: PoolMirror;
  readonly records: ClientRecords;
  /** What was learnt about sellers over their jobs. */
  readonly sellers: SellerBook | undefined;
  emit(event: Omit<JobEvent, 'role'>): void;
  /** Tells, once per height, that a job needs the chain to reach a height. */
  waitFor(jobId: string, untilHeight: number, detail: string): void;
  /** Does something for one job; what goes wrong is told once, and tried again at the next look. */
  guarded(jobId: string, body: () => Promise<void>): Promise<void>;
  /** Base units set aside for a contest: the bond and the fees around it. */
  reserveFor(job: JobSpec): bigint;
  /** Keeps the coins of a job from other payments of this wallet, here and in other processes while this one runs. */
  holdCoins(record: ClientRecord): void;
  /** Keeps the coins of all jobs on disk from what is paid next. */
  keepAside(): void;
  /** Ends a job that nothing was locked for. */
  withdrawJob(record: ClientRecord, why: string): Promise<ClientRecord>;
  /** Ends a job that nothing was locked for by the buyer's own will. */
  giveUp(record: ClientRecord): Promise<ClientRecord>;
  end(record: ClientRecord, outcome: ClientOutcome, why?: string, trace?: JobTrace): ClientRecord;
}
