import type { Utxo } from '../client/ChainClient.js';
import { COINBASE_MATURITY } from '../consensus/parameters.js';
import { isReserved } from './choice.js';

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

/** What coins come to. @param height of the tip */
export function balanceOf(utxos: readonly Utxo[], height: number, maturity: number): Balance {
  const balance = { confirmed: 0n, pending: 0n, immature: 0n, reserved: 0n };
  for (const utxo of utxos) balance[kindOf(utxo, height, maturity)] += utxo.output.value;
  return balance;
}

function kindOf(utxo: Utxo, height: number, maturity: number): keyof Balance {
  if (isReserved(utxo)) return 'reserved';
  if (utxo.height === 0) return 'pending';
  return isMature(utxo, height, maturity) ? 'confirmed' : 'immature';
}
