import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ChainNode,
  Mempool,
  type MempoolEntry,
  NO_JOB,
  pushData,
  type Transaction,
} from '#src/chain/index.js';
import { Admission } from '#src/chain/mempool/Admission.js';
import { FeeEstimator } from '#src/chain/mempool/FeeEstimator.js';
import { feeAt, MinimumFee } from '#src/chain/mempool/MinimumFee.js';
import { OP } from '#src/chain/script/opcodes.js';
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

const HOUR = 3_600;

describe('the rate that a full mempool asks for', () => {
  it('is one unit per byte above what was evicted, and only ever rises until a block comes', () => {
    const minimum = new MinimumFee();
    expect(minimum.at(0, 1)).toBe(0n);
    minimum.raise({ fee: 1_000n, size: 200 });
    expect(minimum.at(0, 1)).toBe(6_000n);
    minimum.raise({ fee: 200n, size: 200 });
    expect(minimum.at(1_000 * HOUR, 0)).toBe(6_000n);
  });

  it('halves in 12 hours once a block has come, four times as fast while the mempool is nearly empty', () => {
    const askedAfter = (hours: number, filled: number): bigint => {
      const minimum = new MinimumFee();
      minimum.raise({ fee: 15_000n, size: 1_000 });
      minimum.blockConnected(0);
      return minimum.at(hours * HOUR, filled);
    };
    expect(askedAfter(12, 0.9)).toBe(8_000n);
    expect(askedAfter(6, 0.4)).toBe(8_000n);
    expect(askedAfter(3, 0.1)).toBe(8_000n);
    expect(askedAfter(36, 0.9)).toBe(2_000n);
  });

  it('is at least the relay rate, and ends below half of it', () => {
    const minimum = new MinimumFee();
    minimum.raise({ fee: 1n, size: 1_000 });
    minimum.blockConnected(0);
    expect(minimum.at(6 * HOUR, 1)).toBe(1_000n);
    expect(minimum.at(30 * HOUR, 1)).toBe(0n);
  });

  it('is rounded up for a transaction', () => {
    expect(feeAt(1_001n, 250)).toBe(251n);
    expect(feeAt(0n, 250)).toBe(0n);
  });
});

describe('fee estimates', () => {
  const mempool = new Mempool();
  let count = 0;

  /** A transaction that comes at this height and pays this many units per byte. */
  function comes(estimator: FeeEstimator, height: number, rate: number): MempoolEntry {
    const hash = new Uint8Array(32);
    new DataView(hash.buffer).setUint32(0, ++count);
    const transaction = { version: 10, inputs: [], outputs: [], lockTime: 0, jobId: NO_JOB };
    const known = { time: 0, height, signatureChecks: 0, spent: [] };
    const fee = BigInt(rate) * 200n;
    const entry = mempool.add({ transaction, hash, size: 200, fee, ...known });
    estimator.entered(entry);
    return entry;
  }

  it('are not made up: without enough transactions there is none', () => {
    const estimator = new FeeEstimator();
    expect(estimator.estimate(1, 100, 0.5).feeRate).toBeUndefined();
    const few = Array.from({ length: 9 }, () => comes(estimator, 1, 5));
    estimator.confirmed(2, few);
    expect(estimator.estimate(1, 2, 0.5).feeRate).toBeUndefined();
  });

  it('are the least rate at which nearly all were confirmed in time', () => {
    const estimator = new FeeEstimator();
    for (let height = 1; height <= 40; height++) {
      const rich = [20, 20].map((rate) => comes(estimator, height - 1, rate));
      const poor = height > 6 ? [comes(estimator, height - 6, 2)] : [];
      estimator.confirmed(height, [...rich, ...poor]);
    }
    const soon = estimator.estimate(1, 40, 0.85);
    const later = estimator.estimate(6, 40, 0.85);
    expect(Number(soon.feeRate)).toBeGreaterThan(15_000);
    expect(Number(soon.feeRate)).toBeLessThanOrEqual(20_000);
    expect(soon.fail).toMatchObject({ within: 0, confirmed: 34 });
    expect(Number(later.feeRate)).toBeGreaterThan(1_500);
    expect(Number(later.feeRate)).toBeLessThanOrEqual(2_000);
  });

  it('count against a rate what still waits and what was given up', () => {
    const estimator = new FeeEstimator();
    const all = Array.from({ length: 30 }, () => comes(estimator, 0, 5));
    estimator.confirmed(1, all.slice(0, 20));
    expect(estimator.estimate(2, 1, 0.9).feeRate).toBeDefined();
    expect(estimator.estimate(2, 2, 0.9).pass).toBeUndefined();
    expect(estimator.estimate(2, 2, 0.9).fail).toMatchObject({ confirmed: 20, waiting: 10 });
    estimator.left(all.slice(20));
    estimator.confirmed(2, []);
    expect(estimator.estimate(2, 2, 0.9).fail).toMatchObject({ waiting: 0, left: 10 });
  });

  it('do not learn from those that wait with a parent', () => {
    const estimator = new FeeEstimator();
    const parent = comes(estimator, 0, 5);
    const input = { outpoint: { hash: parent.hash, index: 0 }, sequence: 0 };
    const transaction = {
      ...parent.transaction,
      inputs: [{ ...input, unlockingScript: new Uint8Array(0) }],
    };
    const child = mempool.add({ ...parent, transaction, hash: new Uint8Array(32).fill(9) });
    estimator.entered(child);
    estimator.confirmed(1, [child]);
    expect(estimator.estimate(1, 1, 0).pass).toBeUndefined();
  });
});

describe('what waits too long or is too costly', () => {
  let node: ChainNode;
  let end: () => Promise<void>;

  beforeAll(async () => {
    ({ node, end } = await openTemporaryNode());
    await node.mine(110, MINER_SCRIPT);
  });
  afterAll(() => end());

  it('is given up after 336 hours, with all that depends on it', () => {
    const clock = { now: 1_000_000 };
    const mempool = new Mempool();
    const { store, parameters, scripts } = node;
    const medianTimeAt = (height: number) => node.medianTimeAt(height);
    const now = () => clock.now;
    const admission = new Admission({ mempool, store, parameters, scripts, medianTimeAt, now });
    const out = { value: 1_000n, lockingScript: OTHER_SCRIPT };
    const [first, second] = matureCoins(node);
    const old = payFromMiner(node, [out], { utxos: [first!] });
    admission.submit(old);
    clock.now += 300 * HOUR;
    const child = payFromMiner(node, [out], { utxos: [coinOf(old, 1)] });
    const other = admission.submit(payFromMiner(node, [out], { utxos: [second!] }));
    admission.submit(child);
    clock.now += 36 * HOUR;
    admission.expire();
    expect(mempool.size).toBe(3);
    clock.now += 1;
    admission.expire();
    expect([...mempool.entries()]).toEqual([other]);
    expect(() => admission.restore(old, 1_000_000)).toThrow('expired');
  });

  it('has scripts that cost no more than half a second: bad-txns-too-many-sigops', async () => {
    const body = Array.from({ length: 700 }, () => [OP.OP_DUP, OP.OP_DROP]).flat();
    const coin = { value: 1_000_000n, lockingScript: Uint8Array.from(body) };
    const make = payFromMiner(node, Array(5).fill(coin));
    await node.submitBlock(await nextBlock(node, (block) => withTransactions(block, make)));
    // each time the long element is put on the stack its bytes count
    const unlockingScript = pushData(new Uint8Array(99_000).fill(1));
    const spending = (indexes: number[]): Transaction => ({
      version: 10,
      inputs: indexes.map((index) => ({ ...coinOf(make, index), unlockingScript, sequence: 0 })),
      outputs: [{ value: 1n, lockingScript: Uint8Array.of(OP.OP_1) }],
      lockTime: 0,
      jobId: NO_JOB,
    });
    const dear = spending([0, 1, 2]);
    await expect(node.submitTransaction(dear)).rejects.toThrow('bad-txns-too-many-sigops');
    await node.submitTransaction(spending([3, 4]));
    const block = await nextBlock(node, (next) => withTransactions(next, dear));
    await expect(node.submitBlock(block)).resolves.toBe(true);
  });
});
