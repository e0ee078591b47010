import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type ChainNode,
  hashToId,
  type Transaction,
  transactionId,
  type Utxo,
} from '#src/chain/index.js';
import { Mempool } from '#src/chain/mempool/Mempool.js';
import { selectTransactions } from '#src/chain/mempool/template.js';
import {
  coinOf,
  MINER_SCRIPT,
  matureCoins,
  OTHER_SCRIPT,
  openTemporaryNode,
  payFromMiner,
} from '../node/setup.js';

let node: ChainNode;
let end: () => Promise<void>;

beforeAll(async () => {
  ({ node, end } = await openTemporaryNode());
  await node.mine(110, MINER_SCRIPT);
});
afterEach(() => node.mempool.replaceWith(new Mempool()));
afterAll(() => end());

/** Pays from these coins at this rate. */
function pay(utxos: readonly Utxo[], feeRate = 1n, outputs = 1, value = 10_000n): Transaction {
  const output = { value, lockingScript: OTHER_SCRIPT };
  return payFromMiner(
    node,
    Array.from({ length: outputs }, () => output),
    { utxos, feeRate },
  );
}
const change = (of: Transaction) => coinOf(of, of.outputs.length - 1);
const coin = (index = 0) => [matureCoins(node)[index]!];
const waiting = () =>
  [...node.mempool.entries()].map(({ transaction }) => transactionId(transaction));

async function send(transaction: Transaction): Promise<Transaction> {
  await node.submitTransaction(transaction);
  return transaction;
}

describe('replacement', () => {
  it('takes whoever pays more, whether or not the first agreed to it, with all that hung on it', async () => {
    const coins = coin();
    const first = await send(pay(coins, 1n));
    expect(first.inputs[0]!.sequence).toBe(0xffff_ffff);
    await send(pay([change(first)]));
    const rival = await send(pay(coins, 5n));
    expect(waiting()).toEqual([transactionId(rival)]);
  });

  it('must pay more per byte than what it conflicts with: insufficient fee', async () => {
    const coins = coin();
    await send(pay(coins, 3n));
    await expect(send(pay(coins, 3n, 4))).rejects.toThrow('insufficient fee');
    await expect(send(pay(coins, 2n, 20))).rejects.toThrow('pays no more per byte');
  });

  it('must pay for all that goes, and for itself on top: insufficient fee', async () => {
    const coins = coin();
    const first = await send(pay(coins, 1n));
    const child = await send(pay([change(first)], 20n));
    // twice the rate of the first, and less than the two together
    await expect(send(pay(coins, 2n))).rejects.toThrow(/insufficient fee, \d+ < \d+/);
    await send(pay(coins, 25n));
    expect(waiting()).not.toContain(transactionId(child));
  });

  it('must not bring in what waits itself: replacement-adds-unconfirmed', async () => {
    const [mine, other] = matureCoins(node);
    const parent = await send(pay([other!]));
    await send(pay([mine!]));
    const rival = pay([mine!, change(parent)], 9n, 1, mine!.output.value);
    await expect(send(rival)).rejects.toThrow('replacement-adds-unconfirmed');
  });

  it('must not stand on what it removes: bad-txns-spends-conflicting-tx', async () => {
    const coins = coin();
    const first = await send(pay(coins));
    const rival = pay([...coins, change(first)], 50n, 1, coins[0]!.output.value);
    expect(rival.inputs).toHaveLength(2);
    await expect(send(rival)).rejects.toThrow('bad-txns-spends-conflicting-tx');
  });

  it('must not remove more than 100: too many potential replacements', async () => {
    const roots = await Promise.all(
      matureCoins(node)
        .slice(0, 5)
        .map((each) => send(pay([each]))),
    );
    const coins = roots.map(({ inputs }) => ({ outpoint: inputs[0]!.outpoint }));
    for (const root of roots) {
      let last = root;
      for (let depth = 2; depth <= 21; depth++) last = await send(pay([change(last)]));
    }
    expect(node.mempool.size).toBe(105);
    const utxos = coins.map(({ outpoint }) => ({ outpoint, ...node.output(outpoint)! }));
    const all = pay(utxos, 1_000n, 1, 4n * utxos[0]!.output.value + 10_000n);
    expect(all.inputs).toHaveLength(5);
    await expect(send(all)).rejects.toThrow('too many potential replacements, 105 > 100');
    const some = pay(utxos.slice(0, 4), 1_000n, 1, 3n * utxos[0]!.output.value + 10_000n);
    await send(some);
    expect(node.mempool.size).toBe(22);
  });

  it('counts what prioritisetransaction added', async () => {
    const coins = coin();
    const first = await send(pay(coins, 1n));
    node.mempool.prioritise(node.mempool.entries()[Symbol.iterator]().next().value!.hash, 90_000n);
    await expect(send(pay(coins, 50n))).rejects.toThrow('insufficient fee');
    expect(waiting()).toEqual([transactionId(first)]);
  });
});

describe('packages', () => {
  it('end at 25 descendants, but for one small child of a single parent', async () => {
    const output = { value: 10_000n, lockingScript: MINER_SCRIPT };
    const outputs = Array.from({ length: 30 }, () => output);
    const root = await send(payFromMiner(node, outputs, { utxos: coin() }));
    const child = (index: number) => pay([coinOf(root, index)], 1n, 1, 1_000n);
    const first = await send(child(0));
    for (let index = 1; index < 24; index++) await send(child(index));
    const tooLong = 'too-long-mempool-chain, too many descendants [limit: 25]';
    await expect(send(pay([change(first)], 1n, 1, 1_000n))).rejects.toThrow(tooLong);
    await send(child(24));
    await expect(send(child(25))).rejects.toThrow(tooLong);
    const [entry] = node.mempool.entries();
    expect(entry!.descendants.count).toBe(26);
    // what takes the place of one of them makes it no longer
    await send(pay([coinOf(root, 3)], 9n, 1, 1_000n));
    expect(entry!.descendants.count).toBe(26);
  });
});

describe('the choice for a block', () => {
  it('takes what pays most per byte, a poor parent with its rich child first of all', async () => {
    const [first, second, third] = matureCoins(node);
    const middle = await send(pay([first!], 5n));
    const poor = await send(pay([second!], 1n));
    const low = await send(pay([third!], 2n));
    const rich = await send(pay([change(poor)], 30n));
    const chosen = selectTransactions(node.mempool).map(({ hash }) => hashToId(hash));
    expect(chosen).toEqual([poor, rich, middle, low].map(transactionId));
    const size = node.mempool.get(coinOf(poor, 0).outpoint.hash)!.descendants.size;
    const room = { size, signatureChecks: 2 };
    const fitting = selectTransactions(node.mempool, room).map(({ hash }) => hashToId(hash));
    expect(fitting).toEqual([poor, rich].map(transactionId));
  });

  it('leaves out what was made to count as paying less than is relayed', async () => {
    const kept = await send(pay(coin(), 2n));
    const dropped = await send(pay([matureCoins(node)[0]!], 3n));
    node.mempool.prioritise(coinOf(dropped, 0).outpoint.hash, -10_000n);
    const chosen = selectTransactions(node.mempool).map(({ hash }) => hashToId(hash));
    expect(chosen).toEqual([transactionId(kept)]);
  });
});
