import { BitmodelError, EXIT, equalBytes, formatAmount } from '../../base/index.js';
import {
  formatOutpoint,
  type Outpoint,
  type Transaction,
  type TransactionOutput,
} from '../codec/transaction.js';
import type { NetworkParameters } from '../consensus/parameters.js';
import type { ChainClient, Utxo } from '../rpc/ChainClient.js';
import { addressScript } from './address.js';
import { checkAmounts, previousOutputs } from './check.js';
import { type FundedTransaction, type FundRequest, fundTransaction } from './fund.js';
import type { KeyPair } from './keys.js';
import { signP2pkhInputs } from './sign.js';

export interface WalletOptions {
  readonly client: ChainClient;
  /** Keys to sign with; change goes to the first one's address. */
  readonly keys: readonly KeyPair[];
  /** Addresses to watch without a key: enough for a balance, or to build what somebody else signs. */
  readonly watch?: readonly string[];
  readonly params: NetworkParameters;
}

/** Base units. */
export interface Balance {
  /** In a block, and to be spent now. */
  readonly confirmed: bigint;
  /** Waits in the mempool. */
  readonly pending: bigint;
  /** Mined, but not yet deep enough to be spent. */
  readonly immature: bigint;
}

/** As {@link FundRequest}, with the wallet's own coins and change. */
export type WalletFundRequest = Omit<FundRequest, 'utxos' | 'changeScript'>;

export interface SendOptions extends Omit<WalletFundRequest, 'outputs'> {
  /** Let the fee be more than a tenth of what is sent. */
  readonly allowHighFee?: boolean;
}

/**
 * The coins of some keys, as a node tells of them. It remembers which coins it has used, so that two transactions made
 * one after the other, or at the same time, never spend the same one.
 */
export class Wallet {
  readonly #client: ChainClient;
  readonly #keys: readonly KeyPair[];
  readonly #params: NetworkParameters;
  readonly #locked = new Set<string>();
  /** Of the wallet's keys and those it watches, the change address first. */
  readonly addresses: readonly string[];

  constructor({ client, keys, watch = [], params }: WalletOptions) {
    this.#client = client;
    this.#keys = keys;
    this.#params = params;
    this.addresses = [...keys.map(({ address }) => address), ...watch];
  }

  async balance(): Promise<Balance> {
    const [utxos, height] = await this.#all();
    const balance = { confirmed: 0n, pending: 0n, immature: 0n };
    for (const utxo of utxos) {
      const kind =
        utxo.height === 0 ? 'pending' : this.#mature(utxo, height) ? 'confirmed' : 'immature';
      balance[kind] += utxo.output.value;
    }
    return balance;
  }

  /**
   * Coins that can be spent now: mature, not locked, not used by a transaction this wallet has made, and without a pin,
   * which would go with them.
   */
  async utxos(): Promise<Utxo[]> {
    const [utxos, height] = await this.#all();
    return utxos.filter(
      (utxo) =>
        utxo.pins === undefined &&
        this.#mature(utxo, height) &&
        !this.#locked.has(formatOutpoint(utxo.outpoint)),
    );
  }

  /** Keeps a coin from being chosen, until {@link unlock}. Coins of funded transactions are locked already. */
  lock(outpoint: Outpoint): void {
    this.#locked.add(formatOutpoint(outpoint));
  }

  unlock(outpoint: Outpoint): void {
    this.#locked.delete(formatOutpoint(outpoint));
  }

  /**
   * Makes a transaction out of the wallet's coins, not yet signed, and locks the coins. Each coin's amount is read out
   * of its own transaction.
   * @throws BitmodelError `INSUFFICIENT_FUNDS`, `BAD_NODE_ANSWER`, `UNKNOWN_INPUT`
   */
  async fund(request: WalletFundRequest): Promise<FundedTransaction> {
    const utxos = await this.utxos();
    const changeScript = addressScript(this.addresses[0]!, this.#params);
    const funded = fundTransaction({ ...request, utxos, changeScript });
    // nothing is awaited since the coins were filtered: no other call can have chosen them
    for (const { outpoint } of funded.transaction.inputs) this.lock(outpoint);
    try {
      await this.#prove(funded, request.inputs?.length ?? 0);
    } catch (thrown) {
      this.release(funded.transaction);
      throw thrown;
    }
    return funded;
  }

  /** Unlocks the coins of a transaction that will not be sent. */
  release(transaction: Transaction): void {
    for (const { outpoint } of transaction.inputs) this.unlock(outpoint);
  }

  /** Signs every input that the wallet's keys open and leaves the others alone. */
  sign(transaction: Transaction, spentOutputs: readonly TransactionOutput[]): Transaction {
    return signP2pkhInputs(transaction, spentOutputs, this.#keys);
  }

  /**
   * Pays the outputs: funds, signs, sends.
   * @returns printed transaction id, and the fee in base units
   * @throws BitmodelError `INSUFFICIENT_FUNDS`, `HIGH_FEE`, `DUST_OUTPUT`, and what the node says
   */
  async send(
    outputs: readonly TransactionOutput[],
    options: SendOptions = {},
  ): Promise<{ txid: string; fee: bigint }> {
    const { allowHighFee = false, ...rest } = options;
    const { transaction, spentOutputs } = await this.fund({ ...rest, outputs });
    try {
      const fee = checkAmounts(transaction, spentOutputs, { allowHighFee });
      const txid = await this.#client.send(this.sign(transaction, spentOutputs));
      return { txid, fee };
    } catch (thrown) {
      // a node that could not be reached may have taken it all the same: its coins stay locked
      if (thrown instanceof BitmodelError && thrown.exitCode === EXIT.unreachable) throw thrown;
      this.release(transaction);
      throw thrown;
    }
  }

  async #all(): Promise<[Utxo[], number]> {
    if (this.addresses.length === 0) return [[], 0];
    return Promise.all([this.#client.utxos(this.addresses), this.#client.height()]);
  }

  /** A coinbase output may be spent in the block that is `maturity` above its own. */
  #mature(utxo: Utxo, height: number): boolean {
    return !utxo.coinbase || height + 1 - utxo.height >= this.#params.maturity;
  }

  async #prove({ transaction, spentOutputs }: FundedTransaction, from: number): Promise<void> {
    const inputs = transaction.inputs.slice(from);
    const proved = await previousOutputs(this.#client, { ...transaction, inputs });
    for (const [i, output] of proved.entries()) {
      const said = spentOutputs[from + i]!;
      if (output.value !== said.value || !equalBytes(output.lockingScript, said.lockingScript)) {
        throw new BitmodelError(
          'BAD_NODE_ANSWER',
          `The node says a coin holds ${formatAmount(said.value)}, its transaction says ${formatAmount(output.value)}.`,
          { next: 'Use a node that you trust more: --rpc URL' },
        );
      }
    }
  }
}
