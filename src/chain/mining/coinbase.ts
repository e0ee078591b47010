import { concatBytes, u32le } from '../../base/index.js';
import { JOB_VERSION, NO_JOB, type Transaction } from '../codec/transaction.js';
import { coinbasePrefix } from '../consensus/blockRules.js';

let extraNonce = 0;

/** A number that no other coinbase of this process has had lately: it sets two blocks of one second apart. */
export function nextExtraNonce(): number {
  extraNonce = (extraNonce + 1) >>> 0;
  return extraNonce;
}

/** The transaction that pays the miner: its script begins with the height (BIP34), then comes the extra nonce. */
export function makeCoinbase(
  height: number,
  value: bigint,
  lockingScript: Uint8Array,
  extra: number,
): Transaction {
  const unlockingScript = concatBytes(coinbasePrefix(height), Uint8Array.of(4), u32le(extra));
  return {
    version: JOB_VERSION,
    inputs: [
      {
        outpoint: { hash: new Uint8Array(32), index: 0xffff_ffff },
        unlockingScript,
        sequence: 0xffff_ffff,
      },
    ],
    outputs: [{ value, lockingScript }],
    lockTime: 0,
    jobId: NO_JOB,
  };
}
