import type { Sampling } from '../../model/index.js';
import type { BoughtWith, ClientRecord } from './record.js';

/** What a job takes of its buyer's money, base units. */
export interface JobMoney {
  /** The most that is paid for the answer. */
  readonly reward: bigint;
  /** Set aside for a contest: the bond and the fees around it. */
  readonly reserve: bigint;
}

/** What a buyer asks for. */
export interface JobRequest {
  /** Model id, hex; one of the client's models. */
  readonly model: string;
  readonly promptIds: readonly number[];
  readonly sampling: Sampling;
  readonly maxTokens: number;
  readonly stop?: readonly string[];
  /** Base units that one output token may cost at most. */
  readonly pricePerToken: bigint;
  /**
   * Public keys, hex; `drawn`: out of those bonded on the chain; `announced`: the cheapest that say they have the model,
   * whoever they are; or `auto`: drawn where enough are bonded, of whom most must announce the model, else announced.
   */
  readonly verifiers: readonly string[] | 'auto' | 'drawn' | 'announced';
  /** More than half of the verifiers unless stated. */
  readonly threshold?: number;
  /** Base units per verifier, of whom those that ask for more do not judge; what they announced, or 10,000 unless stated. */
  readonly verifierFee?: bigint;
  /** Base units; the least that is allowed unless stated. */
  readonly stake?: bigint;
  /** How deep the escrow must be before the seller claims; the network's rule unless stated. */
  readonly confirmations?: number;
  /** Blocks until the escrow can be taken back; 60 on regtest, else 120. */
  readonly lifetime?: number;
  /** 32 bytes; fixes the seed. Random unless stated. */
  readonly nonce?: Uint8Array;
  /** Write the receipt here as well. */
  readonly receiptFile?: string;
  /** Kept with the job, for whoever goes on with it. */
  readonly boughtWith?: BoughtWith;
  /** Public keys, hex: it is bought of these sellers alone, whatever was learnt about them. */
  readonly sellers?: readonly string[];
  /**
   * Names the coin that the job stands on, `txid:index`, where that is not to be one of the wallet: it will be the key's, with
   * all that the job takes.
   */
  readonly coin?: (money: JobMoney) => Promise<string>;
  /** Whether sellers and announced verifiers that were slashed before may be chosen; they are not unless stated. */
  readonly allowSuspects?: boolean;
  /** How often it is announced anew, as another job, when it ends without an answer and the money is back; 0 unless stated. */
  readonly retries?: number;
}

/** A job that is ready to be announced, and what it may cost. Nothing is locked or sent yet. */
export interface JobQuote {
  readonly record: ClientRecord;
  /** Base units: the most that is paid for the answer. */
  readonly reward: bigint;
  /** Base units set aside for a contest; comes back where there is none. */
  readonly bond: bigint;
  /** How its verifiers were found: `announced` ones have no bond, and may be anybody. */
  readonly verifiersAre: 'named' | 'announced' | 'drawn';
  /** Blocks until an honest seller can claim, at best. */
  readonly blocks: number;
}
