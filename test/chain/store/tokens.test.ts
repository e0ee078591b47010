import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import {
  ChainNode,
  type ChainNodeOptions,
  formatOutpoint,
  type NftCapability,
  type OutputToken,
  type Transaction,
  type TransactionOutput,
  transactionHash,
  type Utxo,
} from '#src/chain/index.js';
import { findCategory, findTokens } from '#src/chain/node/tokens.js';
import { stateHash } from '#src/chain/store/queries.js';
import { decodeCoin } from '#src/chain/store/records.js';
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

type Temporary = Awaited<ReturnType<typeof openTemporaryNode>>;

let a: Temporary;
let b: Temporary;
let birth: Utxo;
let category: Uint8Array;

const state = ({ node }: Temporary): string => toHex(stateHash(node.store));
const nft = (capability: NftCapability, commitment: number[] = [], amount = 0n): OutputToken => ({
  category,
  amount,
  nft: { capability, commitment: Uint8Array.from(commitment) },
});
const fungible = (amount: bigint): OutputToken => ({ category, amount });
const out = (token: OutputToken, lockingScript = MINER_SCRIPT): TransactionOutput => ({
  value: lockingScript[0] === 0x6a ? 0n : 1_200n,
  lockingScript,
  token,
});

/** A transaction that spends exactly these coins; the change goes to the miner. */
function spending(utxos: readonly Utxo[], outputs: readonly TransactionOutput[]): Transaction {
  const total = utxos.reduce((sum, { output }) => sum + output.value, 0n);
  const paid = outputs.reduce((sum, { value }) => sum + value, 0n);
  const change = { value: total - paid - 2_000n, lockingScript: MINER_SCRIPT };
  return payFromMiner(a.node, [...outputs, change], {
    inputs: utxos.map(({ outpoint, output }) => ({ outpoint, output, unlockingSize: 107 })),
    utxos: [],
    feeRate: 1n,
  });
}

/** What is there of the category, counted over every unspent output of the chain. */
function recount({ store }: ChainNode) {
  const counts = { amount: 0n, outputs: 0, none: 0, mutable: 0, minting: 0 };
  for (const { value } of store.tables.utxos.getRange()) {
    const { token } = decodeCoin(value).output;
    if (!token || toHex(token.category) !== toHex(category)) continue;
    counts.amount += token.amount;
    counts.outputs++;
    if (token.nft) counts[token.nft.capability]++;
  }
  return counts;
}

const held = (node: ChainNode): string[] =>
  [...findTokens(node, category)].map(({ outpoint }) => formatOutpoint(outpoint)).sort();

/** Mints, splits and burns, a block for each. */
async function threeBlocks(): Promise<Transaction[]> {
  const mint = spending(
    [birth],
    [out(nft('minting', [1], 100n)), out(fungible(50n), OTHER_SCRIPT)],
  );
  const split = spending(
    [coinOf(mint, 0), coinOf(mint, 2)],
    [
      out(nft('minting', [2])),
      out(nft('none', [3]), OTHER_SCRIPT),
      out(fungible(60n)),
      out(fungible(40n)),
    ],
  );
  const burn = spending(
    [coinOf(split, 2), coinOf(split, 3), coinOf(split, 4)],
    [out(fungible(7n)), out(fungible(30n), Uint8Array.of(0x6a))],
  );
  for (const transaction of [mint, split, burn]) {
    await a.node.submitTransaction(transaction);
    await a.node.mine(1, MINER_SCRIPT);
  }
  return [mint, split, burn];
}

async function openA(): Promise<void> {
  a = await openTemporaryNode();
  await a.node.mine(105, MINER_SCRIPT);
  birth = matureCoins(a.node)[0]!;
  category = birth.outpoint.hash;
}

/** Hands the blocks of one node, from a height on, to the other. */
async function copy(from: ChainNode, to: ChainNode, first: number): Promise<void> {
  for (let height = first; height <= from.tip.height; height++) {
    await to.submitBlock(from.store.block(from.store.hashAt(height)!)!);
  }
}

describe('the index of tokens', () => {
  beforeEach(async () => {
    await openA();
    b = await openTemporaryNode();
    await copy(a.node, b.node, 1);
  });
  afterEach(async () => {
    await a.end();
    await b.end();
  });

  it('knows who holds a category, what there is of it, and all that happened to it', async () => {
    expect(findCategory(a.node, category)).toBeUndefined();
    const [mint, split, burn] = await threeBlocks();
    const { counts, history } = findCategory(a.node, category)!;
    expect(counts).toEqual({ ...recount(a.node), genesis: transactionHash(mint!), height: 106 });
    expect(counts).toMatchObject({ amount: 57n, outputs: 4, none: 1, mutable: 0, minting: 1 });
    expect(history.map(({ height }) => height)).toEqual([106, 107, 108]);
    expect(history.map(({ hash }) => toHex(hash))).toEqual(
      [mint, split, burn].map((transaction) => toHex(transactionHash(transaction!))),
    );
    const expected = [coinOf(mint!, 1), coinOf(split!, 0), coinOf(split!, 1), coinOf(burn!, 0)];
    expect(held(a.node)).toEqual(expected.map(({ outpoint }) => formatOutpoint(outpoint)).sort());
  });

  it('comes back to the same state when its blocks are disconnected', async () => {
    const states = [state(a)];
    const blocks = a.node.tip.height;
    await threeBlocks();
    for (let i = 0; i < 3; i++) {
      a.node.store.transaction(() => a.node.store.disconnect());
      const { height } = a.node.store.tip();
      const counts = findCategory(
        { store: a.node.store, mempool: b.node.mempool },
        category,
      )?.counts;
      if (height > blocks) expect(counts).toMatchObject(recount(a.node));
      else expect(counts).toBeUndefined();
    }
    expect([state(a)]).toEqual(states);
  });

  it('is rebuilt from the blocks alone, and stands the deepest check', async () => {
    await threeBlocks();
    const before = state(a);
    const { datadir } = a;
    await a.node.close();
    const open = (options: Partial<ChainNodeOptions>): Promise<ChainNode> =>
      ChainNode.open({ datadir, network: 'regtest', ...options });
    a = { ...a, node: await open({ reindex: true }) };
    expect(state(a)).toBe(before);
    expect(findCategory(a.node, category)!.counts).toMatchObject(recount(a.node));
    await a.node.close();
    a = { ...a, node: await open({ check: { level: 4, blocks: 5 } }) };
    expect(state(a)).toBe(before);
    await a.node.close();
  });

  it('is the same after a reorganisation as on a node that saw one branch only', async () => {
    const [mint] = await threeBlocks();
    await b.node.mine(4, OTHER_SCRIPT);
    await copy(b.node, a.node, 106);
    expect(a.node.tip).toEqual(b.node.tip);
    expect(state(a)).toBe(state(b));
    // the lost branch's transactions wait again, and so do its tokens
    const { counts, history } = findCategory(a.node, category)!;
    expect(counts).toBeUndefined();
    expect(history.map(({ height }) => height)).toEqual([0, 0, 0]);
    expect(held(a.node)).toContain(formatOutpoint(coinOf(mint!, 1).outpoint));
    expect(held(a.node)).toHaveLength(4);
    await a.node.mine(1, MINER_SCRIPT);
    await copy(a.node, b.node, 110);
    expect(state(a)).toBe(state(b));
    expect(findCategory(b.node, category)!.counts).toMatchObject(recount(b.node));
  });
});

describe('tokens out of nothing', () => {
  beforeAll(openA);
  afterAll(() => a.end());

  const cases: [what: string, reason: string, make: () => TransactionOutput[]][] = [
    [
      'of a category that is not spent',
      'bad-txns-token-invalid-category',
      () => [out({ category: new Uint8Array(32).fill(9), amount: 1n })],
    ],
    [
      'beyond the largest amount',
      'bad-txns-token-amount-overflow',
      () => [out(fungible(2n ** 63n - 1n)), out(fungible(1n))],
    ],
    [
      'with too long a commitment',
      'bad-txns-token-commitment-oversized',
      () => [out(nft('none', new Array<number>(129).fill(1)))],
    ],
  ];

  it.each(cases)('%s are refused by the mempool and in a block: %s', async (_, reason, make) => {
    const transaction = spending([birth], make());
    await expect(a.node.submitTransaction(transaction)).rejects.toThrow(reason);
    const block = await nextBlock(a.node, (each) => withTransactions(each, transaction));
    await expect(a.node.submitBlock(block)).rejects.toThrow(reason);
  });

  it('are refused where an input of the same block had fewer', async () => {
    const mint = spending([birth], [out(fungible(5n))]);
    const more = spending([coinOf(mint, 0), coinOf(mint, 1)], [out(fungible(6n))]);
    const block = await nextBlock(a.node, (each) => withTransactions(each, mint, more));
    await expect(a.node.submitBlock(block)).rejects.toThrow('bad-txns-token-in-belowout');
    await a.node.submitTransaction(mint);
    await expect(a.node.submitTransaction(more)).rejects.toThrow('bad-txns-token-in-belowout');
  });
});
