import type { ChainClient, Utxo } from '../client/ChainClient.js';
import type { Outpoint, Transaction } from '../codec/transaction.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import type { Account } from './Account.js';
import type { FeeLimits } from './check.js';
import type { FundRequest } from './fund.js';
import type { KeyPair } from './keys.js';
import type { SweepRequest } from './sweep.js';
import type { WalletBook } from './WalletBook.js';

/** What a wallet holds, and by which node it learns of it. */
export interface WalletOptions {
  readonly client: ChainClient;
  /** Keys to sign with; change goes to the first one's address. */
  readonly keys: readonly KeyPair[];
  /** Addresses to watch without a key: enough for a balance, or to build what somebody else signs. */
  readonly watch?: readonly string[];
  /** An HD account instead of keys: to spend with a private extended key, to watch with a public one. */
  readonly account?: Account;
  /** Where locked coins, and those that other processes have chosen, are noted. */
  readonly book?: WalletBook;
  readonly params: NetworkParameters;
}

/** As {@link FundRequest}, with the wallet's own coins and change. */
export interface WalletFundRequest
  extends Omit<FundRequest, 'utxos' | 'changeScript' | 'spendAll'> {
  /** Spend exactly these of the wallet's coins rather than choose; one may lie under a token. */
  readonly coins?: readonly Outpoint[] | undefined;
  /** Narrows the coins to choose from, of those that are free. */
  readonly from?: ((free: readonly Utxo[]) => readonly Utxo[]) | undefined;
  /** Let these coins be such as hold pins, which go wherever their base units go. */
  readonly allowPins?: boolean | undefined;
}

/** What is about to be signed and sent. */
export interface SpendPlan {
  /** Of all transactions together, base units. */
  readonly fee: bigint;
  readonly transactions: readonly Transaction[];
}

/** Asks the owner of the coins; what it throws ends the payment, and the coins are free again. */
export type Agree = (plan: SpendPlan) => Promise<void>;

/** What a transaction may cost, and whether it may end tokens. */
export interface SpendLimits extends FeeLimits {
  /** Asked when the coins are chosen and the fee is known, before anything is signed. */
  readonly agree?: Agree | undefined;
  /** Let tokens that are spent go lost. */
  readonly allowBurn?: boolean | undefined;
}

/** How a payment is made, and within which limits. */
export interface SendOptions extends Omit<WalletFundRequest, 'outputs'>, SpendLimits {}

/** How everything is moved, and within which limits. */
export interface SweepOptions extends Omit<SweepRequest, 'utxos' | 'lockingScript'>, FeeLimits {
  /** Move coins that hold pins, too. */
  readonly allowPins?: boolean | undefined;
  /** Asked once, for all transactions. */
  readonly agree?: Agree | undefined;
}

/** A transaction that the node took. */
export interface Sent {
  /** Printed transaction id, computed here. */
  readonly txid: string;
  /** Base units. */
  readonly fee: bigint;
  readonly transaction: Transaction;
}
