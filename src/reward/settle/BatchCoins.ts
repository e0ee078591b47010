import { BitmodelError, formatAmount, fromHex } from '../../base/index.js';
import { decodeTransaction, formatOutpoint, hashToId, type Utxo } from '../../chain/index.js';
import { BURIED, type Ledger } from './ledger.js';

/**
 * Which coins a batch is paid from: such as six blocks bury, and the change of the ledger's own transactions. A stranger
 * who could still take a coin back would take the batch with it, and leave nothing that shows whether it may yet come.
 * What signed transactions of the ledger spend is none of them, also while the node has not heard of those.
 */
export class BatchCoins {
  readonly #tip: number;
  readonly #own = new Set<string>();
  readonly #promised = new Set<string>();
  #young: readonly Utxo[] = [];

  /** @param dead ids of the ledger's transactions that can never be in a block @param tip height */
  constructor(ledger: Ledger, dead: ReadonlySet<string>, tip: number) {
    this.#tip = tip;
    for (const { txid, hex } of ledger.batches.flatMap(({ transactions }) => transactions)) {
      if (dead.has(txid)) continue;
      this.#own.add(txid);
      if (hex === undefined) continue;
      const { inputs } = decodeTransaction(fromHex(hex));
      for (const { outpoint } of inputs) this.#promised.add(formatOutpoint(outpoint));
    }
  }

  /** Those of a wallet's coins that a batch may spend; the others that may only be too young are kept in mind. */
  readonly choose = (free: readonly Utxo[]): readonly Utxo[] => {
    const ours = free.filter(({ outpoint }) => !this.#promised.has(formatOutpoint(outpoint)));
    this.#young = ours.filter((coin) => !this.#isSure(coin));
    return ours.filter((coin) => this.#isSure(coin));
  };

  #isSure({ outpoint, height }: Utxo): boolean {
    const isBuried = height > 0 && this.#tip - height >= BURIED;
    return isBuried || this.#own.has(hashToId(outpoint.hash));
  }

  /**
   * What to say where the coins do not reach: undefined where there are no younger ones either.
   * @param wait whether blocks were waited for
   */
  tooYoung(cause: unknown, wait: boolean): BitmodelError | undefined {
    if (this.#young.length === 0) return undefined;
    const worth = this.#young.reduce((sum, { output }) => sum + output.value, 0n);
    return new BitmodelError(
      'INSUFFICIENT_FUNDS',
      `A batch is paid from coins that are ${BURIED} blocks deep and from its own change, which do not reach; ${formatAmount(worth)} coins are younger.`,
      { next: wait ? 'Run it again later' : 'Run it again after a block, or pass --wait', cause },
    );
  }
}
