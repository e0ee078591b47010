import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChainNode, type Transaction, transactionId } from '#src/chain/index.js';
import { utxoKey } from '#src/chain/store/keys.js';
import { nextBlock, openTemporaryNode, REGTEST, withTransactions } from '../node/setup.js';
import { ANYONE, type AnyoneCoin, copyChain, outputOf, spend } from './anyone.js';

const FEE = 1_000;
let a: Awaited<ReturnType<typeof openTemporaryNode>>;
let b: typeof a;

beforeEach(async () => {
  a = await openTemporaryNode();
  b = await openTemporaryNode();
  await a.node.mine(105, ANYONE);
  await copyChain(a.node, b.node);
});
afterEach(async () => {
  await a.end();
  await b.end();
});

/** A coinbase of the chain, which any block from 100 above it on may spend. */
function coinbaseAt(node: ChainNode, height: number): AnyoneCoin {
  return outputOf(node.store.block(node.store.hashAt(height)!)!.transactions[0]!);
}

async function send(node: ChainNode, ...transactions: Transaction[]): Promise<void> {
  for (const transaction of transactions) await node.submitTransaction(transaction);
}

/** Makes the other node's branch the longer one by a block, and hands it on. */
async function loseTo(winner: ChainNode): Promise<void> {
  await winner.mine(a.node.tip.height - winner.tip.height + 1, ANYONE);
  await copyChain(winner, a.node);
  expect(a.node.tip).toEqual(winner.tip);
}

const waiting = () =>
  [...a.node.mempool.entries()].map(({ transaction }) => transactionId(transaction));

describe('after a reorganisation', () => {
  it('what was in lost blocks waits again, before what hung on it, at its own time', async () => {
    const parent = spend([coinbaseAt(a.node, 1)], 1, FEE);
    const child = spend([outputOf(parent)], 1, FEE);
    await send(a.node, parent);
    await a.node.mine(1, ANYONE);
    await send(a.node, child);
    const { time } = [...a.node.mempool.entries()][0]!;
    await loseTo(b.node);
    expect(waiting()).toEqual([parent, child].map(transactionId));
    const [first, second] = [...a.node.mempool.entries()];
    expect(second!.time).toBe(time);
    expect(second!.parents).toEqual(new Set([first]));
  });

  it('what both branches hold waits no more', async () => {
    const both = spend([coinbaseAt(a.node, 1)], 1, FEE);
    await send(a.node, both);
    await a.node.mine(1, ANYONE);
    await send(b.node, both);
    await loseTo(b.node);
    expect(waiting()).toEqual([]);
  });

  it('what spends a coin that the new branch spent otherwise leaves, with all that hangs on it', async () => {
    const coin = coinbaseAt(a.node, 1);
    const loser = spend([coin], 2, FEE);
    const child = spend([outputOf(loser)], 1, FEE);
    const other = spend([coinbaseAt(a.node, 2)], 1, FEE);
    await send(a.node, loser, child, other);
    await send(b.node, spend([coin], 1, FEE));
    await loseTo(b.node);
    expect(waiting()).toEqual([transactionId(other)]);
  });

  it('what spends a coinbase of a lost block leaves, with all that hangs on it', async () => {
    await a.node.mine(REGTEST.maturity, ANYONE);
    const old = spend([coinbaseAt(a.node, 106)], 1, FEE);
    const child = spend([outputOf(old)], 1, FEE);
    const kept = spend([coinbaseAt(a.node, 5)], 1, FEE);
    await send(a.node, old, child, kept);
    await loseTo(b.node);
    expect(waiting()).toEqual([transactionId(kept)]);
  });

  it('what is locked to an age that its coin has not reached there leaves', async () => {
    const coin = spend([coinbaseAt(a.node, 1)], 2, FEE);
    await send(a.node, coin);
    await a.node.mine(4, ANYONE);
    // block 106 holds the coin: with this lock, block 110 may spend it
    const locked = spend([outputOf(coin, 0)], 1, FEE, 4);
    const looser = spend([outputOf(coin, 1)], 1, FEE, 3);
    await send(a.node, locked, looser);
    await b.node.mine(2, ANYONE);
    await send(b.node, coin);
    await loseTo(b.node);
    expect(a.node.tip.height).toBe(110);
    expect(waiting()).toEqual([transactionId(looser)]);
  });

  it('what paid no fee in a lost block waits all the same, and is not mined again', async () => {
    const free = spend([coinbaseAt(a.node, 1)], 1, 0);
    await a.node.submitBlock(await nextBlock(a.node, (block) => withTransactions(block, free)));
    await loseTo(b.node);
    expect(waiting()).toEqual([transactionId(free)]);
    await a.node.mine(1, ANYONE);
    expect(waiting()).toEqual([transactionId(free)]);
  });
});

describe('an error of the store', () => {
  it('leaves nothing in the mempool of a package that was only tried', async () => {
    const { node } = a;
    const first = spend([coinbaseAt(node, 1)], 1, FEE);
    const coin = coinbaseAt(node, 2);
    const record = Uint8Array.from(node.store.tables.utxos.getBinary(utxoKey(coin.outpoint))!);
    record[3]! ^= 1;
    node.store.transaction(() => node.store.tables.utxos.putSync(utxoKey(coin.outpoint), record));
    const { sequence } = node.mempool;
    expect(() => node.admission.testPackage([first, spend([coin], 1, FEE)])).toThrow(
      expect.objectContaining({ code: 'STORE_DAMAGED' }),
    );
    expect(node.mempool.size).toBe(0);
    expect(node.mempool.sequence).toBe(sequence);
  });
});

describe('what comes back after a reorganisation', () => {
  it('goes when something that waits spends its coin and pays more', async () => {
    const { node } = a;
    const freed = spend([coinbaseAt(node, 1)], 1, FEE);
    const child = spend([outputOf(freed)], 1, FEE);
    const rival = spend([coinbaseAt(node, 1)], 2, 5 * FEE);
    await send(node, rival);
    await node.admission.reorganised([freed, child]);
    expect(waiting()).toEqual([transactionId(rival)]);
    expect(node.mempool.spender(freed.inputs[0]!.outpoint)!.entry.transaction).toBe(rival);
    await node.mine(1, ANYONE);
    expect(node.mempool.size).toBe(0);
  });
});
