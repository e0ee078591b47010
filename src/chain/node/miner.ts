import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { type Block, type BlockHeader, encodeHeader } from '../codec/block.js';
import { merkleRoot } from '../codec/merkle.js';
import { type Transaction, transactionHash } from '../codec/transaction.js';
import { bitsToTarget } from '../consensus/target.js';
import {
  BLOCK_VERSION,
  type BlockTemplate,
  makeTemplate,
  timeAndBits,
} from '../mining/BlockTemplates.js';
import { makeCoinbase, nextExtraNonce } from '../mining/coinbase.js';
import type { ChainNode } from './ChainNode.js';

const NONCE_OFFSET = 76;
/** Tries between two looks at whether to go on. */
const SLICE = 20_000;

/** A block at this place with these transactions behind its coinbase, complete but for the nonce. */
export function completeBlock(
  node: ChainNode,
  place: Pick<BlockTemplate, 'previous' | 'minimumTime'>,
  coinbase: Transaction,
  others: readonly { readonly transaction: Transaction; readonly hash: Uint8Array }[],
): Block {
  const hashes = [transactionHash(coinbase), ...others.map(({ hash }) => hash)];
  return {
    header: {
      version: BLOCK_VERSION,
      previousHash: place.previous.hash,
      merkleRoot: merkleRoot(hashes).root,
      ...timeAndBits(node, place),
      nonce: 0,
    },
    transactions: [coinbase, ...others.map(({ transaction }) => transaction)],
  };
}

/** The next block on the node's tip out of its mempool, complete but for the nonce. */
export function assembleBlock(node: ChainNode, lockingScript: Uint8Array): Block {
  const template = makeTemplate(node);
  const { height, coinbaseValue, entries } = template;
  const coinbase = makeCoinbase(height, coinbaseValue, lockingScript, nextExtraNonce());
  return completeBlock(node, template, coinbase, entries);
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
