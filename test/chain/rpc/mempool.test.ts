import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import {
  type ChainNode,
  encodeTransaction,
  RpcClient,
  type RunningNode,
  runNode,
  type Transaction,
  transactionId,
} from '#src/chain/index.js';
import {
  coinOf,
  MINER_SCRIPT,
  matureCoins,
  OTHER_SCRIPT,
  payFromMiner,
  temporaryFolder,
} from '../node/setup.js';

const folder = temporaryFolder();
let running: RunningNode;
let node: ChainNode;
let rpc: RpcClient;
let parent: Transaction;
let child: Transaction;

const hex = (transaction: Transaction) => toHex(encodeTransaction(transaction));
const out = { value: 1_000n, lockingScript: OTHER_SCRIPT };
const spendChange = (of: Transaction, feeRate = 1n) =>
  payFromMiner(node, [out], { utxos: [coinOf(of, of.outputs.length - 1)], feeRate });

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
  await node.mempoolFile.loaded;
  parent = payFromMiner(node, [out]);
  child = spendChange(parent, 3n);
  await node.submitTransaction(parent);
  await node.submitTransaction(child);
});
afterAll(async () => {
  await rpc.close();
  await running.stop();
  folder.remove();
});

describe('the methods about the mempool', () => {
  it('show one transaction as Bitcoin Core does', async () => {
    const [first, second] = [...node.mempool.entries()];
    const shown = await rpc.call<Record<string, unknown>>('getmempoolentry', transactionId(parent));
    expect(Object.keys(shown)).toEqual([
      ...['vsize', 'weight', 'time', 'height', 'descendantcount', 'descendantsize'],
      ...['ancestorcount', 'ancestorsize', 'wtxid', 'fees', 'depends', 'spentby'],
      ...['bip125-replaceable', 'unbroadcast'],
    ]);
    expect(shown).toMatchObject({
      vsize: first!.size,
      height: node.tip.height,
      descendantcount: 2,
      descendantsize: first!.size + second!.size,
      ancestorcount: 1,
      fees: {
        base: Number(first!.fee) / 1e8,
        descendant: Number(first!.fee + second!.fee) / 1e8,
      },
      depends: [],
      spentby: [transactionId(child)],
      'bip125-replaceable': false,
    });
    await expect(rpc.call('getmempoolentry', '00'.repeat(32))).rejects.toMatchObject({
      rpcCode: -5,
      message: 'Transaction not in mempool',
    });
  });

  it('list all, with their sequence number, and what hangs together', async () => {
    const ids = [parent, child].map(transactionId);
    expect(await rpc.call('getrawmempool')).toEqual(ids);
    expect(await rpc.call('getrawmempool', false, true)).toEqual({
      txids: ids,
      mempool_sequence: node.mempool.sequence,
    });
    await expect(rpc.call('getrawmempool', true, true)).rejects.toMatchObject({ rpcCode: -8 });
    const verbose = await rpc.call<object>('getrawmempool', true);
    expect(Object.keys(verbose)).toEqual(ids);
    expect(await rpc.call('getmempoolancestors', ids[1])).toEqual([ids[0]]);
    expect(await rpc.call('getmempooldescendants', ids[0])).toEqual([ids[1]]);
    const shown = await rpc.call<Record<string, object>>('getmempooldescendants', ids[0], true);
    expect(shown[ids[1]!]).toMatchObject({ depends: [ids[0]] });
  });

  it('show how full it is', async () => {
    const { mempool } = node;
    expect(await rpc.call('getmempoolinfo')).toEqual({
      loaded: true,
      size: 2,
      bytes: mempool.bytes,
      usage: mempool.usage,
      total_fee: Number(mempool.fees) / 1e8,
      maxmempool: 300_000_000,
      mempoolminfee: 0.00001,
      minrelaytxfee: 0.00001,
      incrementalrelayfee: 0.00001,
      unbroadcastcount: 0,
      fullrbf: true,
    });
  });

  it('change what a transaction counts as paying', async () => {
    const txid = transactionId(child);
    expect(await rpc.call('prioritisetransaction', txid, 0, 7_000)).toBe(true);
    const entry = node.mempool.get(coinOf(child, 0).outpoint.hash)!;
    expect(entry.modifiedFee).toBe(entry.fee + 7_000n);
    expect(await rpc.call('getprioritisedtransactions')).toEqual({
      [txid]: { fee_delta: 7_000, in_mempool: true, modified_fee: Number(entry.modifiedFee) },
    });
    await rpc.call('prioritisetransaction', txid, null, -7_000);
    expect(await rpc.call('getprioritisedtransactions')).toEqual({});
    await expect(rpc.call('prioritisetransaction', txid, 1, 1)).rejects.toMatchObject({
      rpcCode: -8,
    });
  });

  it('write it to its file', async () => {
    const { filename } = await rpc.call<{ filename: string }>('savemempool');
    expect(filename).toBe(node.mempoolFile.path);
    expect(existsSync(filename)).toBe(true);
  });

  it('estimate fees only when enough was seen', async () => {
    const nothing = { errors: ['Insufficient data or no feerate found'], blocks: 6 };
    expect(await rpc.call('estimatesmartfee', 6)).toEqual(nothing);
    expect(await rpc.call('estimaterawfee', 6)).toEqual({
      long: { decay: 1, scale: 1, errors: nothing.errors },
    });
    for (const target of [0, 1_009]) {
      await expect(rpc.call('estimatesmartfee', target)).rejects.toMatchObject({ rpcCode: -8 });
    }
    await expect(rpc.call('estimatesmartfee', 6, 'best')).rejects.toMatchObject({ rpcCode: -8 });
    await expect(rpc.call('estimaterawfee', 6, 2)).rejects.toMatchObject({ rpcCode: -8 });
    for (const utxo of matureCoins(node).slice(0, 8)) {
      await node.submitTransaction(payFromMiner(node, [out], { utxos: [utxo], feeRate: 4n }));
      await node.mine(1, MINER_SCRIPT);
    }
    for (let block = 0; block < 4; block++) {
      const [utxo] = matureCoins(node);
      await node.submitTransaction(payFromMiner(node, [out], { utxos: [utxo!], feeRate: 4n }));
      await node.mine(1, MINER_SCRIPT);
    }
    const { feerate } = await rpc.call<{ feerate: number }>('estimatesmartfee', 6);
    expect(feerate).toBeGreaterThan(0.00003);
    expect(feerate).toBeLessThanOrEqual(0.00004);
    expect(await rpc.call('estimaterawfee', 6, 0.9)).toMatchObject({
      long: { feerate, pass: { withintarget: expect.any(Number), leftmempool: 0 } },
    });
  });
});

describe('testmempoolaccept', () => {
  const test = (...list: Transaction[]) =>
    rpc.call<Record<string, unknown>[]>('testmempoolaccept', list.map(hex));

  it('tells what would be taken, and takes nothing', async () => {
    const transaction = payFromMiner(node, [out], { feeRate: 2n });
    const txid = transactionId(transaction);
    const [answer] = await test(transaction);
    const size = encodeTransaction(transaction).length;
    expect(answer).toMatchObject({ txid, wtxid: txid, allowed: true, vsize: size });
    expect(answer!.fees).toMatchObject({ 'effective-includes': [txid] });
    expect(await rpc.call('getrawmempool')).not.toContain(txid);
  });

  it('gives the reason why not', async () => {
    const transaction = payFromMiner(node, [out]);
    const orphan = spendChange(transaction);
    expect(await test(orphan)).toMatchObject([
      { allowed: false, 'reject-reason': 'missing-inputs' },
    ]);
    const dust = payFromMiner(node, [{ ...out, value: 5n }]);
    expect(await test(dust)).toMatchObject([{ allowed: false, 'reject-reason': 'dust' }]);
    const generous = payFromMiner(node, [out], { feeRate: 20_000n });
    expect(await test(generous)).toMatchObject([{ 'reject-reason': 'max-fee-exceeded' }]);
    const sent = rpc.call('sendrawtransaction', hex(generous));
    await expect(sent).rejects.toMatchObject({ rpcCode: -25 });
    const [asked] = await rpc.call<object[]>('testmempoolaccept', [hex(generous)], 0);
    expect(asked).toMatchObject({ allowed: true });
  });

  it('tries packages, parents first, that replace nothing', async () => {
    const first = payFromMiner(node, [out]);
    const second = spendChange(first);
    const third = spendChange(second);
    const { sequence } = node.mempool;
    expect(await test(first, second, third)).toMatchObject([
      { allowed: true },
      { allowed: true },
      { allowed: true },
    ]);
    expect(node.mempool.sequence).toBe(sequence);
    const unsorted = { 'package-error': 'package-not-sorted' };
    expect(await test(second, first)).toMatchObject([unsorted, unsorted]);
    const twice = { 'package-error': 'package-contains-duplicates' };
    expect(await test(first, first)).toMatchObject([twice, twice]);
    const rival = payFromMiner(node, [{ ...out, value: 2_000n }], {
      utxos: [matureCoins(node)[0]!],
    });
    const again = payFromMiner(node, [{ ...out, value: 3_000n }], {
      utxos: [matureCoins(node)[0]!],
    });
    const conflict = { 'package-error': 'conflict-in-package' };
    expect(await test(rival, again)).toMatchObject([conflict, conflict]);
    await node.submitTransaction(rival);
    const { outpoint } = rival.inputs[0]!;
    const utxos = [{ outpoint, ...node.output(outpoint)! }];
    const unrelated = payFromMiner(node, [out]);
    const [refused, unjudged] = await test(
      payFromMiner(node, [out], { utxos, feeRate: 9n }),
      unrelated,
    );
    expect(refused).toMatchObject({ 'reject-reason': 'bip125-replacement-disallowed' });
    const txid = transactionId(unrelated);
    expect(unjudged).toEqual({ txid, wtxid: txid });
  });

  it('takes 1 to 25 transactions that decode', async () => {
    await expect(rpc.call('testmempoolaccept', [])).rejects.toMatchObject({ rpcCode: -8 });
    const many = Array.from({ length: 26 }, () => '00');
    await expect(rpc.call('testmempoolaccept', many)).rejects.toMatchObject({ rpcCode: -8 });
    await expect(rpc.call('testmempoolaccept', ['00'])).rejects.toMatchObject({ rpcCode: -22 });
    const absurd = rpc.call('testmempoolaccept', [hex(parent)], 1);
    await expect(absurd).rejects.toMatchObject({ rpcCode: -8 });
  });
});
