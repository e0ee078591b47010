import { setImmediate } from 'node:timers/promises';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ChainNode, type Transaction, transactionHash, transactionId } from '#src/chain/index.js';
import { copyFolder, OTHER_SCRIPT, openTemporaryNode, temporaryFolder } from '../node/setup.js';
import { ANYONE, type AnyoneCoin, copyChain, outputOf, spend } from './anyone.js';

/** Transactions that wait. */
const WAITING = 1_500;
/** Most of them that are tried in one turn. */
const IN_A_TURN = 100;
const FEE = 1_000;
/** What replaces another pays. */
const MORE = 10 * FEE;

let ours: { node: ChainNode };
let theirs: Awaited<ReturnType<typeof openTemporaryNode>>;
/** The data folder of ours before the last block of the other branch comes. */
let base: string;
/** The coins that those that wait spend, and more. */
let coins: AnyoneCoin[];
let freed: Transaction;

const ids = (transactions: readonly Transaction[]): string[] =>
  transactions.map(transactionId).sort();
const waiting = (): Transaction[] =>
  [...ours.node.mempool.entries()].map(({ transaction }) => transaction);
const pay = (index: number, fee = FEE): Transaction => spend([coins[index]!], 1, fee, 0);

beforeAll(async () => {
  const first = await openTemporaryNode({ threads: 1 });
  theirs = await openTemporaryNode({ threads: 1 });
  const { node } = first;
  await node.mempoolFile.loaded;
  await node.mine(105, ANYONE);
  const coinbase = (height: number) =>
    outputOf(node.store.block(node.store.hashAt(height)!)!.transactions[0]!);
  const fan = spend([coinbase(1)], WAITING + 500, 100_000);
  await node.submitTransaction(fan);
  await node.mine(1, ANYONE);
  await copyChain(node, theirs.node);
  const { outpoint, value } = outputOf(fan);
  coins = fan.outputs.map((_, index) => ({ outpoint: { ...outpoint, index }, value }));
  freed = spend([coinbase(2)], 1, FEE);
  await node.submitTransaction(freed);
  await node.mine(1, ANYONE);
  for (let index = 0; index < WAITING; index++) await node.submitTransaction(pay(index));
  // the second makes the other branch the longer one
  await theirs.node.mine(2, OTHER_SCRIPT);
  await node.submitBlock(blockOfTheirs(107));
  await node.close();
  base = first.datadir;
  return async () => {
    await first.end();
    await theirs.end();
  };
});
beforeEach(async () => {
  const { path, remove } = temporaryFolder();
  copyFolder(base, path);
  const node = await ChainNode.open({ datadir: path, network: 'regtest', threads: 1 });
  await node.mempoolFile.loaded;
  ours = { node };
  return async () => {
    await node.close();
    remove();
  };
});

function blockOfTheirs(height: number) {
  return theirs.node.store.block(theirs.node.store.hashAt(height)!)!;
}

/** Goes to their branch, and does something in each turn meanwhile. Returns the number of turns. */
async function reorganise(work: (turn: number) => void): Promise<number> {
  let isDone = false;
  const moving = ours.node.submitBlock(blockOfTheirs(108)).finally(() => {
    isDone = true;
  });
  let turns = 0;
  for (await setImmediate(); !isDone; await setImmediate()) work(turns++);
  await moving;
  expect(ours.node.tip).toEqual(theirs.node.tip);
  return turns;
}

describe('while those that wait are tried again after a reorganisation', () => {
  it('others have their turns, and see the old chain and all that waits on it', async () => {
    const { node } = ours;
    const { tip } = node;
    const turns = await reorganise(() => {
      expect(node.tip).toEqual(tip);
      expect(node.mempool.size).toBe(WAITING);
      expect(node.mempool.get(transactionHash(freed))).toBeUndefined();
    });
    expect(turns).toBeGreaterThan(WAITING / IN_A_TURN);
    expect(node.mempool.size).toBe(WAITING + 1);
    expect(node.mempool.get(transactionHash(freed))).toBeDefined();
  });

  it('what comes, replaces, and is preferred meanwhile does so on the new chain, too', async () => {
    const { node } = ours;
    const expected = new Map(coins.slice(0, WAITING).map((_, index) => [index, pay(index)]));
    const submitted: Promise<string>[] = [];
    const submit = (index: number, transaction: Transaction): void => {
      submitted.push(node.submitTransaction(transaction));
      expected.set(index, transaction);
    };
    const preferred = transactionHash(pay(WAITING - 1));
    await reorganise((turn) => {
      if (turn >= 500) return;
      submit(WAITING + turn, pay(WAITING + turn));
      // from both ends: some were tried before, others not yet
      submit(2 * turn, pay(2 * turn, MORE));
      submit(WAITING - 2 - turn, pay(WAITING - 2 - turn, MORE));
      node.mempool.prioritise(preferred, 5n);
    });
    await Promise.all(submitted);
    expect(submitted.length).toBeGreaterThan((3 * WAITING) / IN_A_TURN);
    expect(ids(waiting())).toEqual(ids([...expected.values(), freed]));
    const entry = node.mempool.get(preferred)!;
    expect(entry.modifiedFee - entry.fee).toBe(BigInt(submitted.length / 3) * 5n);
    expect(node.mempool.bytes).toBe(
      [...node.mempool.entries()].reduce((n, { size }) => n + size, 0),
    );
  });

  it('what is thrown out of the mempool meanwhile stays out', async () => {
    const { node } = ours;
    const out = new Set<string>();
    await reorganise((turn) => {
      const [first] = node.mempool.entries();
      if (turn % 2 === 0) return;
      out.add(transactionId(first!.transaction));
      node.mempool.remove(first!);
    });
    expect(out.size).toBeGreaterThan(3);
    expect(node.mempool.size).toBe(WAITING + 1 - out.size);
    for (const transaction of waiting()) expect(out.has(transactionId(transaction))).toBe(false);
  });
});
