import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { coinbasePrefix } from '#src/chain/consensus/blockRules.js';
import { type Block, blockHash, type ChainNode, transactionId } from '#src/chain/index.js';
import { stateHash } from '#src/chain/store/queries.js';
import { cases, timeLimit } from '../../long.js';
import {
  MINER_SCRIPT,
  matureCoins,
  nextBlock,
  OTHER_SCRIPT,
  openTemporaryNode,
  payFromMiner,
  withCoinbase,
} from '../node/setup.js';

type Temporary = Awaited<ReturnType<typeof openTemporaryNode>>;

const BASE = 105;

let ours: Temporary;
let theirs: Temporary;

const blockAt = (node: ChainNode, height: number): Block =>
  node.store.block(node.store.hashAt(height)!)!;
const state = (node: ChainNode) => toHex(stateHash(node.store));

/** Hands the blocks of one node's chain, from a height on, to the other. */
async function copy(from: ChainNode, to: ChainNode, first: number, last = from.tip.height) {
  for (let height = first; height <= last; height++) await to.submitBlock(blockAt(from, height));
}

beforeEach(async () => {
  [ours, theirs] = await Promise.all([openTemporaryNode(), openTemporaryNode()]);
  await ours.node.mine(BASE, MINER_SCRIPT);
  await copy(ours.node, theirs.node, 1);
});
afterEach(async () => {
  await ours.end();
  await theirs.end();
});

/** The next block of a node, whose coinbase takes more than its due. */
function greedyBlock(node: ChainNode): Promise<Block> {
  return nextBlock(node, (block) =>
    withCoinbase(block, (first) => ({
      ...first,
      outputs: [{ value: 6_000_000_000n, lockingScript: OTHER_SCRIPT }],
    })),
  );
}

/** A valid block upon one whose height is its coinbase's lock time, and which no node here need have connected. */
async function blockOn(node: ChainNode, parent: Block, lockingScript: Uint8Array): Promise<Block> {
  const parentHeight = parent.transactions[0]!.lockTime;
  const height = parentHeight + 1;
  return nextBlock(node, (block) => ({
    header: {
      ...block.header,
      previousHash: blockHash(parent.header),
      time: parent.header.time + 1,
    },
    transactions: [
      {
        ...block.transactions[0]!,
        inputs: [
          {
            ...block.transactions[0]!.inputs[0]!,
            unlockingScript: Uint8Array.from([...coinbasePrefix(height), 1, lockingScript.length]),
          },
        ],
        outputs: [{ value: 1n, lockingScript }],
        lockTime: height,
      },
    ],
  }));
}

// deeper than the maturity of coinbases: what they were spent by is gone, too
const DEPTH = cases(120, 1_000);

describe(`a reorganisation of ${DEPTH} blocks`, () => {
  it(
    'leads to the same state as the other branch alone, and puts the mempool right',
    async () => {
      const a = ours.node;
      const b = theirs.node;
      const coins = matureCoins(a);
      const pay = (index: number, value: bigint) =>
        payFromMiner(a, [{ value, lockingScript: OTHER_SCRIPT }], {
          utxos: coins.slice(index, index + 1),
        });
      // in a block of ours only, in blocks of both, double spent by theirs, and waiting
      const [mined, shared, lost, waiting] = [
        pay(0, 1_000n),
        pay(1, 1_001n),
        pay(2, 1_002n),
        pay(3, 1_003n),
      ];
      const rival = pay(2, 2_002n);
      for (const transaction of [mined, shared, lost]) await a.submitTransaction(transaction);
      await a.mine(DEPTH, MINER_SCRIPT);
      await a.submitTransaction(waiting);
      for (const transaction of [shared, rival]) await b.submitTransaction(transaction);
      await b.mine(DEPTH + 1, OTHER_SCRIPT);
      const lostTip = a.tip;
      await copy(b, a, BASE + 1, BASE + DEPTH);
      // equal work: what was seen first stays
      expect(a.tip).toEqual(lostTip);
      await copy(b, a, BASE + DEPTH + 1);
      expect(a.tip).toEqual(b.tip);
      expect(state(a)).toBe(state(b));
      const left = [...a.mempool.entries()].map(({ transaction }) => transactionId(transaction));
      expect(left.sort()).toEqual([mined, waiting].map(transactionId).sort());
    },
    timeLimit(240_000),
  );
});

describe('an invalid block in the middle of a branch with more work', () => {
  let bad: Block;
  let before: string;

  beforeEach(async () => {
    // theirs: a good block, a greedy one, and blocks upon it, of which one branch has more work than ours
    await ours.node.mine(3, MINER_SCRIPT);
    before = state(ours.node);
    await theirs.node.mine(1, OTHER_SCRIPT);
    await copy(theirs.node, ours.node, BASE + 1);
    const greedy = await greedyBlock(theirs.node);
    bad = withCoinbase(greedy, (first) => ({ ...first, lockTime: BASE + 2 }));
    bad = await nextBlock(theirs.node, () => bad);
  });

  it('brings the old branch back, with its state, and the whole branch is refused from then on', async () => {
    const { node } = ours;
    const { tip } = node;
    await node.submitBlock(bad);
    const third = await blockOn(theirs.node, bad, MINER_SCRIPT);
    const sibling = await blockOn(theirs.node, bad, OTHER_SCRIPT.slice(0, 5));
    await node.submitBlock(third);
    await node.submitBlock(sibling);
    const fourth = await blockOn(theirs.node, third, MINER_SCRIPT);
    await expect(node.submitBlock(fourth)).rejects.toThrow('bad-cb-amount');
    expect(node.tip).toEqual(tip);
    expect(state(node)).toBe(before);
    for (const block of [bad, third, fourth]) {
      await expect(node.submitBlock(block)).rejects.toThrow('duplicate-invalid');
    }
    const upon = await blockOn(theirs.node, fourth, MINER_SCRIPT);
    await expect(node.submitBlock(upon)).rejects.toThrow('bad-prevblk');
    // another branch upon the invalid block that was there before it turned out to be
    const late = await blockOn(theirs.node, sibling, MINER_SCRIPT);
    await expect(node.submitBlock(late)).rejects.toThrow('bad-prevblk');
    expect(node.tip).toEqual(tip);
    expect(state(node)).toBe(before);
  });

  it('leaves the good blocks below it for a branch upon them', async () => {
    const { node } = ours;
    await node.submitBlock(bad);
    const third = await blockOn(theirs.node, bad, MINER_SCRIPT);
    await node.submitBlock(third);
    const fourth = await blockOn(theirs.node, third, MINER_SCRIPT);
    await expect(node.submitBlock(fourth)).rejects.toThrow('bad-cb-amount');
    await theirs.node.mine(3, OTHER_SCRIPT);
    await copy(theirs.node, node, BASE + 2);
    expect(node.tip).toEqual(theirs.node.tip);
    expect(state(node)).toBe(state(theirs.node));
  });
});

describe('an invalid block on the tip', () => {
  it('is known from then on, and nothing is built on it', async () => {
    const { node } = ours;
    const before = state(node);
    const greedy = await greedyBlock(node);
    const bad = await nextBlock(node, () =>
      withCoinbase(greedy, (first) => ({ ...first, lockTime: BASE + 1 })),
    );
    await expect(node.submitBlock(bad)).rejects.toThrow('bad-cb-amount');
    await expect(node.submitBlock(bad)).rejects.toThrow('duplicate-invalid');
    const upon = await blockOn(node, bad, MINER_SCRIPT);
    await expect(node.submitBlock(upon)).rejects.toThrow('bad-prevblk');
    expect(state(node)).toBe(before);
    await node.mine(1, MINER_SCRIPT);
    expect(node.tip.height).toBe(BASE + 1);
  });
});

describe('a block', () => {
  it('whose parent is unknown is refused, and taken once the parent came', async () => {
    await theirs.node.mine(2, OTHER_SCRIPT);
    const [first, second] = [BASE + 1, BASE + 2].map((height) => blockAt(theirs.node, height));
    await expect(ours.node.submitBlock(second!)).rejects.toThrow('prev-blk-not-found');
    await expect(ours.node.submitBlock(first!)).resolves.toBe(true);
    await expect(ours.node.submitBlock(second!)).resolves.toBe(true);
    expect(ours.node.tip).toEqual(theirs.node.tip);
  });

  it('that comes twice changes nothing, on the active chain and off it', async () => {
    await ours.node.mine(2, MINER_SCRIPT);
    await theirs.node.mine(1, OTHER_SCRIPT);
    const aside = blockAt(theirs.node, BASE + 1);
    await expect(ours.node.submitBlock(aside)).resolves.toBe(true);
    const before = state(ours.node);
    await expect(ours.node.submitBlock(aside)).resolves.toBe(false);
    await expect(ours.node.submitBlock(blockAt(ours.node, BASE + 2))).resolves.toBe(false);
    await expect(ours.node.submitBlock(blockAt(ours.node, 0))).resolves.toBe(false);
    expect(state(ours.node)).toBe(before);
  });
});
