import { BitmodelError, isUnreachable } from '../../base/index.js';
import type { ChainClient, Utxo } from '../client/ChainClient.js';
import type { CoinPageOptions } from '../client/coinPages.js';
import {
  formatOutpoint,
  type Outpoint,
  type Transaction,
  type TransactionOutput,
  transactionId,
} from '../codec/transaction.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import type { Account } from './Account.js';
import { type Balance, isMature } from './balance.js';
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
import { type FundedTransaction, type FundRequest, fundTransaction } from './fund.js';
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
import { isConflict } from './sendFailures.js';
import { signP2pkhInputs } from './sign.js';
import { P2PKH_INPUT_SIZE } from './size.js';
import { agreeToSweep, SWEEP_INPUTS, type SweepRequest, sweepTransactions } from './sweep.js';
import { checkTokensKept } from './tokens.js';
import type { WalletBook } from './WalletBook.js';
import { WalletCoins } from './WalletCoins.js';

/** How often coins are chosen anew when another process was faster. */
const ATTEMPTS = 5;
/** Coins of one list, those worth most: strangers can leave any number at an address. */
const MOST_LISTED = 10_000;
/** Transactions of one list, or counted. */
const MOST_COUNTED = 100_000;
/** Coins of one sweep: 30 transactions. */
export const MOST_SWEPT = 30 * SWEEP_INPUTS;
/** Coins that a payment chooses from at first, and at most: no transaction that nodes relay spends as many. */
const FIRST_CHOICE = 1_000;
const MOST_CHOSEN = 5_000;
/** Coins between two looks at what other processes have chosen. */
const BETWEEN_LOOKS = 1_000;

/** What is paid for by coins that are chosen. */
interface Choice extends Omit<WalletFundRequest, 'coins' | 'allowPins'> {
  readonly feeRate: bigint;
}

interface Funding {
  readonly funded: FundedTransaction;
  /** The wallet's coins among those that it spends. */
  readonly chosen: readonly Utxo[];
}

const isPlain = (utxo: Utxo): boolean => !isReserved(utxo);

const isShort = (thrown: unknown): boolean =>
  thrown instanceof BitmodelError && thrown.code === 'INSUFFICIENT_FUNDS';

async function firstOf<T>(stream: AsyncIterable<T>, most: number): Promise<T[]> {
  const first: T[] = [];
  if (most <= 0) return first;
  for await (const item of stream) if (first.push(item) >= most) break;
  return first;
}

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

  /** What the wallet's coins come to, as the node says. */
  balance(): Promise<Balance> {
    return this.#source.balance();
  }

  /**
   * Coins that can be spent now: mature, not locked, not used by a transaction this wallet has made or another process
   * is about to send, and with no pin and no token on them; those worth most first.
   * @param most however many strangers have left: no more are told
   */
  utxos(most = MOST_LISTED): Promise<Utxo[]> {
    return firstOf(this.#each(isPlain), most);
  }

  /** Coins with a token on them that can be spent now; nothing but a request that names one spends it. */
  tokens(most = MOST_LISTED): Promise<Utxo[]> {
    return firstOf(this.eachToken(), most);
  }

  /** As {@link tokens}, one by one: whoever looks for one of them holds no more, however many strangers have sent. */
  eachToken(): AsyncGenerator<Utxo, void> {
    return this.#each(({ output }) => output.token !== undefined, { carrying: true });
  }

  /** Coins with pins on them, and no token, that can be spent now; nothing but a request that names one spends it. */
  pinned(most = MOST_LISTED): Promise<Utxo[]> {
    const isPinned = (utxo: Utxo): boolean => hasPins(utxo) && !utxo.output.token;
    return firstOf(this.#each(isPinned, { carrying: true }), most);
  }

  /** Coins that can be spent now, whatever rides on them, from the one worth most down, that fit. */
  async *#each(
    fits: (utxo: Utxo) => boolean,
    options?: CoinPageOptions,
  ): AsyncGenerator<Utxo, void> {
    const height = await this.#source.look();
    const { maturity } = this.#params;
    let isFree = this.#locks.look();
    let looked = 0;
    for await (const utxo of this.#source.each(options)) {
      // others choose meanwhile
      if (++looked % BETWEEN_LOOKS === 0) isFree = this.#locks.look();
      if (fits(utxo) && isMature(utxo, height, maturity) && isFree(utxo)) yield utxo;
    }
  }

  /** Coins of these names: also such as lie under a token or a pin, either of which may have come unasked. */
  async #named(coins: readonly Outpoint[], allowPins: boolean): Promise<Utxo[]> {
    const wanted = new Set(coins.map(formatOutpoint));
    const isWanted = ({ outpoint }: Utxo): boolean => wanted.has(formatOutpoint(outpoint));
    const named = namedCoins(coins, await firstOf(this.#each(isWanted), wanted.size));
    if (!allowPins) assertNoPins(named);
    return named;
  }

  /**
   * Transactions of the wallet's addresses, oldest first, those of the mempool (height 0) last.
   * @param most the latest so many
   */
  async history(most = MOST_COUNTED): Promise<HistoryEntry[]> {
    const latest = await firstOf(this.#source.history(), most);
    return latest.reverse();
  }

  /**
   * The last of {@link history}, at most so many, with what each changed.
   * @returns `total`: how many there are, counted up to 100,000
   * @throws BitmodelError `BAD_NODE_ANSWER`
   */
  async amounts(most: number): Promise<{ entries: HistoryAmount[]; total: number }> {
    const shown: HistoryEntry[] = [];
    let total = 0;
    for await (const entry of this.#source.history()) {
      if (total++ < most) shown.push(entry);
      if (total >= Math.max(most, MOST_COUNTED)) break;
    }
    const owns = (script: Uint8Array): boolean => this.owns(script);
    return { entries: await amountsOf(this.#client, shown.reverse(), owns), total };
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
    const { coins, allowPins = false, ...rest } = request;
    const feeRate = rest.feeRate ?? (await estimateFeeRate(this.#client));
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const asked = { ...rest, feeRate };
      const { funded, chosen } = coins
        ? this.#fundWith(await this.#named(coins, allowPins), { ...asked, spendAll: true })
        : await this.#fundLargest(asked);
      // nothing is awaited since the coins were filtered: no other call can have chosen them
      if (await this.#locks.take(chosen)) return funded;
    }
    throw coinsTaken();
  }

  /**
   * Pays with the coins worth most: of as few as do, and of no more than a transaction could spend, so that no dust holds
   * up a payment.
   */
  async #fundLargest({ from, ...request }: Choice): Promise<Funding> {
    const inputCost = BigInt(P2PKH_INPUT_SIZE) * request.feeRate;
    const utxos: Utxo[] = [];
    const coins = this.#each(isPlain);
    try {
      for (let most = FIRST_CHOICE; ; most = MOST_CHOSEN) {
        let next = await coins.next();
        // those behind it are worth less still: they cost more than they bring
        while (!next.done && next.value.output.value > inputCost) {
          if (utxos.push(next.value) >= most) break;
          next = await coins.next();
        }
        const isAll = utxos.length < most;
        const free = this.#locks.free(utxos);
        try {
          return this.#fundWith(from?.(free) ?? free, request);
        } catch (thrown) {
          if (isAll || most === MOST_CHOSEN || !isShort(thrown)) throw thrown;
        }
      }
    } finally {
      await coins.return();
    }
  }

  #fundWith(utxos: readonly Utxo[], request: Omit<FundRequest, 'utxos' | 'changeScript'>): Funding {
    const { changeScript } = this;
    const funded = fundTransaction({ ...request, utxos, changeScript });
    return { funded, chosen: chosenCoins(funded, utxos, request.inputs?.length ?? 0) };
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
   * Moves every coin of the wallet to one script, less the fees, in as many transactions as it takes: of very many the
   * {@link MOST_SWEPT} worth most, and the rest when it is called again.
   * @throws BitmodelError `NOTHING_TO_SWEEP`; `SWEEP_INCOMPLETE` when some of several were sent; those of {@link send}
   */
  async sweep(lockingScript: Uint8Array, options: SweepOptions = {}): Promise<Sent[]> {
    const { allowHighFee, maxFee, agree, allowPins = false, ...rest } = options;
    const pinned = allowPins ? await this.pinned() : [];
    const utxos = [...(await this.utxos(MOST_SWEPT)), ...pinned];
    const planned = sweepTransactions({ ...rest, utxos, lockingScript });
    if (planned.length === 0) {
      throw nothingToSweep();
    }
    await agreeToSweep(planned, options);
    const sent: Sent[] = [];
    try {
      for (const { transaction } of planned) {
        const outpoints = transaction.inputs.map(({ outpoint }) => outpoint);
        const coins = namedCoins(outpoints, utxos);
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
    utxos: readonly Utxo[],
    request: Omit<SweepRequest, 'utxos'>,
  ): Promise<FundedTransaction> {
    const isFree = this.#locks.free(utxos).length === utxos.length;
    const funded = isFree ? sweepTransactions({ ...request, utxos })[0] : undefined;
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
