import { concatBytes, utf8 } from '../../base/index.js';
import type { Block } from '../codec/block.js';
import { merkleRoot } from '../codec/merkle.js';
import { NO_JOB, type Transaction, transactionHash } from '../codec/transaction.js';

/** What the genesis block of a network is made of. */
export interface GenesisSettings {
  /** Text in the coinbase, at most 75 bytes. */
  readonly message: string;
  readonly time: number;
  readonly bits: number;
  readonly nonce: number;
}

const OP_RETURN = 0x6a;

/**
 * The first block of a network. Its coinbase makes no coins: what exists was mined after the network became public.
 */
export function genesisBlock(settings: GenesisSettings): Block {
  const text = utf8(settings.message);
  const coinbase: Transaction = {
    version: 1,
    inputs: [
      {
        outpoint: { hash: new Uint8Array(32), index: 0xffff_ffff },
        unlockingScript: concatBytes(Uint8Array.of(text.length), text),
        sequence: 0xffff_ffff,
      },
    ],
    outputs: [{ value: 0n, lockingScript: Uint8Array.of(OP_RETURN) }],
    lockTime: 0,
    jobId: NO_JOB,
  };
  return {
    header: {
      version: 1,
      previousHash: new Uint8Array(32),
      merkleRoot: merkleRoot([transactionHash(coinbase)]).root,
      time: settings.time,
      bits: settings.bits,
      nonce: settings.nonce,
    },
    transactions: [coinbase],
  };
}
