import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { blockHash } from '#src/chain/codec/block.js';
import { checkBlock } from '#src/chain/consensus/blockRules.js';
import { bitsToTarget, workOf } from '#src/chain/consensus/target.js';
import { ChainNode, decodeBlock } from '#src/chain/index.js';
import { ChainStore } from '#src/chain/store/ChainStore.js';
import {
  copyFolder,
  MINER_SCRIPT,
  nextBlock,
  OTHER_SCRIPT,
  temporaryFolder,
  withCoinbase,
} from '../node/setup.js';
import { hashesOf, rivalBranches } from './rivals.js';

let folder: ReturnType<typeof temporaryFolder>;

beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

function flip(store: ChainStore, table: 'blocks' | 'undo', key: Uint8Array, at: number): void {
  const bytes = Uint8Array.from(store.tables[table].getBinary(key)!);
  bytes[at]! ^= 1;
  store.transaction(() => store.tables[table].putSync(key, bytes));
}

type Options = Partial<Parameters<typeof ChainNode.open>[0]>;
const open = (options: Options = {}) =>
  ChainNode.open({ datadir: folder.path, network: 'regtest', threads: 1, ...options });

describe('--reindex', () => {
  it('makes the same store out of the blocks, and keeps those of other branches', async () => {
    const { blocks, replayed } = await rivalBranches([2, 5]);
    const node = await open();
    for (const block of blocks) await node.submitBlock(decodeBlock(Buffer.from(block, 'hex')));
    const { hash } = node.tip;
    const before = await hashesOf(node.store);
    const branches = [...node.store.inactive()].map((entry) => entry.hash);
    await node.close();
    expect(before).toEqual(replayed.get(hash));
    expect(branches).toHaveLength(7);

    const rebuilt = await open({ reindex: true, check: { level: 4, blocks: 0 } });
    expect(rebuilt.tip.hash).toBe(hash);
    expect(await hashesOf(rebuilt.store)).toEqual(before);
    expect([...rebuilt.store.inactive()].map((entry) => entry.hash)).toEqual(branches);
    for (const each of branches) expect(rebuilt.store.block(each)).toBeDefined();
    await rebuilt.close();
  });

  it('shows how far it is, and goes on where it was ended, asked for or not', async () => {
    const node = await open();
    await node.mine(600, MINER_SCRIPT);
    const before = await hashesOf(node.store);
    await node.close();
    for (const again of [undefined, true]) {
      const abort = new AbortController();
      const ended = open({ reindex: true, signal: abort.signal, onNote: () => abort.abort() });
      await expect(ended).rejects.toThrow('aborted');
      const notes: string[] = [];
      const rebuilt = await open({ reindex: again, onNote: (text) => notes.push(text) });
      // 256 blocks are connected in one transaction; the first of them were there
      expect(notes[0]).toBe('rebuilding: block 512 of 600 (85 %)');
      expect(notes.at(-1)).toBe('rebuilding: block 600 of 600 (100 %)');
      expect(await hashesOf(rebuilt.store)).toEqual(before);
      await rebuilt.close();
    }
    // it is over: another start has nothing to go on with
    const notes: string[] = [];
    await (await open({ onNote: (text) => notes.push(text) })).close();
    expect(notes).toEqual([]);
  });

  it('of an empty folder begins a chain', async () => {
    const node = await open({ reindex: true });
    expect(node.tip.height).toBe(0);
    await node.close();
  });
});

describe('a kept block that breaks a rule', () => {
  it.each([false, true])(
    'is marked at the start, and those below it stay (reindex: %s)',
    async (reindex) => {
      const node = await open();
      await node.mine(8, MINER_SCRIPT);
      const before = await hashesOf(node.store);
      const greedy = await nextBlock(node, (block) =>
        withCoinbase(block, (first) => ({
          ...first,
          outputs: [{ value: 6_000_000_000n, lockingScript: MINER_SCRIPT }],
        })),
      );
      const hash = blockHash(greedy.header);
      const tip = node.store.tip();
      const work = tip.work + workOf(bitsToTarget(greedy.header.bits)!);
      // as if a version that does not know the rule had kept it
      const entry = { hash, header: greedy.header, height: tip.height + 1, work };
      node.store.transaction(() => node.store.putBlock(entry, checkBlock(greedy)));
      await node.close();

      const again = await open({ reindex });
      expect(await hashesOf(again.store)).toEqual(before);
      await expect(again.submitBlock(greedy)).rejects.toThrow('duplicate-invalid');
      await again.close();
    },
  );
});

describe('damage that comes up while --reindex goes on', () => {
  it('to the branch that was rebuilt already ends it, and the next one begins anew', async () => {
    const node = await open();
    await node.mine(8, MINER_SCRIPT);
    const other = temporaryFolder();
    copyFolder(folder.path, other.path);
    await node.mine(6, MINER_SCRIPT);
    const rival = await ChainNode.open({ datadir: other.path, network: 'regtest', threads: 1 });
    await rival.mine(4, OTHER_SCRIPT);
    for (let height = 9; height <= 12; height++) {
      await node.submitBlock(rival.store.block(rival.store.hashAt(height)!)!);
    }
    // the branch with the most work breaks in its middle, so that the other one gets its turn
    const { hash } = node.store.headerAt(12)!;
    flip(node.store, 'blocks', hash, 120);
    await node.close();

    let store: ChainStore | undefined;
    const openStore = ChainStore.open;
    vi.spyOn(ChainStore, 'open').mockImplementationOnce(async (...args) => {
      store = await openStore(...args);
      return store;
    });
    const onNote = (text: string): void => {
      if (text.includes('left out')) flip(store!, 'undo', store!.tip().hash, 2);
    };
    await expect(open({ reindex: true, onNote })).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
    const rebuilt = await open({ reindex: true, check: { level: 4, blocks: 0 } });
    expect(rebuilt.tip).toEqual(rival.tip);
    expect(await hashesOf(rebuilt.store)).toEqual(await hashesOf(rival.store));
    await rebuilt.close();
    await rival.close();
    other.remove();
  });
});
