import type { Utxo } from '../client/ChainClient.js';
import { COINBASE_MATURITY } from '../consensus/parameters.js';

/** Base units. */
export interface Balance {
  /** In a block, and to be spent now. */
  readonly confirmed: bigint;
  /** Waits in the mempool. */
  readonly pending: bigint;
  /** Mined, but not yet deep enough to be spent. */
  readonly immature: bigint;
  /** Lies under tokens and pins, and is spent only with them. */
  readonly reserved: bigint;
}

/** A coinbase output may be spent in the block that is `maturity` above its own. @param height of the tip */
export function isMature(
  utxo: Pick<Utxo, 'coinbase' | 'height'>,
  height: number,
  maturity: number = COINBASE_MATURITY,
): boolean {
  return !utxo.coinbase || height + 1 - utxo.height >= maturity;
}
