import type { FinishReason } from '../../model/index.js';
import type { Verdict } from '../../rastic/index.js';
import type { JobRecord } from '../JobRecords.js';
import type { Message } from '../messages.js';
import type { JobSpec } from '../spec.js';

/** How a job ended for its buyer. */
export type ClientOutcome =
  /** The answer is there, checked, and paid. */
  | 'settled'
  /** The stake was slashed; price and bond came back. */
  | 'slashed'
  /** The verifiers found the accusation wrong. */
  | 'cleared'
  /** The verifiers were silent. */
  | 'lapsed'
  /** The contest came after the seller had taken its stake back. */
  | 'released'
  | 'refunded'
  | 'cancelled'
  /** It ended before any money was locked. */
  | 'closed';

/** Where a buyer's job stands; what it needs next follows from this record, the chain and the pool. */
export type ClientPhase = 'announced' | 'escrowed' | 'contested' | 'ended';

/** An answer as it was opened. */
export interface ClientAnswer {
  readonly outputIds: readonly number[];
  readonly text: string;
  /** Who decoded the text, where that was not this machine: the ids are the seller's either way. */
  readonly textFrom?: 'watcher';
  readonly finish: FinishReason;
  /** Hex. */
  readonly k: string;
  readonly ciphertextHash: string;
  readonly commitmentSignature: string;
}

/** How often a job is announced anew when it ends without an answer, and on which terms. */
export interface RetryPlan {
  /** 1 for the first job of a submission. */
  readonly attempt: number;
  /** How many more there may be. */
  readonly left: number;
  /** Id of the job before this one. */
  readonly previous?: string;
  /** Public keys, hex, of the sellers that were chosen before: none is chosen twice. */
  readonly passedOver: readonly string[];
  /** Decimal coins: the most that one try may lock, as the buyer agreed. */
  readonly reward: string;
  readonly bond: string;
  /** What was asked for and can't be told from the job: see `JobRequest`. */
  readonly verifiers: readonly string[] | 'auto' | 'drawn' | 'announced';
  readonly threshold?: number;
  readonly verifierFee?: string;
  readonly stake?: string;
  readonly confirmations?: number;
  readonly lifetime?: number;
  readonly nonce?: string;
}

/** What a buyer on this machine goes on with where nothing else is said. Neither is told to anybody. */
export interface BoughtWith {
  /** Name of the key. */
  readonly key: string;
  /** The model's folder, an absolute path. */
  readonly model: string;
}

/** What a buyer keeps of a job that a watcher drives. */
export interface DetachedJob {
  /** Public key of the watcher, hex, and peer id of its node, absent where that is the buyer's own. */
  readonly watcher: string;
  readonly node?: string;
  /** Decimal coins: what the watcher keeps in the end. */
  readonly fee: string;
  /** Private key of this job alone, hex: as long as it is here, its money can be had back. */
  readonly key: string;
  /** HASH160 of the buyer's own address, hex: where everything goes in the end. */
  readonly home: string;
  /** The transaction that puts the job's coins on its key, hex. */
  readonly funding: string;
  /** `handing`: nobody has said that it took it; `driven` by the watcher; `back` in the buyer's own hand; `over`. */
  readonly state: 'handing' | 'driven' | 'back' | 'over';
  /** The transaction that brought everything home, as it is known here. */
  readonly sentHome?: string;
}

/** Everything the buyer must know to finish a job or to be refunded; on disk before anything is sent. */
export interface ClientRecord extends JobRecord {
  readonly phase: ClientPhase;
  readonly job: JobSpec;
  /** Hex, hex, ids. */
  readonly salt: string;
  readonly nonce: string;
  readonly promptIds: readonly number[];
  /** c, hex, where verifiers are drawn: nobody else may know it before a contest. */
  readonly drawSecret?: string;
  readonly announce: Message<'announce'>;
  /** Where the receipt goes, beside the record. */
  readonly receiptFile?: string;
  readonly boughtWith?: BoughtWith;
  readonly escrow?: {
    readonly offer: Message<'offer'>;
    readonly txid: string;
    /** The signed transaction, hex. */
    readonly transaction: string;
    /** Base units, decimal. */
    readonly fee: string;
    /** Set before it goes out for the first time: until then nothing can have been locked. */
    readonly sent?: true;
  };
  readonly accept?: Message<'accept'>;
  readonly prompt?: Message<'prompt'>;
  /** The claimed answer, still sealed: kept from its first sight on, since the pool forgets it when the job is over. */
  readonly delivery?: Message<'commitment'>;
  readonly answer?: ClientAnswer;
  readonly verdict?: Verdict;
  readonly positions?: number;
  readonly seconds?: number;
  /** The buyer contests whatever its own check says. */
  readonly accuse?: boolean;
  readonly contest?: { readonly txid: string; readonly transaction: string; readonly fee: string };
  readonly contestMessage?: Message<'contest'>;
  /** Output tokens that were claimed, and so paid for, once the contracts are spent; the answer may never have been opened. */
  readonly claimedTokens?: number;
  /** Base units, decimal: the buyer's fee of the transaction that spent the contracts, where it had one. */
  readonly endFee?: string;
  readonly outcome?: ClientOutcome;
  /** One line: why it ended so. */
  readonly why?: string;
  /** Verdicts that the pool held when the job was over: what an appeal against one of them is made from. */
  readonly verdicts?: readonly Message<'verdict'>[];
  /** A job that tests its verifiers: the dispute is ended only when all of them could speak. */
  readonly planted?: true;
  /** Bought of these sellers alone, hex, whatever was learnt about them. */
  readonly sellers?: readonly string[];
  /** Sellers that were slashed before may be chosen. */
  readonly allowSuspects?: boolean;
  /** Where a watcher drives it, or did. */
  readonly detached?: DetachedJob;
  readonly retry?: RetryPlan;
  /** The buyer ended it by its own will: it is not announced anew. */
  readonly givenUp?: boolean;
}
