import { FEE_RATE } from '../../chain/index.js';

/** Bytes of transactions that a dispute can take. */
const DISPUTE_BYTES = 8_000n;
/** Base units per byte that are set aside for them with the bond: what a filled mempool may come to ask. */
const DISPUTE_FEE_RATE = 10n * FEE_RATE;

/** Base units that are set aside for a contest: its bond and the fees around it. @param bond base units */
export function contestReserve(bond: bigint): bigint {
  return bond + DISPUTE_BYTES * DISPUTE_FEE_RATE;
}
