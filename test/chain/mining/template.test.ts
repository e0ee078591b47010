import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COIN, toHex } from '#src/base/index.js';
import {
  type Block,
  blockHash,
  type ChainNode,
  cookiePath,
  encodeBlock,
  encodeTransaction,
  hashToId,
  p2pkhHash,
  RpcClient,
  type RunningNode,
  runNode,
  type Transaction,
  transactionId,
} from '#src/chain/index.js';
import {
  coinOf,
  MINER,
  MINER_SCRIPT,
  nextBlock,
  OTHER,
  OTHER_SCRIPT,
  payFromMiner,
  temporaryFolder,
  withCoinbase,
} from '../node/setup.js';

const OUTSIDE_MINER = fileURLToPath(new URL('outside-miner.mjs', import.meta.url));

interface Template {
  readonly height: number;
  readonly coinbasevalue: number;
  readonly longpollid: string;
  readonly previousblockhash: string;
  readonly target: string;
  readonly transactions: readonly {
    readonly data: string;
    readonly txid: string;
    readonly depends: readonly number[];
    readonly fee: number;
    readonly sigops: number;
  }[];
}

const folder = temporaryFolder();
let running: RunningNode;
let node: ChainNode;
let rpc: RpcClient;

beforeAll(async () => {
  const options = {
    datadir: folder.path,
    network: 'regtest',
    version: '1.0.0',
    rpcPort: 0,
  } as const;
  running = await runNode(options);
  ({ node } = running);
  rpc = RpcClient.forNode({ datadir: folder.path, network: 'regtest' });
  await node.mine(110, MINER_SCRIPT);
});
afterAll(async () => {
  await rpc.close();
  await running.stop();
  folder.remove();
});

const hex = (block: Block) => toHex(encodeBlock(block));
const template = (request?: object) => rpc.call<Template>('getblocktemplate', request ?? {});

async function pay(value = 1_000n, parent?: Transaction): Promise<Transaction> {
  const from = parent ? { utxos: [coinOf(parent, parent.outputs.length - 1)] } : {};
  const transaction = payFromMiner(node, [{ value, lockingScript: OTHER_SCRIPT }], from);
  await node.submitTransaction(transaction);
  return transaction;
}

describe('getblocktemplate', () => {
  it('gives an outside miner all it needs: it mines blocks with transactions and its own coinbase', async () => {
    const parent = await pay();
    const child = await pay(2_000n, parent);
    const paid = [...node.mempool.entries()].reduce((sum, { fee }) => sum + fee, 0n);
    const auth = readFileSync(cookiePath(folder.path, 'regtest'), 'utf8');
    const hash160 = toHex(p2pkhHash(OTHER_SCRIPT)!);
    const argv = [OUTSIDE_MINER, running.url, auth, hash160, '3'];
    const { stdout } = await promisify(execFile)(process.execPath, argv);
    expect(stdout).toBe('111 2 null\n112 0 null\n113 0 null\n');
    const { transactions } = node.store.block(node.store.hashAt(111)!)!;
    expect(transactions.slice(1).map(transactionId)).toEqual([parent, child].map(transactionId));
    expect(transactions[0]).toMatchObject({ version: 1 });
    expect(transactions[0]!.outputs).toEqual([
      { value: 50n * COIN + paid, lockingScript: OTHER_SCRIPT },
    ]);
    expect(node.mempool.size).toBe(0);
  });

  it('states the place of the next block, its rules, and what each transaction depends on', async () => {
    const parent = await pay();
    const child = await pay(2_000n, parent);
    // the last template is good for five seconds unless the tip changes
    await rpc.call('generateblock', OTHER.address, []);
    const found = await template();
    expect(found).toMatchObject({
      height: node.tip.height + 1,
      previousblockhash: node.tip.hash,
      mintime: node.medianTimeAt(node.tip.height) + 1,
      bits: '207fffff',
      target: `7fffff${'0'.repeat(58)}`,
      noncerange: '00000000ffffffff',
      sizelimit: 32_000_000,
      mutable: ['time', 'transactions', 'prevblock'],
    });
    expect(found.transactions.map(({ txid }) => txid)).toEqual([parent, child].map(transactionId));
    expect(found.transactions.map(({ depends }) => depends)).toEqual([[], [1]]);
    expect(found.transactions[0]!.data).toBe(toHex(encodeTransaction(parent)));
    expect(found.transactions[0]!.sigops).toBe(parent.inputs.length);
    const fees = found.transactions.reduce((sum, { fee }) => sum + fee, 0);
    expect(found.coinbasevalue).toBe(50e8 + fees);
    await node.mine(1, MINER_SCRIPT);
  });

  it('waits with a long poll until the tip changes', async () => {
    const { longpollid, height } = await template();
    let answered = false;
    const next = template({ longpollid }).then((value) => {
      answered = true;
      return value;
    });
    await rpc.call('getblockcount');
    expect(answered).toBe(false);
    await node.mine(1, MINER_SCRIPT);
    expect((await next).height).toBe(height + 1);
    await expect(template({ longpollid: 'x' })).rejects.toMatchObject({ rpcCode: -8 });
  });

  it('judges a proposed block without its proof of work, and takes nothing of it', async () => {
    const propose = (block: Block) =>
      rpc.call<string | null>('getblocktemplate', { mode: 'proposal', data: hex(block) });
    const block = await nextBlock(node);
    const before = node.tip;
    expect(await propose({ ...block, header: { ...block.header, nonce: 7 } })).toBeNull();
    const greedy = (coinbase: Transaction) => ({
      ...coinbase,
      outputs: [{ value: 51n * COIN, lockingScript: OTHER_SCRIPT }],
    });
    expect(await propose(await nextBlock(node, (each) => withCoinbase(each, greedy)))).toBe(
      'bad-cb-amount',
    );
    expect(node.tip).toEqual(before);
    expect(node.store.header(blockHash(block.header))).toBeUndefined();
    const orphan = { ...block, header: { ...block.header, previousHash: new Uint8Array(32) } };
    expect(await propose(orphan)).toBe('inconclusive-not-best-prevblk');
    const tip = node.store.block(node.store.tip().hash)!;
    expect(await propose(tip)).toBe('duplicate');
    const wrong = rpc.call('getblocktemplate', { mode: 'proposal', data: '00' });
    await expect(wrong).rejects.toMatchObject({ rpcCode: -22 });
    await expect(template({ mode: 'x' })).rejects.toMatchObject({ rpcCode: -8 });
  });
});

describe('submitblock', () => {
  const submit = (block: Block) => rpc.call<string | null>('submitblock', hex(block));

  it("answers in BIP22's words", async () => {
    const block = await nextBlock(node);
    const rival = await nextBlock(node);
    const high = { ...block.header, nonce: block.header.nonce };
    for (;;) {
      high.nonce++;
      const answer = await rpc.call('submitblock', hex({ ...block, header: high }));
      if (answer === 'high-hash') break;
      // every other nonce of regtest is a block
      expect(['inconclusive', null]).toContain(answer);
    }
    expect(['inconclusive', null]).toContain(await submit(rival));
    expect(['duplicate', 'duplicate-inconclusive']).toContain(await submit(rival));
    const orphan = { ...rival, header: { ...rival.header, previousHash: new Uint8Array(32) } };
    expect(['prev-blk-not-found', 'high-hash']).toContain(await submit(orphan));
    for (const data of ['', 'zz', '00', hex({ ...rival, transactions: [] })]) {
      await expect(rpc.call('submitblock', data)).rejects.toMatchObject({ rpcCode: -22 });
    }
  });

  it('says why a block is refused', async () => {
    const late = await nextBlock(node, (block) => ({
      ...block,
      header: { ...block.header, time: block.header.time + 100_000 },
    }));
    expect(await submit(late)).toBe('time-too-new');
    expect(await submit(await nextBlock(node, (each) => each, { keepRoot: true }))).toBeNull();
  });
});

describe('generateblock', () => {
  it('mines just the transactions that it is given', async () => {
    const first = await pay();
    const second = await pay();
    const { hash } = await rpc.call<{ hash: string }>('generateblock', MINER.address, [
      transactionId(first),
    ]);
    expect(hash).toBe(node.tip.hash);
    const block = node.store.block(node.store.tip().hash)!;
    expect(block.transactions.slice(1).map(transactionId)).toEqual([transactionId(first)]);
    expect([...node.mempool.entries()].map((entry) => hashToId(entry.hash))).toEqual([
      transactionId(second),
    ]);
    const missing = rpc.call('generateblock', MINER.address, ['00'.repeat(32)]);
    await expect(missing).rejects.toMatchObject({ rpcCode: -5 });
    const twice = rpc.call('generateblock', MINER.address, [toHex(encodeTransaction(first))]);
    await expect(twice).rejects.toMatchObject({ rpcCode: -25 });
  });
});

describe('getmininginfo and getnetworkhashps', () => {
  it('show heights, targets and rates', async () => {
    const info = await rpc.call<Record<string, unknown>>('getmininginfo');
    expect(info).toMatchObject({
      blocks: node.tip.height,
      bits: '207fffff',
      chain: 'regtest',
      pooledtx: node.mempool.size,
      localhashps: 0,
      next: { height: node.tip.height + 1, bits: '207fffff' },
    });
    expect(await rpc.call<number>('getnetworkhashps', 10)).toBeGreaterThanOrEqual(0);
    await expect(rpc.call('getnetworkhashps', 0)).rejects.toMatchObject({ rpcCode: -8 });
    await expect(rpc.call('getnetworkhashps', 1, 1e6)).rejects.toMatchObject({ rpcCode: -8 });
  });
});
