import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { transactionHash } from '#src/chain/codec/transaction.js';
import { type ChainNode, encodeTransaction, hashToId, type Transaction } from '#src/chain/index.js';
import { utxoSetInfo } from '#src/chain/store/utxoSet.js';
import { MINER_SCRIPT, OTHER_SCRIPT, openTemporaryNode, payFromMiner } from '../node/setup.js';

let node: ChainNode;
let end: () => Promise<void>;

beforeEach(async () => {
  ({ node, end } = await openTemporaryNode());
  await node.mine(110, MINER_SCRIPT);
});
afterEach(() => end());

/** One output as a plain transaction holds it: value, length, script. */
function outputBytes(transaction: Transaction, index: number): Buffer {
  const alone = { ...transaction, version: 1, inputs: [], outputs: [transaction.outputs[index]!] };
  // version, no inputs, one output, lock time
  return Buffer.from(encodeTransaction(alone)).subarray(6, -4);
}

/**
 * Bitcoin Core's hash_serialized_3 in the plainest way: all outputs of all blocks in a map, less those spent, sorted as
 * Bitcoin Core's database sorts them.
 */
function plainly(of: ChainNode): { hash: string; txouts: number; amount: bigint } {
  const set = new Map<string, { bytes: Buffer; value: bigint }>();
  for (let height = 0; height <= of.tip.height; height++) {
    const block = of.store.block(of.store.hashAt(height)!)!;
    block.transactions.forEach((transaction, position) => {
      const hash = transactionHash(transaction);
      for (const { outpoint } of transaction.inputs) {
        set.delete(`${toHex(outpoint.hash)}:${String(outpoint.index).padStart(10, '0')}`);
      }
      transaction.outputs.forEach(({ value, lockingScript }, index) => {
        if (lockingScript[0] === 0x6a || (lockingScript[0] === 0 && lockingScript[1] === 0x6a)) {
          return;
        }
        const head = Buffer.alloc(40);
        head.set(hash);
        head.writeUInt32LE(index, 32);
        head.writeUInt32LE(height * 2 + (position === 0 ? 1 : 0), 36);
        const bytes = Buffer.concat([head, outputBytes(transaction, index)]);
        set.set(`${toHex(hash)}:${String(index).padStart(10, '0')}`, { bytes, value });
      });
    });
  }
  const sorted = [...set].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
  const inner = createHash('sha256').update(Buffer.concat(sorted.map(({ bytes }) => bytes)));
  const hash = createHash('sha256').update(inner.digest()).digest().reverse().toString('hex');
  return {
    hash,
    txouts: sorted.length,
    amount: sorted.reduce((sum, { value }) => sum + value, 0n),
  };
}

describe('the hash of the set of unspent outputs', () => {
  it("is Bitcoin Core's hash_serialized_3, outputs beyond the 256th of a transaction in their order", async () => {
    const outputs = Array.from({ length: 300 }, (_, index) => ({
      value: 1_000n + BigInt(index),
      lockingScript: OTHER_SCRIPT,
    }));
    const data = { value: 0n, lockingScript: Uint8Array.of(0x6a, 1, 2) };
    await node.submitTransaction(payFromMiner(node, [...outputs, data]));
    await node.mine(1, MINER_SCRIPT);
    const info = await utxoSetInfo(node.store);
    const expected = plainly(node);
    expect(hashToId(info.hash)).toBe(expected.hash);
    expect(info).toMatchObject({ txouts: expected.txouts, totalAmount: expected.amount });
    expect(info.tip.height).toBe(111);
  });

  it('is that of one block, whatever is connected while it is made', async () => {
    // more than one chunk of outputs, so that it pauses
    for (let block = 0; block < 2; block++) {
      const outputs = Array.from({ length: 1_500 }, () => ({
        value: 600n,
        lockingScript: OTHER_SCRIPT,
      }));
      await node.submitTransaction(payFromMiner(node, outputs));
      await node.mine(1, MINER_SCRIPT);
    }
    const before = plainly(node);
    const asked = utxoSetInfo(node.store);
    await node.mine(3, MINER_SCRIPT);
    const info = await asked;
    expect(info.tip.height).toBe(112);
    expect(hashToId(info.hash)).toBe(before.hash);
    expect(hashToId((await utxoSetInfo(node.store)).hash)).toBe(plainly(node).hash);
  });

  it('ends with an error when the node is closed before it is ready', async () => {
    const outputs = Array.from({ length: 3_000 }, () => ({
      value: 600n,
      lockingScript: OTHER_SCRIPT,
    }));
    await node.submitTransaction(payFromMiner(node, outputs));
    await node.mine(1, MINER_SCRIPT);
    const asked = expect(utxoSetInfo(node.store)).rejects.toMatchObject({ code: 'NODE_STOPPING' });
    await node.close();
    await asked;
  });
});
