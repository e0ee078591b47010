import { toHex } from '../../base/index.js';
import { type AddressParameters, addressScript } from '../address/address.js';
import type { ChainClient, Utxo } from '../client/ChainClient.js';
import type { CoinPageOptions } from '../client/coinPages.js';
import { formatOutpoint } from '../codec/transaction.js';
import { type Account, GAP_LIMIT } from './Account.js';
import type { Balance } from './balance.js';
import { badNodeAnswer } from './check.js';
import { lastUsedChange, learnUsed } from './discovery.js';
import type { HistoryEntry } from './history.js';

/** Where a wallet's coins come from: some addresses, and the addresses of an account as they come to be used. */
export class WalletCoins {
  readonly #client: ChainClient;
  readonly #parameters: AddressParameters;
  readonly #single: readonly string[];
  readonly #account: Account | undefined;
  readonly #scripts: ReadonlySet<string>;

  constructor(
    client: ChainClient,
    parameters: AddressParameters,
    single: readonly string[],
    account: Account | undefined,
  ) {
    this.#client = client;
    this.#parameters = parameters;
    this.#single = single;
    this.#account = account;
    this.#scripts = new Set(single.map((each) => toHex(addressScript(each, parameters))));
  }

  get addresses(): readonly string[] {
    return this.#account ? [...this.#single, ...this.#account.addresses] : this.#single;
  }

  get changeScript(): Uint8Array {
    const address = this.#account?.changeAddress ?? this.#single[0]!;
    return addressScript(address, this.#parameters);
  }

  owns(lockingScript: Uint8Array): boolean {
    return this.#scripts.has(toHex(lockingScript)) || this.#account?.owns(lockingScript) === true;
  }

  /**
   * Whether an output to this script is change: of an account one on its change chain, which only its owner's own
   * transactions pay.
   */
  isChange(lockingScript: Uint8Array): boolean {
    return this.#account?.isChange(lockingScript) === true;
  }

  /** The height of the tip; an account learns how many of its addresses are in use. */
  async look(): Promise<number> {
    const account = this.#account;
    if (this.#single.length === 0 && !account) return 0;
    if (account) {
      await learnUsed(account, this.#client);
      await this.#boundChange(account);
    }
    return this.#client.height();
  }

  /**
   * All coins, whether they can be spent or not, each once, from the one worth most down; page by page, as they are taken.
   * An account's are those of the addresses that {@link look} has found.
   * @throws BitmodelError `BAD_NODE_ANSWER` when the node calls somebody else's coin one of these
   */
  async *each(options?: CoinPageOptions): AsyncGenerator<Utxo, void> {
    for await (const coin of this.#client.eachUtxo({ addresses: this.addresses }, options)) {
      if (!this.owns(coin.output.lockingScript)) {
        throw badNodeAnswer(`The node calls ${formatOutpoint(coin.outpoint)} ours.`);
      }
      yield coin;
    }
  }

  /** What all coins come to, as the node adds them up. @throws BitmodelError `BAD_RPC_ANSWER` */
  async balance(): Promise<Balance> {
    await this.look();
    const { coins: _, ...sums } = await this.#client.balance({ addresses: this.addresses });
    return sums;
  }

  /**
   * Keeps change where whoever has nothing but the words finds it: never further than {@link GAP_LIMIT} beyond the last
   * address of the chain that the node knows to be used, whatever other nodes have said before.
   */
  async #boundChange(account: Account): Promise<void> {
    const { change } = account.indexes;
    if (change < GAP_LIMIT) return;
    const last = await lastUsedChange(account, change, this.#client);
    account.boundChange(last + GAP_LIMIT < change ? last + 1 : change);
  }

  /**
   * Transactions of all addresses, those of the mempool (height 0) first, then the latest; page by page, as they are taken.
   * @param first how many are asked for at first
   * @throws BitmodelError `BAD_RPC_ANSWER`, `CHAIN_MOVED`
   */
  async *history(first?: number): AsyncGenerator<HistoryEntry, void> {
    await this.look();
    yield* this.#client.eachInHistory({ addresses: this.addresses }, 'newest', first);
  }
}
