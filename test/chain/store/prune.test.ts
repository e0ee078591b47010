import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ChainNode, idToHash, transactionHash } from '#src/chain/index.js';
import { KEPT_BLOCKS } from '#src/chain/store/Pruner.js';
import {
  copyFolder,
  MINER_SCRIPT,
  matureCoins,
  OTHER_SCRIPT,
  payFromMiner,
  temporaryFolder,
} from '../node/setup.js';
import { hashesOf, type StoreHashes } from './rivals.js';

const HEIGHT = KEPT_BLOCKS + 40;
/** Where the other branch leaves the chain. */
const FORK = 10;

const made = temporaryFolder();
let folder: ReturnType<typeof temporaryFolder>;
let before: StoreHashes;
let fullBytes: number;
let node: ChainNode;

type Options = Partial<Parameters<typeof ChainNode.open>[0]>;
const openAt = (datadir: string, options: Options = {}) =>
  ChainNode.open({ datadir, network: 'regtest', threads: 1, ...options });
const open = (options: Options = {}) => openAt(folder.path, options);

/** Bytes of all blocks and undo data, counted one by one. */
function keptBytes({ store: { tables } }: ChainNode): number {
  const kept = [...tables.blocks.getRange(), ...tables.undo.getRange()];
  return kept.reduce((sum, { value }) => sum + value.length, 0);
}

/** A chain with all its blocks, and one that leaves it early and is longer. */
beforeAll(async () => {
  const full = await openAt(join(made.path, 'full'));
  await full.mine(FORK, MINER_SCRIPT);
  copyFolder(join(made.path, 'full'), join(made.path, 'rival'));
  await full.mine(HEIGHT - FORK, MINER_SCRIPT);
  before = await hashesOf(full.store);
  fullBytes = full.store.marks.bodyBytes;
  expect(fullBytes).toBe(keptBytes(full));
  await full.close();
  const rival = await openAt(join(made.path, 'rival'));
  await rival.mine(HEIGHT - FORK + 1, OTHER_SCRIPT);
  await rival.close();
});
afterAll(() => made.remove());

beforeEach(async () => {
  folder = temporaryFolder();
  copyFolder(join(made.path, 'full'), folder.path);
  node = await open({ pruneBytes: 1 });
});
afterEach(async () => {
  await node.close();
  folder.remove();
});

describe('--prune', () => {
  it('drops the bodies and undo data of the oldest blocks, never of the last 288, and no header', () => {
    expect(node.store.marks.pruneHeight).toBe(HEIGHT - KEPT_BLOCKS);
    for (let height = 0; height <= HEIGHT; height++) {
      const hash = node.store.hashAt(height)!;
      const isKept = height >= HEIGHT - KEPT_BLOCKS;
      expect(node.store.header(hash)).toBeDefined();
      expect(node.store.block(hash) !== undefined).toBe(isKept);
      expect(node.store.tables.undo.doesExist(hash)).toBe(isKept);
    }
    expect(node.store.marks.bodyBytes).toBe(keptBytes(node));
    expect(keptBytes(node)).toBeLessThan(fullBytes);
    expect(node.unspentOf(MINER_SCRIPT)).toHaveLength(HEIGHT);
  });

  it('keeps the unspent outputs as they are', async () => {
    expect((await hashesOf(node.store)).utxos).toBe(before.utxos);
  });

  it('keeps as many blocks as fit, and goes on with each new one', async () => {
    await node.close();
    folder.remove();
    copyFolder(join(made.path, 'full'), folder.path);
    node = await open({ pruneBytes: fullBytes });
    expect(node.store.marks.pruneHeight).toBeUndefined();
    await node.mine(32, MINER_SCRIPT);
    expect(node.store.marks.pruneHeight).toBeGreaterThan(10);
    expect(node.store.marks.pruneHeight).toBeLessThanOrEqual(34);
    expect(node.store.marks.bodyBytes).toBeLessThanOrEqual(fullBytes + 16 * 400);
    await node.close();
    node = await open({ pruneBytes: 1 });
    await node.mine(20, MINER_SCRIPT);
    const lowest = node.store.marks.pruneHeight!;
    expect(lowest).toBeGreaterThan(HEIGHT + 32 - KEPT_BLOCKS);
    expect(lowest).toBeLessThanOrEqual(node.tip.height - KEPT_BLOCKS);
  });

  it('leaves a node that starts, verifies all it has, and spends what was made in dropped blocks', async () => {
    await node.close();
    node = await open({ check: { level: 4, blocks: 0 } });
    const oldest = matureCoins(node).filter(({ height }) => height < HEIGHT - KEPT_BLOCKS);
    const payment = payFromMiner(node, [{ value: 1_000n, lockingScript: OTHER_SCRIPT }], {
      utxos: oldest,
    });
    await node.submitTransaction(payment);
    await node.mine(1, OTHER_SCRIPT);
    expect(node.tip.height).toBe(HEIGHT + 1);
    expect(node.store.hasTransaction(transactionHash(payment))).toBe(true);
  });

  it('says that a transaction of a dropped block is pruned', () => {
    const { outpoint } = node.unspentOf(MINER_SCRIPT).find(({ coin }) => coin.height === 1)!;
    expect(() => node.store.transactionByHash(outpoint.hash)).toThrow('pruned data');
    expect(node.store.hasTransaction(outpoint.hash)).toBe(true);
  });

  it('can not be followed by --reindex, which leaves everything as it is', async () => {
    const { hash } = node.tip;
    await node.close();
    await expect(open({ reindex: true })).rejects.toMatchObject({
      code: 'REINDEX_PRUNED',
      next: expect.stringContaining('Move'),
    });
    node = await open();
    expect(node.tip.hash).toBe(hash);
  });

  it('refuses a branch that leaves the chain below what is kept, and stays where it is', async () => {
    const { hash } = node.tip;
    const rival = await openAt(join(made.path, 'rival'));
    const take = async (): Promise<void> => {
      for (let height = FORK + 1; height <= rival.tip.height; height++) {
        await node.submitBlock(rival.store.block(rival.store.hashAt(height)!)!);
      }
    };
    await expect(take()).rejects.toMatchObject({ code: 'REORG_PRUNED' });
    const better = idToHash(rival.tip.hash);
    await rival.close();
    expect(node.tip.hash).toBe(hash);
    expect(node.store.header(better)).toBeDefined();
    await node.close();
    node = await open();
    expect(node.tip.hash).toBe(hash);
  });
});
