import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { type Block, ChainNode, transactionId } from '#src/chain/index.js';
import { stateHash } from '#src/chain/store/queries.js';
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

let a: Temporary;
let b: Temporary;

const state = ({ node }: Temporary) => toHex(stateHash(node.store));
const blockAt = ({ node }: Temporary, height: number): Block =>
  node.store.block(node.store.hashAt(height)!)!;

/** Hands the blocks of one node's chain, from a height on, to the other. */
async function copy(from: Temporary, to: Temporary, first: number): Promise<void> {
  for (let height = first; height <= from.node.tip.height; height++) {
    await to.node.submitBlock(blockAt(from, height));
  }
}

beforeEach(async () => {
  a = await openTemporaryNode();
  b = await openTemporaryNode();
  await a.node.mine(105, MINER_SCRIPT);
  await copy(a, b, 1);
});
afterEach(async () => {
  await a.end();
  await b.end();
});

describe('the store', () => {
  it('comes to the same state by the same blocks', () => {
    expect(state(b)).toBe(state(a));
    expect(b.node.tip).toEqual(a.node.tip);
  });

  it('comes back to the same state after disconnecting what it connected', async () => {
    const before = state(a);
    const jobId = new Uint8Array(32).fill(3);
    await a.node.submitTransaction(
      payFromMiner(a.node, [{ value: 5_000n, lockingScript: OTHER_SCRIPT }], { jobId }),
    );
    await a.node.mine(3, MINER_SCRIPT);
    expect(state(a)).not.toBe(before);
    for (let i = 0; i < 3; i++) a.node.store.transaction(() => a.node.store.disconnect());
    expect(state(a)).toBe(before);
  });
});

describe('a reorganisation', () => {
  it('follows the branch with more work, whatever came first, and leaves no trace of the other', async () => {
    await a.node.mine(2, MINER_SCRIPT);
    await b.node.mine(4, OTHER_SCRIPT);
    await copy(b, a, 106);
    expect(a.node.tip).toEqual(b.node.tip);
    expect(state(a)).toBe(state(b));
  });

  it('does not follow a branch of equal work', async () => {
    await a.node.mine(2, MINER_SCRIPT);
    await b.node.mine(2, OTHER_SCRIPT);
    const { hash } = a.node.tip;
    await copy(b, a, 106);
    expect(a.node.tip.hash).toBe(hash);
  });

  it('puts the transactions of the lost branch back into the mempool, those that stay valid', async () => {
    const kept = payFromMiner(a.node, [{ value: 1000n, lockingScript: OTHER_SCRIPT }]);
    await a.node.submitTransaction(kept);
    await a.node.mine(1, MINER_SCRIPT);
    // coins that are old enough on the other branch too
    const utxos = matureCoins(a.node).filter(({ height }) => height <= 106 - 100);
    const output = { value: 70_000_000_000n / 100n, lockingScript: OTHER_SCRIPT };
    const doubleSpent = payFromMiner(a.node, [output], { utxos });
    await a.node.submitTransaction(doubleSpent);
    const rival = payFromMiner(b.node, [{ value: 9_000n, lockingScript: OTHER_SCRIPT }], {
      utxos: doubleSpent.inputs.map(({ outpoint }) => ({ outpoint, ...a.node.output(outpoint)! })),
    });
    await b.node.submitTransaction(rival);
    await b.node.mine(3, MINER_SCRIPT);
    await copy(b, a, 106);
    const waiting = [...a.node.mempool.entries()].map(({ transaction }) =>
      transactionId(transaction),
    );
    expect(a.node.tip).toEqual(b.node.tip);
    expect(waiting).toEqual([transactionId(kept)]);
  });

  it('comes back to its own branch when the other turns out to break a rule', async () => {
    await a.node.mine(1, MINER_SCRIPT);
    const before = state(a);
    const { hash } = a.node.tip;
    await b.node.mine(1, OTHER_SCRIPT);
    await copy(b, a, 106);
    // the second block of the rival branch takes too much; a branch that isn't active is not checked for that
    const greedy = await nextBlock(b.node, (block) =>
      withCoinbase(block, (first) => ({
        ...first,
        outputs: [{ value: 6_000_000_000n, lockingScript: OTHER_SCRIPT }],
      })),
    );
    await expect(a.node.submitBlock(greedy)).rejects.toThrow('bad-cb-amount');
    expect(a.node.tip.hash).toBe(hash);
    expect(state(a)).toBe(before);
    await expect(a.node.submitBlock(greedy)).rejects.toThrow('duplicate-invalid');
  });
});

describe('the data folder', () => {
  it('is held by one node at a time', async () => {
    const again = ChainNode.open({ datadir: a.datadir, network: 'regtest' });
    await expect(again).rejects.toMatchObject({ code: 'DATADIR_LOCKED' });
  });

  it('keeps the tip over a restart', async () => {
    const { tip } = a.node;
    const before = state(a);
    await a.node.close();
    const node = await ChainNode.open({ datadir: a.datadir, network: 'regtest' });
    expect(node.tip).toEqual(tip);
    expect(toHex(stateHash(node.store))).toBe(before);
    await node.close();
  });
});

describe('a damaged or foreign store', () => {
  it('is refused at the start, and the folder is free again', async () => {
    const { store, tip } = a.node;
    store.transaction(() => store.tables.undo.removeSync(store.hashAt(tip.height)!));
    await a.node.close();
    const open = () => ChainNode.open({ datadir: a.datadir, network: 'regtest' });
    await expect(open()).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
    await expect(open()).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
  });
});
