import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { u32le } from '#src/base/index.js';
import {
  assemble,
  type Block,
  type ChainNode,
  encodeNumber,
  NO_JOB,
  pushData,
  type Transaction,
  transactionHash,
  type Utxo,
} from '#src/chain/index.js';
import {
  coinOf,
  MINER_SCRIPT,
  matureCoins,
  nextBlock,
  OTHER_SCRIPT,
  openTemporaryNode,
  payFromMiner,
  withTransactions,
} from '../node/setup.js';

let node: ChainNode;
let end: () => Promise<void>;

beforeAll(async () => {
  ({ node, end } = await openTemporaryNode());
  await node.mine(110, MINER_SCRIPT);
});
afterAll(() => end());

const blockWith = (...transactions: Transaction[]): Promise<Block> =>
  nextBlock(node, (block) => withTransactions(block, ...transactions));

async function accept(...transactions: Transaction[]): Promise<void> {
  await expect(node.submitBlock(await blockWith(...transactions))).resolves.toBe(true);
}

async function refuse(reason: string, ...transactions: Transaction[]): Promise<void> {
  const before = node.tip.hash;
  await expect(node.submitBlock(await blockWith(...transactions))).rejects.toThrow(reason);
  expect(node.tip.hash).toBe(before);
}

/** Puts coins with this locking script on the chain. */
async function makeCoins(count: number, lockingScript: Uint8Array): Promise<Utxo[]> {
  const outputs = Array.from({ length: count }, () => ({ value: 1_000n, lockingScript }));
  const transaction = payFromMiner(node, outputs);
  await accept(transaction);
  const height = node.tip.height;
  return outputs.map((_, index) => ({ ...coinOf(transaction, index), height }));
}

const ANYONE = assemble('OP_1');

/** Spends a coin whose script wants no signature. */
function spend(coin: Utxo, parts: Partial<Transaction> & { sequence?: number } = {}): Transaction {
  const { sequence = 0, ...rest } = parts;
  const inputs = [{ outpoint: coin.outpoint, unlockingScript: new Uint8Array(0), sequence }];
  const outputs = [{ value: 900n, lockingScript: OTHER_SCRIPT }];
  return { version: 10, inputs, outputs, lockTime: 0, jobId: NO_JOB, ...rest };
}

describe('coinbase maturity', () => {
  it('is 100: the block 100 above may spend it, the one below that may not', async () => {
    const all = node.unspentOf(MINER_SCRIPT).map(({ outpoint, coin }) => ({ outpoint, ...coin }));
    const next = node.tip.height + 1;
    const at = (depth: number) => all.find(({ height }) => height === next - depth)!;
    const pay = (utxo: Utxo) =>
      payFromMiner(node, [{ value: 1_000n, lockingScript: OTHER_SCRIPT }], { utxos: [utxo] });
    await refuse('bad-txns-premature-spend-of-coinbase', pay(at(99)));
    await accept(pay(at(100)));
  });
});

describe('lock times in blocks', () => {
  it('count the height of the block itself (a lock time of its height is too late by one)', async () => {
    const coins = await makeCoins(2, ANYONE);
    const next = node.tip.height + 1;
    await refuse('bad-txns-nonfinal', spend(coins[0]!, { lockTime: next }));
    await accept(spend(coins[0]!, { lockTime: next - 1 }));
  });

  it('count the median time past, not the time of the block (BIP113)', async () => {
    const [coin] = await makeCoins(1, ANYONE);
    const median = node.medianTimeAt(node.tip.height);
    await refuse('bad-txns-nonfinal', spend(coin!, { lockTime: median }));
    await accept(spend(coin!, { lockTime: median - 1 }));
  });

  it('do not count when every input is final', async () => {
    const [coin] = await makeCoins(1, ANYONE);
    await accept(spend(coin!, { lockTime: node.tip.height + 1_000, sequence: 0xffff_ffff }));
  });
});

describe('relative locks in blocks (BIP68)', () => {
  it('of blocks end with the block that is so far above the coin', async () => {
    const [coin] = await makeCoins(1, ANYONE);
    const transaction = spend(coin!, { sequence: 3 });
    await node.mine(1, MINER_SCRIPT);
    await refuse('bad-txns-nonfinal', transaction);
    await node.mine(1, MINER_SCRIPT);
    await accept(transaction);
  });

  it('bind a coin that is made in the same block', async () => {
    const [coin] = await makeCoins(1, ANYONE);
    const first = spend(coin!, { outputs: [{ value: 900n, lockingScript: ANYONE }] });
    const outpoint = { hash: transactionHash(first), index: 0 };
    const second = (sequence: number) => spend({ ...coin!, outpoint }, { sequence });
    const pays = (transaction: Transaction) => ({
      ...transaction,
      outputs: [{ value: 800n, lockingScript: OTHER_SCRIPT }],
    });
    await refuse('bad-txns-nonfinal', first, pays(second(1)));
    await accept(first, pays(second(0)));
  });

  it('of time count units of 512 seconds of median time', async () => {
    const [coin] = await makeCoins(1, ANYONE);
    const transaction = spend(coin!, { sequence: 0x40_0001 });
    await refuse('bad-txns-nonfinal', transaction);
    // blocks with later times move the median
    const since = node.medianTimeAt(node.tip.height - 1);
    while (node.medianTimeAt(node.tip.height) < since + 512) {
      await refuse('bad-txns-nonfinal', transaction);
      const time = node.store.tip().header.time + 100;
      const block = await nextBlock(node, (each) => ({
        ...each,
        header: { ...each.header, time },
      }));
      await node.submitBlock(block);
    }
    await accept(transaction);
  });

  it('are off below version 2', async () => {
    const [coin] = await makeCoins(1, ANYONE);
    await accept(spend(coin!, { version: 1, sequence: 1_000 }));
  });
});

describe('locks in scripts', () => {
  it('hold a coin until a height (BIP65)', async () => {
    const height = node.tip.height + 3;
    const lock = Buffer.concat([
      pushData(encodeNumber(BigInt(height))),
      assemble('OP_CHECKLOCKTIMEVERIFY OP_DROP OP_1'),
    ]);
    const [coin] = await makeCoins(1, lock);
    await refuse('Locktime requirement not satisfied', spend(coin!, { lockTime: height - 2 }));
    await refuse('bad-txns-nonfinal', spend(coin!, { lockTime: height }));
    await refuse(
      'Locktime requirement not satisfied',
      spend(coin!, { lockTime: height, sequence: 0xffff_ffff }),
    );
    await node.mine(2, MINER_SCRIPT);
    await accept(spend(coin!, { lockTime: height }));
  });

  it('hold a coin for so many blocks (BIP112)', async () => {
    const [coin] = await makeCoins(1, assemble('OP_2 OP_CHECKSEQUENCEVERIFY OP_DROP OP_1'));
    await refuse('Locktime requirement not satisfied', spend(coin!, { sequence: 1 }));
    await refuse('Locktime requirement not satisfied', spend(coin!, { version: 1, sequence: 2 }));
    await refuse('bad-txns-nonfinal', spend(coin!, { sequence: 2 }));
    await node.mine(1, MINER_SCRIPT);
    await accept(spend(coin!, { sequence: 2 }));
  });
});

describe('fees', () => {
  it('go to the coinbase of their block, and not a unit more', async () => {
    const [coin] = await makeCoins(1, ANYONE);
    const transaction = spend(coin!);
    const due = node.store
      .block(node.store.tip().hash)!
      .transactions[0]!.outputs.reduce((sum, output) => sum + output.value, 0n);
    const withReward = (value: bigint) =>
      nextBlock(node, (block) => {
        const [first] = block.transactions;
        const outputs = [{ value, lockingScript: MINER_SCRIPT }];
        const own = { ...first!, outputs };
        return withTransactions({ ...block, transactions: [own] }, transaction);
      });
    const subsidy = due - (due % 100_000_000n);
    await expect(node.submitBlock(await withReward(subsidy + 101n))).rejects.toThrow(
      'bad-cb-amount',
    );
    await expect(node.submitBlock(await withReward(subsidy + 100n))).resolves.toBe(true);
  });
});

describe('BIP30', () => {
  it('holds by BIP34: a coinbase can not come again, since it begins with its height', async () => {
    const block = node.store.block(node.store.tip().hash)!;
    const again = await nextBlock(node, () => ({
      ...block,
      header: {
        ...block.header,
        previousHash: node.store.tip().hash,
        time: block.header.time + 1,
      },
    }));
    await expect(node.submitBlock(again)).rejects.toThrow('bad-cb-height');
  });

  it('holds for all others, since what they spend is spent', async () => {
    const utxos = matureCoins(node).slice(0, 1);
    const paid = payFromMiner(node, [{ value: 1_000n, lockingScript: OTHER_SCRIPT }], { utxos });
    await accept(paid);
    await refuse('bad-txns-inputs-missingorspent', paid);
  });
});

describe('the extra data of a coinbase', () => {
  it('is free behind the height, up to 100 bytes', async () => {
    const block = await nextBlock(node, ({ header, transactions }) => {
      const [first] = transactions;
      const [input] = first!.inputs;
      const script = Buffer.concat([input!.unlockingScript, u32le(1), Buffer.alloc(100)]);
      const inputs = [{ ...input!, unlockingScript: Uint8Array.from(script.subarray(0, 100)) }];
      return { header, transactions: [{ ...first!, inputs }] };
    });
    await expect(node.submitBlock(block)).resolves.toBe(true);
  });
});
