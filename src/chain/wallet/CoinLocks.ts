import type { ChainClient, Utxo } from '../client/ChainClient.js';
import { formatOutpoint, type Outpoint } from '../codec/transaction.js';
import { proveCoins } from './check.js';
import type { WalletBook } from './WalletBook.js';

/**
 * Which coins of a wallet are spoken for: by transactions that it has made, and by other processes that share its book.
 */
export class CoinLocks {
  readonly #client: ChainClient;
  readonly #book: WalletBook | undefined;
  readonly #locked = new Set<string>();

  constructor(client: ChainClient, book: WalletBook | undefined) {
    this.#client = client;
    this.#book = book;
  }

  /** Keeps a coin from being chosen by this wallet. */
  lock(outpoint: Outpoint): void {
    this.#locked.add(formatOutpoint(outpoint));
  }

  /** Takes {@link lock} back. */
  unlock(outpoint: Outpoint): void {
    this.#locked.delete(formatOutpoint(outpoint));
  }

  /** Keeps a coin from other processes. @returns false when another was faster */
  reserve(outpoint: Outpoint): boolean {
    return this.#book?.reserve([outpoint]) ?? true;
  }

  /** Gives coins back, to this wallet and to others. */
  release(outpoints: readonly Outpoint[]): void {
    for (const outpoint of outpoints) this.unlock(outpoint);
    this.#book?.release(outpoints);
  }

  /** Those coins that nothing speaks for. */
  free(utxos: readonly Utxo[]): Utxo[] {
    return utxos.filter(this.look());
  }

  /** What tells whether nothing speaks for a coin: in this wallet as it is then, in others as it is now. */
  look(): (utxo: Utxo) => boolean {
    const held = this.#book?.held();
    return (utxo) => {
      const outpoint = formatOutpoint(utxo.outpoint);
      return !this.#locked.has(outpoint) && !held?.has(outpoint);
    };
  }

  /**
   * Locks coins that were chosen and checks them: nothing is awaited before they are locked.
   * @returns false when another process was faster
   * @throws BitmodelError `BAD_NODE_ANSWER`, what the node says
   */
  async take(coins: readonly Utxo[]): Promise<boolean> {
    const outpoints = coins.map(({ outpoint }) => outpoint);
    if (this.#book && !this.#book.reserve(outpoints)) return false;
    for (const outpoint of outpoints) this.lock(outpoint);
    try {
      await proveCoins(this.#client, coins);
      // whoever reserved them before may have spent them since the node was asked
      const isFree = !this.#book || (await this.#areUnspent(outpoints));
      if (!isFree) this.release(outpoints);
      return isFree;
    } catch (thrown) {
      this.release(outpoints);
      throw thrown;
    }
  }

  async #areUnspent(outpoints: readonly Outpoint[]): Promise<boolean> {
    const outputs = await Promise.all(outpoints.map((each) => this.#client.output(each)));
    return outputs.every((output) => output !== undefined);
  }
}
