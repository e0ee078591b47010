import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChainNode, transactionId } from '#src/chain/index.js';
import { Miner } from '#src/chain/mining/Miner.js';
import {
  MINER_SCRIPT,
  OTHER_SCRIPT,
  openTemporaryNode,
  payFromMiner,
  temporaryFolder,
} from '../node/setup.js';

/** Mines until the chain has this height. Returns the rate that was shown last. */
async function mineTo(node: ChainNode, height: number, threads: number): Promise<Miner> {
  const miner = new Miner({ node, lockingScript: OTHER_SCRIPT, threads });
  const ending = new AbortController();
  node.on('block', (tip) => {
    if (tip.height >= height) ending.abort();
  });
  await miner.run(ending.signal);
  node.removeAllListeners('block');
  return miner;
}

describe('mining on threads', () => {
  let node: ChainNode;
  let end: () => Promise<void>;

  beforeEach(async () => {
    ({ node, end } = await openTemporaryNode());
    await node.mine(105, MINER_SCRIPT);
  });
  afterEach(() => end());

  it('makes blocks of what waits, each with a coinbase of its own, and begins anew on each tip', async () => {
    const paid = payFromMiner(node, [{ value: 1_000n, lockingScript: OTHER_SCRIPT }]);
    await node.submitTransaction(paid);
    await mineTo(node, 110, 2);
    const blocks = [106, 107, 108].map((height) => node.store.block(node.store.hashAt(height)!)!);
    expect(blocks.map(({ transactions }) => transactions.length)).toEqual([2, 1, 1]);
    expect(transactionId(blocks[0]!.transactions[1]!)).toBe(transactionId(paid));
    for (const { transactions } of blocks) {
      expect(transactions[0]!.outputs[0]!.lockingScript).toEqual(OTHER_SCRIPT);
    }
    const scripts = blocks.map(({ transactions }) => transactions[0]!.inputs[0]!.unlockingScript);
    expect(new Set(scripts.map(String)).size).toBe(3);
    expect(node.mempool.size).toBe(0);
  });

  it('stops at once when it is told before it has begun', async () => {
    const miner = new Miner({ node, lockingScript: OTHER_SCRIPT, threads: 2 });
    await miner.run(AbortSignal.abort());
    expect(node.tip.height).toBe(105);
    expect(miner.hashRate).toBe(0);
  });
});

describe('mining on threads at a real target', () => {
  it('finds blocks of the main network, a million tries each', async () => {
    const folder = temporaryFolder();
    const node = await ChainNode.open({ datadir: folder.path, network: 'main' });
    await mineTo(node, 2, 2);
    expect(node.tip.height).toBe(2);
    await node.close();
    folder.remove();
  });
});
