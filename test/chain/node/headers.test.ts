import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Block,
  type BlockHeader,
  blockHash,
  ChainNode,
  hashToId,
  type Transaction,
} from '#src/chain/index.js';
import { solve } from '#src/chain/node/miner.js';
import { ANYONE, outputOf, spend } from '../mempool/anyone.js';
import {
  MINER_SCRIPT,
  nextBlock,
  openTemporaryNode,
  withCoinbase,
  withTransactions,
} from './setup.js';

type Opened = Awaited<ReturnType<typeof openTemporaryNode>>;

let source: Opened;
let node: ChainNode;
let opened: Opened;

const blockAt = (from: ChainNode, height: number): Block =>
  from.store.block(from.store.hashAt(height)!)!;
const blocksOf = (from: ChainNode, first: number, last: number): Block[] =>
  Array.from({ length: last - first + 1 }, (_, index) => blockAt(from, first + index));
const headersOf = (blocks: readonly Block[]): BlockHeader[] => blocks.map(({ header }) => header);
const statusOf = ({ header }: Block) => node.store.header(blockHash(header))?.status;

/** Headers on top of one another without blocks, each solved. */
async function barren(on: BlockHeader, count: number): Promise<BlockHeader[]> {
  const made: BlockHeader[] = [];
  let below = on;
  for (let index = 0; index < count; index++) {
    const header = { ...below, previousHash: blockHash(below), time: below.time + 1, nonce: 0 };
    below = (await solve(header, () => true))!;
    made.push(below);
  }
  return made;
}

beforeAll(async () => {
  source = await openTemporaryNode({ threads: 1 });
  await source.node.mine(200, ANYONE);
});
afterAll(() => source.end());
beforeEach(async () => {
  opened = await openTemporaryNode({ threads: 1 });
  node = opened.node;
  return () => opened.end();
});

describe('headers whose blocks have not come', () => {
  it('are known before their blocks, and their blocks are taken in order, many at once', async () => {
    const blocks = blocksOf(source.node, 1, 200);
    expect(node.headers.take(headersOf(blocks)).last.height).toBe(200);
    expect(node.headers.best.height).toBe(200);
    expect(node.tip.height).toBe(0);
    expect(statusOf(blocks[150]!)).toBe('header');
    await expect(node.submitBlock(blocks[1]!)).rejects.toThrow('prev-blk-not-found');
    const tips: number[] = [];
    node.on('block', ({ height }) => tips.push(height));
    let taken = 0;
    while (taken < 200) taken += await node.submitBlocks(incoming(blocks.slice(taken)));
    expect(node.tip).toEqual(source.node.tip);
    expect(tips.length).toBeLessThan(200);
    expect(tips.at(-1)).toBe(200);
  });

  it('are known after a restart', async () => {
    node.headers.take(headersOf(blocksOf(source.node, 1, 200)));
    await node.close();
    const again = await ChainNode.open({
      datadir: opened.datadir,
      network: 'regtest',
      threads: 1,
    });
    expect(again.headers.best.height).toBe(200);
    await again.close();
  });

  it('are refused without proof of work, out of order, or on top of none that is known', async () => {
    const headers = headersOf(blocksOf(source.node, 1, 3));
    const [first, second, third] = headers;
    let weak = { ...second!, nonce: 0 };
    while ((blockHash(weak).at(-1)! & 0x80) === 0) weak = { ...weak, nonce: weak.nonce + 1 };
    expect(() => node.headers.take([first!, weak])).toThrow('high-hash');
    expect(() => node.headers.take([first!, third!])).toThrow('prev-blk-not-found');
    expect(() => node.headers.take([third!])).toThrow('prev-blk-not-found');
    expect(node.headers.best.height).toBe(0);
  });

  it('are not stored while their chain has far less work than the best one', async () => {
    node.headers.take(headersOf(blocksOf(source.node, 1, 200)));
    const genesis = node.parameters.genesis.header;
    const weak = await barren(genesis, 60);
    const first = node.headers.take(weak.slice(0, 30));
    expect(first.pending?.length).toBe(30);
    const second = node.headers.take(weak.slice(30), first.pending);
    // 144 blocks below the best one there is enough
    expect(second.pending).toBeUndefined();
    expect(node.store.header(blockHash(weak[0]!))?.status).toBe('header');
    expect(node.headers.best.height).toBe(200);
  });

  it('leave no trace of a branch with too little work', async () => {
    node.headers.take(headersOf(blocksOf(source.node, 1, 200)));
    const weak = await barren(node.parameters.genesis.header, 20);
    expect(node.headers.take(weak).pending?.length).toBe(20);
    expect(node.store.header(blockHash(weak[0]!))).toBeUndefined();
  });

  it('upon a block that breaks a rule are noted as breaking it, too', async () => {
    const { node: miner, end } = await openTemporaryNode({ threads: 1 });
    await fill(miner);
    const bad = await nextBlock(miner, (block) =>
      withCoinbase(block, (coinbase) => ({
        ...coinbase,
        outputs: [{ value: coinbase.outputs[0]!.value + 1n, lockingScript: MINER_SCRIPT }],
      })),
    );
    const above = await barren(bad.header, 3);
    await fill(node);
    node.headers.take([bad.header, ...above]);
    expect(node.headers.best.height).toBe(204);
    await expect(node.submitBlock(bad)).rejects.toThrow('bad-cb-amount');
    node.headers.reconsider();
    expect(node.headers.best.height).toBe(200);
    expect(node.store.header(blockHash(above[2]!))?.status).toBe('invalid');
    expect(() => node.headers.take(above)).toThrow('bad-prevblk');
    await end();
  });

  it('are not blamed for bytes that are those of another block', async () => {
    const [first, second] = blocksOf(source.node, 1, 2);
    node.headers.take(headersOf([first!, second!]));
    const swapped = { header: first!.header, transactions: second!.transactions };
    await expect(node.submitBlock(swapped)).rejects.toThrow('bad-txnmrklroot');
    expect(statusOf(first!)).toBe('header');
    await expect(node.submitBlock(first!)).resolves.toBe(true);
  });

  it('are refused by the operator like blocks, and taken up again', async () => {
    const blocks = blocksOf(source.node, 1, 2);
    node.headers.take(headersOf(blocks));
    await node.overruling.refuse(node.store.header(blockHash(blocks[1]!.header))!);
    await node.submitBlock(blocks[0]!);
    await expect(node.submitBlock(blocks[1]!)).rejects.toThrow('duplicate-invalid');
    const above = await barren(blocks[1]!.header, 1);
    expect(() => node.headers.take(above)).toThrow(
      expect.objectContaining({ code: 'BLOCK_REFUSED' }),
    );
    await node.overruling.reconsider(node.store.header(blockHash(blocks[1]!.header))!);
    await expect(node.submitBlock(blocks[1]!)).resolves.toBe(true);
  });
});

describe('a large block', () => {
  /** So many inputs that their scripts take many turns of one thread. */
  const INPUTS = 600;

  async function largeBlock(): Promise<{ miner: Opened; large: Block }> {
    const miner = await openTemporaryNode({ threads: 1 });
    await fill(miner.node);
    const coin = outputOf(blockAt(miner.node, 1).transactions[0]!);
    const fan = spend([coin], INPUTS, 100_000);
    await miner.node.submitTransaction(fan);
    await miner.node.mine(1, ANYONE);
    const coins = fan.outputs.map((_, index) => outputOf(fan, index));
    await miner.node.submitTransaction(spend(coins, 1, 1_000_000));
    await miner.node.mine(1, ANYONE);
    return { miner, large: blockAt(miner.node, 202) };
  }

  it('lets others have their turn while its scripts run; they see the chain as it was', async () => {
    const { miner, large } = await largeBlock();
    await fill(node);
    await node.submitBlock(blockAt(miner.node, 201));
    const before = node.tip;
    let done = false;
    const submitted = node.submitBlock(large).then(() => {
      done = true;
    });
    let turns = 0;
    for (; !done; turns++) {
      expect(node.tip).toEqual(before);
      expect(statusOf(large)).toBeUndefined();
      await setImmediate();
    }
    await submitted;
    expect(turns).toBeGreaterThan(10);
    expect(node.tip).toEqual(miner.node.tip);
    await miner.end();
  });

  it('waits for the one before it, and the operator’s word waits for both', async () => {
    const { miner, large } = await largeBlock();
    await fill(node);
    const lower = blockAt(miner.node, 201);
    const tips: number[] = [];
    node.on('block', ({ height }) => tips.push(height));
    const first = node.submitBlock(lower);
    const second = node.submitBlock(large);
    await first;
    await setImmediate();
    const refused = node.overruling.refuse(node.store.header(blockHash(lower.header))!);
    await expect(second).resolves.toBe(true);
    await refused;
    expect(tips).toEqual([201, 202, 200]);
    expect(node.tip.hash).toBe(hashToId(source.node.store.tip().hash));
    await miner.end();
  });
});

describe('blocks that come in one lot', () => {
  /** Drops what it is unlocked with. */
  const DROPPING = Uint8Array.of(0x75, 0x51);

  let miner: Opened;

  beforeEach(async () => {
    miner = await openTemporaryNode({ threads: 1 });
    await fill(miner.node);
    await fill(node);
    return () => miner.end();
  });

  /** Mines a block with these transactions. */
  async function mined(...transactions: Transaction[]): Promise<Block> {
    const block = await nextBlock(miner.node, (each) => withTransactions(each, ...transactions));
    await miner.node.submitBlock(block);
    return block;
  }

  /** A coin of anyone's that is spent into so many outputs of 98 kB. */
  function bulky(height: number, outputs: number): Transaction {
    const paid = spend(
      [outputOf(blockAt(miner.node, height).transactions[0]!)],
      outputs,
      1_000_000,
    );
    const lockingScript = new Uint8Array(98_000).fill(0x6a);
    return { ...paid, outputs: paid.outputs.map(({ value }) => ({ value, lockingScript })) };
  }

  /** How many of some blocks are connected each time. */
  async function lots(blocks: Block[]): Promise<number[]> {
    node.headers.take(headersOf(blocks));
    const counts: number[] = [];
    for (let taken = 0; taken < blocks.length; taken += counts.at(-1)!) {
      counts.push(await node.submitBlocks(incoming(blocks.slice(taken))));
    }
    expect(node.tip).toEqual(miner.node.tip);
    return counts;
  }

  it('are connected together up to half a megabyte, and a larger one alone', async () => {
    const blocks: Block[] = [];
    for (let height = 1; height <= 5; height++) blocks.push(await mined(bulky(height, 2)));
    blocks.push(await mined(bulky(6, 6)), await mined(), await mined());
    expect(await lots(blocks)).toEqual([2, 2, 1, 1, 2]);
  });

  it('are connected together unless their scripts may take long', async () => {
    const fan = spend([outputOf(blockAt(miner.node, 1).transactions[0]!)], 24, 100_000);
    const dropping = fan.outputs.map(({ value }) => ({ value, lockingScript: DROPPING }));
    const funding = { ...fan, outputs: dropping };
    const unlockingScript = Uint8Array.of(0x4d, 0x88, 0x13, ...new Uint8Array(5_000));
    const spending = spend(
      dropping.map((_, index) => outputOf(funding, index)),
      1,
      1_000_000,
    );
    const inputs = spending.inputs.map((input) => ({ ...input, unlockingScript }));
    const blocks = [await mined(funding), await mined(), await mined({ ...spending, inputs })];
    blocks.push(await mined(), await mined());
    expect(await lots(blocks)).toEqual([2, 1, 2]);
  });
});

/** Gives a node the chain of the source, many blocks at once. */
async function fill(to: ChainNode): Promise<void> {
  const blocks = blocksOf(source.node, 1, 200);
  to.headers.take(headersOf(blocks));
  for (let at = 0; at < blocks.length; ) {
    at += await to.submitBlocks(incoming(blocks.slice(at)));
  }
}

function incoming(blocks: readonly Block[]) {
  return blocks.map((block) => ({ block }));
}
