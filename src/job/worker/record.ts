import type { FinishReason } from '../../model/index.js';
import type { JobRecord } from '../JobRecords.js';
import type { Message } from '../messages.js';
import type { JobSpec } from '../spec.js';

/** How a job ended for its seller. */
export type WorkerOutcome =
  | 'released'
  | 'slashed'
  | 'cleared'
  | 'lapsed'
  | 'refunded'
  | 'cancelled'
  /** The buyer took another offer, or none. */
  | 'passed';

/** Everything the seller must know to finish a job it offered to do; on disk before anything is sent. */
export interface WorkerRecord extends JobRecord {
  readonly job: JobSpec;
  /** The key that the claim shows, 32 bytes in hex. Until then nobody else may see it. */
  readonly k: string;
  readonly offer: Message<'offer'>;
  readonly announce: Message<'announce'>;
  /** Kept once the escrow that it names was seen. */
  readonly accept?: Message<'accept'>;
  /** The prompt as it came, sealed: kept from its first sight on, since a node loses its pool in a restart. */
  readonly sealedPrompt?: Message<'prompt'>;
  /** Hex, ids. */
  readonly prompt?: { readonly salt: string; readonly ids: readonly number[] };
  readonly output?: { readonly ids: readonly number[]; readonly finish: FinishReason };
  /** One-time private key of the answer's ECIES layer, hex: the counter-proof. */
  readonly oneTimeKey?: string;
  readonly commitment?: Message<'commitment'>;
  readonly claim?: { readonly txid: string; readonly transaction: string; readonly fee: string };
  readonly counterproof?: Message<'counterproof'>;
  readonly withdrawal?: Message<'withdraw'>;
  readonly outcome?: WorkerOutcome;
}
