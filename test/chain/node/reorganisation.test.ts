import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { equalBytes, toHex } from '#src/base/index.js';
import {
  type Block,
  blockHash,
  ChainNode,
  type HeaderRecord,
  idToHash,
  transactionHash,
} from '#src/chain/index.js';
import { assembleBlock, solve } from '#src/chain/node/miner.js';
import { stateHash } from '#src/chain/store/queries.js';
import { utxoSetInfo } from '#src/chain/store/utxoSet.js';
import { ANYONE, type AnyoneCoin, copyChain, outputOf, spend } from '../mempool/anyone.js';
import { copyFolder, OTHER_SCRIPT, openTemporaryNode, temporaryFolder } from './setup.js';

/** Blocks above the fork: ours, and one more of theirs. */
const DEPTH = 70;
/** Most small blocks that are left, or connected, in one turn. */
const TOGETHER = 32;
/** Turns that it takes at least to leave, or connect, as many. */
const TURNS = Math.ceil(DEPTH / TOGETHER);
const FEE = 10_000;

let ours: { node: ChainNode; datadir: string };
let theirs: Awaited<ReturnType<typeof openTemporaryNode>>;
/** Their blocks above the fork. */
let branch: Block[];

const state = (node: ChainNode): string => toHex(stateHash(node.store));
const blockAt = (node: ChainNode, height: number): Block =>
  node.store.block(node.store.hashAt(height)!)!;
const coinbaseAt = (node: ChainNode, height: number): AnyoneCoin =>
  outputOf(blockAt(node, height).transactions[0]!);
const waiting = (node: ChainNode): string[] =>
  [...node.mempool.entries()].map(({ hash }) => toHex(hash)).sort();

/** The data folder of ours before the last block of the branch comes. */
let base: string;

/** Two chains part at height 120; a transaction of ours is in a block above the fork, another waits for one. */
beforeAll(async () => {
  const first = await openTemporaryNode({ threads: 1 });
  theirs = await openTemporaryNode({ threads: 1 });
  await first.node.mempoolFile.loaded;
  await first.node.mine(120, ANYONE);
  await copyChain(first.node, theirs.node);
  await first.node.submitTransaction(spend([coinbaseAt(first.node, 1)], 3, FEE));
  await first.node.mine(DEPTH, ANYONE);
  await first.node.submitTransaction(spend([coinbaseAt(first.node, 2)], 1, FEE));
  await theirs.node.submitTransaction(spend([coinbaseAt(theirs.node, 3)], 2, FEE));
  await theirs.node.mine(DEPTH + 1, OTHER_SCRIPT);
  branch = Array.from({ length: DEPTH + 1 }, (_, index) => blockAt(theirs.node, 121 + index));
  for (const block of branch.slice(0, -1)) await first.node.submitBlock(block);
  await first.node.close();
  base = first.datadir;
  return async () => {
    await first.end();
    await theirs.end();
  };
});
beforeEach(async () => {
  const { path, remove } = temporaryFolder();
  copyFolder(base, path);
  const node = await ChainNode.open({ datadir: path, network: 'regtest', threads: 2 });
  await node.mempoolFile.loaded;
  ours = { node, datadir: path };
  return async () => {
    await node.close();
    remove();
  };
});

/** Starts what is given and runs something in each turn of the event loop until it has ended. Returns the turns. */
async function inEachTurn(work: Promise<unknown>, look: (turn: number) => void): Promise<number> {
  let done = false;
  const ended = work.finally(() => {
    done = true;
  });
  let turns = 0;
  for (; ; turns++) {
    await setImmediate();
    if (done) break;
    look(turns);
  }
  await ended;
  return turns;
}

describe('while the chain goes to another branch', () => {
  it('others have their turn at every few blocks, and see the chain, its state and the mempool as they were', async () => {
    const { node } = ours;
    const before = { tip: node.tip, state: state(node), waiting: waiting(node) };
    const turns = await inEachTurn(node.submitBlock(branch.at(-1)!), () => {
      expect(node.tip).toEqual(before.tip);
      expect(state(node)).toBe(before.state);
      expect(waiting(node)).toEqual(before.waiting);
      expect(node.unspentOf(OTHER_SCRIPT)).toEqual([]);
    });
    expect(turns).toBeGreaterThanOrEqual(2 * TURNS);
    expect(node.tip).toEqual(theirs.node.tip);
    expect(state(node)).toBe(state(theirs.node));
  });

  it('what the file needs beside does not grow by what each small block writes', async () => {
    const { node, datadir } = ours;
    const size = (): number => statSync(join(datadir, 'regtest', 'chain.lmdb')).size;
    const before = size();
    await node.submitBlock(branch.at(-1)!);
    expect(node.tip).toEqual(theirs.node.tip);
    // some 90 kB for each of 141 blocks otherwise
    expect(size() - before).toBeLessThan(4_000_000);
  });

  it('a transaction is taken upon the old chain, and stays if it holds on the new one', async () => {
    const { node } = ours;
    const good = spend([coinbaseAt(node, 4)], 1, FEE);
    // their branch spends the same coin
    const doomed = spend([coinbaseAt(node, 3)], 1, FEE);
    const submitted: Promise<string>[] = [];
    await inEachTurn(node.submitBlock(branch.at(-1)!), (turn) => {
      if (turn === TURNS)
        submitted.push(...[good, doomed].map((each) => node.submitTransaction(each)));
    });
    await Promise.all(submitted);
    expect(submitted.length).toBe(2);
    expect(node.mempool.get(transactionHash(good))).toBeDefined();
    expect(node.mempool.get(transactionHash(doomed))).toBeUndefined();
    // what was in a block that was left waits again, beside what waited before
    expect(node.mempool.size).toBe(3);
  });

  it('sums over the unspent outputs are those of the old chain', async () => {
    const { node } = ours;
    const { hash, tip } = await utxoSetInfo(node.store);
    const sums: ReturnType<typeof utxoSetInfo>[] = [];
    await inEachTurn(node.submitBlock(branch.at(-1)!), (turn) => {
      if (turn === TURNS) sums.push(utxoSetInfo(node.store));
    });
    const [during] = await Promise.all(sums);
    expect(during).toMatchObject({ hash, tip: { height: tip.height } });
  });

  it('a block that is tried, and the operator’s word, wait until it is there', async () => {
    const { node } = ours;
    const next = assembleBlock(theirs.node, ANYONE);
    const refused = blockHash(branch.at(-1)!.header);
    const others: Promise<unknown>[] = [];
    await inEachTurn(node.submitBlock(branch.at(-1)!), (turn) => {
      if (turn !== 1) return;
      others.push(node.testBlock(next), node.overruling.refuse(node.store.header(refused)!));
    });
    await Promise.all(others);
    expect(others.length).toBe(2);
    expect(node.tip.height).toBe(120 + DEPTH);
    expect(node.store.header(refused)!.status).toBe('refused');
  });

  it('what is mined is on the new chain, whether it was begun before or meanwhile', async () => {
    const { node } = ours;
    const old = node.store.tip();
    const mined = [node.mine(1, ANYONE)];
    await inEachTurn(node.submitBlock(branch.at(-1)!), (turn) => {
      if (turn === 1) mined.push(node.mine(2, ANYONE));
    });
    const ids = (await Promise.all(mined)).flat();
    expect(ids.length).toBe(3);
    const heights = ids.map((id) => {
      const entry = node.store.header(idToHash(id))!;
      expect(node.store.isActive(entry)).toBe(true);
      return entry.height;
    });
    const top = 120 + DEPTH + 1;
    expect(heights.sort((a, b) => a - b)).toEqual([top + 1, top + 2, top + 3]);
    // only what was begun before came too late
    const onOld = ({ header }: HeaderRecord): boolean => equalBytes(header.previousHash, old.hash);
    expect([...node.store.inactive()].filter(onOld).length).toBe(1);
  });

  it('the store is held still once, and a second time is an error', async () => {
    const { store } = ours.node;
    const release = store.hold();
    expect(() => store.hold()).toThrow('held still already');
    release();
    store.hold()();
    expect(store.tip().height).toBe(120 + DEPTH);
  });

  it('a node that is stopped ends it first, and saves the transactions that it sets free', async () => {
    const { node, datadir } = ours;
    const left = blockAt(node, 121).transactions[1]!;
    const moving = node.submitBlock(branch.at(-1)!);
    for (let turn = 0; turn < 3; turn++) await setImmediate();
    expect(node.tip.height).toBe(120 + DEPTH);
    await node.close();
    await moving;
    const again = await ChainNode.open({ datadir, network: 'regtest', threads: 1 });
    await again.mempoolFile.loaded;
    expect(again.tip).toEqual(theirs.node.tip);
    expect(again.mempool.get(transactionHash(left))).toBeDefined();
    expect(again.mempool.size).toBe(2);
    await again.close();
  });

  it('tells of the new tip once, at the end, and of a branch that breaks a rule never', async () => {
    const { node } = ours;
    const tips: number[] = [];
    node.on('block', ({ height }) => tips.push(height));
    const before = { tip: node.tip, state: state(node), waiting: waiting(node) };
    const bad = await badBlock(node, branch.at(-2)!);
    const failing = node.submitBlock(bad);
    const turns = await inEachTurn(
      failing.catch(() => {}),
      () => expect(state(node)).toBe(before.state),
    );
    await expect(failing).rejects.toThrow('bad-cb-amount');
    expect(turns).toBeGreaterThanOrEqual(4 * TURNS);
    expect({ tip: node.tip, state: state(node), waiting: waiting(node) }).toEqual(before);
    expect(tips).toEqual([]);
    await node.submitBlock(branch.at(-1)!);
    expect(tips).toEqual([120 + DEPTH + 1]);
  });
});

/** A block whose coinbase takes too much. */
async function badBlock(node: ChainNode, below: Block): Promise<Block> {
  const { header, transactions } = theirs.node.store.block(blockHash(branch.at(-1)!.header))!;
  const [coinbase] = transactions;
  const [output] = coinbase!.outputs;
  const greedy = { ...coinbase!, outputs: [{ ...output!, value: output!.value + 1n }] };
  const unsolved = {
    ...header,
    previousHash: blockHash(below.header),
    merkleRoot: transactionHash(greedy),
  };
  const solved = await solve(unsolved, () => node.tip.height > 0);
  return { header: solved!, transactions: [greedy] };
}
