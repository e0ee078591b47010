import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { mineOnTime } from '#src/chain/daemon/mining.js';
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

describe('a block of our own that is refused', () => {
  let node: ChainNode;
  let end: () => Promise<void>;
  const warnings: string[] = [];

  beforeEach(async () => {
    ({ node, end } = await openTemporaryNode());
    await node.mine(20, MINER_SCRIPT);
    warnings.length = 0;
    node.on('warning', (message) => warnings.push(message));
    // the clock was set back by a day: whatever the time, the next block's must be after the last ones'
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 86_400_000 });
  });
  afterEach(async () => {
    vi.useRealTimers();
    await end();
  });

  const refused = async () => {
    await expect.poll(() => warnings.length).toBeGreaterThan(0);
    expect(warnings[0]).toContain('was refused: time-too-new');
    expect(node.tip.height).toBe(20);
    vi.useRealTimers();
  };

  it('on the clock is noted, and the next ones are made', async () => {
    const ending = new AbortController();
    const { signal } = ending;
    const mining = mineOnTime(node, { lockingScript: OTHER_SCRIPT, blockTime: 0.02, signal });
    await refused();
    await expect.poll(() => node.tip.height).toBeGreaterThan(21);
    ending.abort();
    await mining;
  });

  it('on threads is noted, and work goes on with the next tip', async () => {
    const ending = new AbortController();
    const miner = new Miner({ node, lockingScript: OTHER_SCRIPT, threads: 1 });
    const mining = miner.run(ending.signal);
    await refused();
    await node.mine(1, MINER_SCRIPT);
    await expect.poll(() => node.tip.height).toBeGreaterThan(22);
    ending.abort();
    await mining;
  });
});
