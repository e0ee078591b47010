import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { concatBytes, u32le } from '../../base/index.js';
import { type Block, type BlockHeader, encodeHeader } from '../codec/block.js';
import { merkleRoot } from '../codec/merkle.js';
import { JOB_VERSION, NO_JOB, type Transaction, transactionHash } from '../codec/transaction.js';
import { coinbasePrefix } from '../consensus/blockRules.js';
import { requiredBits } from '../consensus/headers.js';
import { subsidyAt } from '../consensus/subsidy.js';
import { bitsToTarget } from '../consensus/target.js';
import { selectTransactions } from '../mempool/template.js';
import type { ChainNode } from './ChainNode.js';
import { secondsNow } from './clock.js';

const BLOCK_VERSION = 0x2000_0000;
const NONCE_OFFSET = 76;
/** Tries between two looks at whether to go on. */
const SLICE = 20_000;

let extraNonce = 0;

function coinbase(height: number, value: bigint, lockingScript: Uint8Array): Transaction {
  // the extra nonce sets two blocks at one height, made by one miner in one second, apart
  extraNonce = (extraNonce + 1) >>> 0;
  const unlockingScript = concatBytes(coinbasePrefix(height), Uint8Array.of(4), u32le(extraNonce));
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

/** The next block on the node's tip out of its mempool, complete but for the nonce. */
export function assembleBlock(node: ChainNode, lockingScript: Uint8Array): Block {
  const tip = node.store.tip();
  const height = tip.height + 1;
  const chosen = selectTransactions(node.mempool);
  const fees = chosen.reduce((sum, entry) => sum + entry.fee, 0n);
  const first = coinbase(height, subsidyAt(height, node.parameters) + fees, lockingScript);
  const transactions = [first, ...chosen.map((entry) => entry.transaction)];
  const hashes = [transactionHash(first), ...chosen.map((entry) => entry.hash)];
  const time = Math.max(secondsNow(), node.medianTimeAt(tip.height) + 1);
  return {
    header: {
      version: BLOCK_VERSION,
      previousHash: tip.hash,
      merkleRoot: merkleRoot(hashes).root,
      time,
      bits: requiredBits(tip, time, node.parameters, node.store),
      nonce: 0,
    },
    transactions,
  };
}

/**
 * Looks for a nonce that meets the header's target, giving way to other work now and then.
 * @param goOn asked between slices; false ends the search
 * @returns the solved header, or undefined when it was ended or every nonce failed
 */
export async function solve(
  header: BlockHeader,
  goOn: () => boolean,
): Promise<BlockHeader | undefined> {
  const bytes = Buffer.from(encodeHeader(header));
  const target = Buffer.from(bitsToTarget(header.bits)!.toString(16).padStart(64, '0'), 'hex');
  for (let start = 0; start <= 0xffff_ffff; start += SLICE) {
    if (!goOn()) return undefined;
    const end = Math.min(start + SLICE, 0x1_0000_0000);
    for (let nonce = start; nonce < end; nonce++) {
      bytes.writeUInt32LE(nonce, NONCE_OFFSET);
      const inner = createHash('sha256').update(bytes).digest();
      const hash = createHash('sha256').update(inner).digest().reverse();
      if (hash.compare(target) <= 0) return { ...header, nonce };
    }
    await setImmediate();
  }
  return undefined;
}
