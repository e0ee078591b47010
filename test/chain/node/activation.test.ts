import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { toHex } from '#src/base/index.js';
import { encodeBlockParts } from '#src/chain/codec/block.js';
import { ScriptPool } from '#src/chain/consensus/ScriptPool.js';
import {
  type Block,
  blockHash,
  type ChainNode,
  encodeBlock,
  transactionHash,
} from '#src/chain/index.js';
import { submitBlock } from '#src/chain/rpc/methods/blockTemplate.js';
import { Params } from '#src/chain/rpc/Params.js';
import { stateHash } from '#src/chain/store/queries.js';
import { ANYONE, type AnyoneCoin, copyChain, outputOf, spend } from '../mempool/anyone.js';
import { openTemporaryNode } from './setup.js';

/** So many that other threads are asked to help. */
const INPUTS = 200;
const FEE = 10_000;

let a: Awaited<ReturnType<typeof openTemporaryNode>>;
let b: typeof a;

beforeEach(async () => {
  a = await openTemporaryNode({ threads: 2 });
  b = await openTemporaryNode({ threads: 1 });
  await a.node.mine(105, ANYONE);
  await copyChain(a.node, b.node);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await a.end();
  await b.end();
});

const state = (node: ChainNode) => toHex(stateHash(node.store));
const blockAt = (node: ChainNode, height: number): Block =>
  node.store.block(node.store.hashAt(height)!)!;
const coinbaseAt = (node: ChainNode, height: number): AnyoneCoin =>
  outputOf(blockAt(node, height).transactions[0]!);

/** Waits until the node's other thread runs scripts: those of a block that nothing becomes of. */
async function startThread(node: ChainNode, block: Block): Promise<void> {
  const begun = vi.spyOn(ScriptPool.prototype, 'begin');
  const { transactions } = block;
  const spent = transactions.map(({ inputs }) =>
    inputs.map(() => ({
      output: { value: 1n, lockingScript: ANYONE },
      height: 1,
      coinbase: false,
    })),
  );
  const hashes = transactions.map(transactionHash);
  const encoded = encodeBlockParts(block);
  const job = () => begun.mock.calls.at(-1)![0];
  // a thread that has just died is sent work in vain
  for (let tries = 0; tries === 0 || job().passed(0, 0) === undefined; tries++) {
    if (tries % 100 === 0) node.scripts.beginBlock({ transactions, hashes, spent, ...encoded });
    await delay(5);
  }
  begun.mockRestore();
}

/** The next job reaches its thread as bytes that are no transactions, and nobody is faster than that thread. */
async function failNextJob(node: ChainNode, block: Block): Promise<void> {
  await startThread(node, block);
  const begin = ScriptPool.prototype.begin;
  vi.spyOn(ScriptPool.prototype, 'begin').mockImplementationOnce(function (
    this: ScriptPool,
    job,
    limit,
  ) {
    new Uint8Array(job.memory.bytes).fill(0xff);
    begin.call(this, job, limit);
    const clock = new Int32Array(new SharedArrayBuffer(4));
    const end = Date.now() + 20_000;
    while (!job.broken && Date.now() < end) Atomics.wait(clock, 0, 0, 5);
  });
}

describe('a reorganisation in which a thread fails', () => {
  let last: Block;
  let before: string;

  /** Theirs: a block that makes coins, one that spends them all with scripts that we never saw. Ours: one block. */
  beforeEach(async () => {
    const make = spend([coinbaseAt(b.node, 1)], INPUTS, FEE);
    await b.node.submitTransaction(make);
    await b.node.mine(1, ANYONE);
    const coins = make.outputs.map((_, index) => outputOf(make, index));
    await b.node.submitTransaction(spend(coins, 1, 10 * FEE));
    await b.node.mine(1, ANYONE);
    last = blockAt(b.node, 107);

    await a.node.submitTransaction(spend([coinbaseAt(a.node, 2)], 1, FEE));
    await a.node.mine(1, ANYONE);
    await a.node.submitTransaction(spend([coinbaseAt(a.node, 3)], 1, FEE));
    await a.node.submitBlock(blockAt(b.node, 106));
    before = state(a.node);
  });

  it('leaves the old tip, its state and the mempool as they were, and tells of no tip', async () => {
    const { node } = a;
    const { tip } = node;
    const waiting = [...node.mempool.entries()].map(({ hash }) => toHex(hash));
    const tips: unknown[] = [];
    node.on('block', (each) => tips.push(each));
    await failNextJob(node, last);
    await expect(node.submitBlock(last)).rejects.toMatchObject({ code: 'SCRIPT_THREAD_FAILED' });
    expect(node.tip).toEqual(tip);
    expect(state(node)).toBe(before);
    expect([...node.mempool.entries()].map(({ hash }) => toHex(hash))).toEqual(waiting);
    expect(tips).toEqual([]);
    expect(node.store.header(blockHash(last.header))!.status).toBe('unchecked');
  });

  it('is made up for when the block is submitted again, as the error says', async () => {
    const { node } = a;
    await failNextJob(node, last);
    await expect(node.submitBlock(last)).rejects.toMatchObject({
      next: expect.stringContaining('Submit the block again'),
    });
    const tips: string[] = [];
    node.on('block', ({ hash }) => tips.push(hash));
    expect(await submitBlock(node, new Params([toHex(encodeBlock(last))]))).toBeNull();
    expect(node.tip).toEqual(b.node.tip);
    expect(state(node)).toBe(state(b.node));
    expect(tips).toEqual([b.node.tip.hash]);
    expect(await submitBlock(node, new Params([toHex(encodeBlock(last))]))).toBe('duplicate');
  });

  it('tells of the tip that is left when it was the operator who refused the old one', async () => {
    const { node } = a;
    await failNextJob(node, last);
    await expect(node.submitBlock(last)).rejects.toMatchObject({ code: 'SCRIPT_THREAD_FAILED' });
    const tips: number[] = [];
    node.on('block', ({ height }) => tips.push(height));
    await failNextJob(node, last);
    await expect(node.overruling.refuse(node.store.tip())).rejects.toThrow('has failed');
    expect(node.tip.height).toBe(105);
    expect(tips).toEqual([105]);
  });
});
