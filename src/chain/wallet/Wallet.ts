import type { ChainClient, Utxo } from '../client/ChainClient.js';
import {
  type Outpoint,
  type Transaction,
  type TransactionOutput,
  transactionId,
} from '../codec/transaction.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import type { Account } from './Account.js';
import { type Balance, balanceOf, isMature } from './balance.js';
import { CoinLocks } from './CoinLocks.js';
import { checkAmounts } from './check.js';
import {
  assertNoPins,
  chosenCoins,
  coinsTaken,
  hasPins,
  isReserved,
  namedCoins,
  nothingToSweep,
  sweepIncomplete,
} from './choice.js';
import { estimateFeeRate } from './feeEstimate.js';
import { type FundedTransaction, fundTransaction } from './fund.js';
import { amountsOf, type HistoryAmount, type HistoryEntry } from './history.js';
import type { KeyPair } from './keys.js';
import type {
  SendOptions,
  Sent,
  SpendLimits,
  SweepOptions,
  WalletFundRequest,
  WalletOptions,
} from './requests.js';
import { isConflict, isUnreachable } from './sendFailures.js';
import { signP2pkhInputs } from './sign.js';
import { agreeToSweep, type SweepRequest, sweepTransactions } from './sweep.js';
import { checkTokensKept } from './tokens.js';
import type { WalletBook } from './WalletBook.js';
import { WalletCoins } from './WalletCoins.js';

/** How often coins are chosen anew when another process was faster. */
const ATTEMPTS = 5;

/**
 * The coins of some keys, or of an HD account, as a node tells of them. It remembers which coins it has used, so that
 * two transactions made one after the other, or at the same time, never spend the same one.
 */
export class Wallet {
  readonly #client: ChainClient;
  readonly #keys: readonly KeyPair[];
  readonly #params: NetworkParameters;
  readonly #account: Account | undefined;
  readonly #book: WalletBook | undefined;
  readonly #locks: CoinLocks;
  readonly #source: WalletCoins;

  constructor({ client, keys, watch = [], params, account, book }: WalletOptions) {
    this.#client = client;
    this.#keys = keys;
    this.#params = params;
    this.#account = account;
    this.#book = book;
    this.#locks = new CoinLocks(client, book);
    const addresses = [...keys.map(({ address }) => address), ...watch];
    this.#source = new WalletCoins(client, params, addresses, account);
  }

  /** Of the wallet's keys and those it watches; of an account its first receiving address first. */
  get addresses(): readonly string[] {
    return this.#source.addresses;
  }

  /** Where change goes: the first key's address, or the next of the account's change chain. */
  get changeScript(): Uint8Array {
    return this.#source.changeScript;
  }

  /** Whether a locking script is one of the wallet's own. */
  owns(lockingScript: Uint8Array): boolean {
    return this.#source.owns(lockingScript);
  }

  /** Whether a locking script is on the change chain of the wallet's account. */
  isChange(lockingScript: Uint8Array): boolean {
    return this.#source.isChange(lockingScript);
  }

  async balance(): Promise<Balance> {
    const [utxos, height] = await this.#source.utxos();
    return balanceOf(utxos, height, this.#params.maturity);
  }

  /**
   * Coins that can be spent now: mature, not locked, not used by a transaction this wallet has made or another process
   * is about to send, and with no pin and no token on them.
   */
  async utxos(): Promise<Utxo[]> {
    return (await this.#free()).filter((utxo) => !isReserved(utxo));
  }

  /** Coins with a token on them that can be spent now; nothing but a request that names one spends it. */
  async tokens(): Promise<Utxo[]> {
    return (await this.#free()).filter(({ output }) => output.token !== undefined);
  }

  /** Coins with pins on them, and no token, that can be spent now; nothing but a request that names one spends it. */
  async pinned(): Promise<Utxo[]> {
    return (await this.#free()).filter((utxo) => hasPins(utxo) && !utxo.output.token);
  }

  /** Coins of these names: also such as lie under a token or a pin, either of which may have come unasked. */
  async #named(coins: readonly Outpoint[], allowPins: boolean): Promise<Utxo[]> {
    const named = namedCoins(coins, await this.#free());
    if (!allowPins) assertNoPins(named);
    return named;
  }

  async #free(): Promise<Utxo[]> {
    const [utxos, height] = await this.#source.utxos();
    const { maturity } = this.#params;
    return this.#locks.free(utxos.filter((utxo) => isMature(utxo, height, maturity)));
  }

  /** Transactions of the wallet's addresses, oldest first, those of the mempool (height 0) last. */
  history(): Promise<HistoryEntry[]> {
    return this.#source.history();
  }

  /** The last of {@link history}, at most so many, with what each changed. @throws BitmodelError `BAD_NODE_ANSWER` */
  async amounts(most: number): Promise<{ entries: HistoryAmount[]; total: number }> {
    const history = await this.history();
    const owns = (script: Uint8Array): boolean => this.owns(script);
    const entries = await amountsOf(this.#client, history, history.slice(-most), owns);
    return { entries, total: history.length };
  }

  /** Keeps a coin from being chosen, until {@link unlock}. Coins of funded transactions are locked already. */
  lock(outpoint: Outpoint): void {
    this.#locks.lock(outpoint);
  }

  /**
   * Keeps a coin for this process: others that share its book don't choose it while this one runs, for ten minutes.
   * @returns false when another was faster
   */
  reserve(outpoint: Outpoint): boolean {
    return this.#locks.reserve(outpoint);
  }

  unlock(outpoint: Outpoint): void {
    this.#locks.unlock(outpoint);
  }

  /**
   * Makes a transaction out of the wallet's coins, not yet signed, and locks the coins. All that a coin's own
   * transaction can show of it is checked there. It pays the node's estimate of the fee unless a rate is named.
   * @throws BitmodelError `INSUFFICIENT_FUNDS`, `BAD_NODE_ANSWER`, `UNKNOWN_INPUT`, `UNKNOWN_COIN`; `COINS_TAKEN` when
   *   other processes were faster five times; `PIN_RESERVED` when a named coin holds a pin and that is not allowed
   */
  async fund(request: WalletFundRequest): Promise<FundedTransaction> {
    const { coins, from = (free: readonly Utxo[]) => free, allowPins = false, ...rest } = request;
    const feeRate = rest.feeRate ?? (await estimateFeeRate(this.#client));
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const utxos = coins ? await this.#named(coins, allowPins) : from(await this.utxos());
      const spendAll = coins !== undefined;
      const changeScript = this.changeScript;
      const funded = fundTransaction({ ...rest, feeRate, utxos, changeScript, spendAll });
      const chosen = chosenCoins(funded, utxos, rest.inputs?.length ?? 0);
      // nothing is awaited since the coins were filtered: no other call can have chosen them
      if (await this.#locks.take(chosen)) return funded;
    }
    throw coinsTaken();
  }

  /** Unlocks the coins of a transaction that will not be sent. */
  release(transaction: Transaction): void {
    this.#locks.release(transaction.inputs.map(({ outpoint }) => outpoint));
  }

  /** Signs every input that the wallet's keys open and leaves the others alone. */
  sign(transaction: Transaction, spentOutputs: readonly TransactionOutput[]): Transaction {
    const children = this.#account?.isPrivate ? this.#account.keysFor(spentOutputs) : [];
    return signP2pkhInputs(transaction, spentOutputs, [...this.#keys, ...children]);
  }

  /**
   * Pays the outputs: funds, signs, sends. Where another process spent a coin first, it chooses anew.
   * @throws BitmodelError `INSUFFICIENT_FUNDS`, `HIGH_FEE`, `DUST_OUTPUT`, and what the node says
   */
  async send(outputs: readonly TransactionOutput[], options: SendOptions = {}): Promise<Sent> {
    const { allowHighFee, maxFee, allowBurn, agree, ...rest } = options;
    for (let attempt = 1; ; attempt++) {
      const funded = await this.fund({ ...rest, outputs });
      try {
        return await this.submit(funded, { allowHighFee, maxFee, allowBurn, agree });
      } catch (thrown) {
        if (!isConflict(thrown) || rest.coins || attempt >= ATTEMPTS) throw thrown;
      }
    }
  }

  /**
   * Moves every coin of the wallet to one script, less the fees, in as many transactions as it takes.
   * @throws BitmodelError `NOTHING_TO_SWEEP`; `SWEEP_INCOMPLETE` when some of several were sent; those of {@link send}
   */
  async sweep(lockingScript: Uint8Array, options: SweepOptions = {}): Promise<Sent[]> {
    const { allowHighFee, maxFee, agree, allowPins = false, ...rest } = options;
    const pinned = allowPins ? await this.pinned() : [];
    const utxos = [...(await this.utxos()), ...pinned];
    const planned = sweepTransactions({ ...rest, utxos, lockingScript });
    if (planned.length === 0) {
      throw nothingToSweep();
    }
    await agreeToSweep(planned, options);
    const sent: Sent[] = [];
    try {
      for (const { transaction } of planned) {
        const coins = transaction.inputs.map(({ outpoint }) => outpoint);
        const funded = await this.#fundSweep(coins, { ...rest, lockingScript });
        sent.push(await this.submit(funded, { allowHighFee, maxFee }));
      }
    } catch (thrown) {
      if (sent.length === 0) throw thrown;
      throw sweepIncomplete(sent, planned.length, thrown);
    }
    return sent;
  }

  /**
   * Checks, signs and sends what {@link fund} made. When it is refused, its coins are free again.
   * @throws BitmodelError `HIGH_FEE`, `DUST_OUTPUT`, `TOKEN_BURN`, and what the node says
   */
  async submit(
    { transaction, spentOutputs }: FundedTransaction,
    limits: SpendLimits = {},
  ): Promise<Sent> {
    try {
      const fee = checkAmounts(transaction, spentOutputs, limits, (script) =>
        this.isChange(script),
      );
      if (!limits.allowBurn) checkTokensKept(transaction, spentOutputs);
      await limits.agree?.({ fee, transactions: [transaction] });
      const signed = this.sign(transaction, spentOutputs);
      await this.#hand(signed, limits);
      // not what the node calls it
      return { txid: transactionId(signed), fee, transaction: signed };
    } catch (thrown) {
      // a node that could not be reached may have taken it all the same: its coins stay locked
      if (isUnreachable(thrown)) throw thrown;
      this.release(transaction);
      throw thrown;
    }
  }

  /**
   * Gives a signed transaction to the node. Its addresses count as used once the node has it, or may have it: those of
   * one that was refused come again, else refusals alone would lead change further than a restored wallet looks.
   */
  async #hand(signed: Transaction, { allowHighFee, maxFee }: SpendLimits): Promise<void> {
    // who said what the fee may be is not held to the node's own limit, which is by rate
    const anyFeeRate = allowHighFee === true || maxFee !== undefined;
    try {
      await this.#client.send(signed, { anyFeeRate });
    } catch (thrown) {
      if (isUnreachable(thrown)) this.#noteUsed(signed);
      throw thrown;
    }
    this.#noteUsed(signed);
  }

  async #fundSweep(
    coins: readonly Outpoint[],
    request: Omit<SweepRequest, 'utxos'>,
  ): Promise<FundedTransaction> {
    // each was planned for, so pins on them are meant to be
    const utxos = await this.#named(coins, true);
    const funded = sweepTransactions({ ...request, utxos })[0];
    if (!funded || !(await this.#locks.take(utxos))) throw coinsTaken();
    return funded;
  }

  /** Notes which addresses of the account a transaction has used. */
  #noteUsed({ outputs }: Transaction): void {
    if (!this.#account) return;
    for (const { lockingScript } of outputs) this.#account.noteUsed(lockingScript);
    this.#book?.advance(this.#account.xpub, this.#account.indexes);
  }
}
