import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '#src/base/index.js';
import { Regtest } from '../../regtest.js';

/** Locking scripts that anybody could spend, each another one. */
const scripts = Array.from({ length: 1_201 }, (_, index) =>
  Uint8Array.of(0x02, index >> 8, index & 255, 0x75, 0x51),
);
/** The first, one of the middle and the last: no two are asked for in one call. */
const paid = [0, 600, 1_200].map((index) => scripts[index]!);

let regtest: Regtest;
const txids: string[] = [];

beforeAll(async () => {
  regtest = await Regtest.open();
  // the last one first, so that no list comes back in the order of the calls
  for (const lockingScript of paid.toReversed()) {
    const { txid } = await regtest.pay([{ value: 10_000n, lockingScript }]);
    txids.unshift(txid);
  }
});
afterAll(() => regtest.close());

describe('more scripts than the node takes in one call', () => {
  it('have all their coins', async () => {
    const coins = await regtest.chain.scriptUtxos([...scripts, ...paid]);
    // all are worth the same, so that their ids decide which comes first
    expect(coins.map(({ output }) => toHex(output.lockingScript)).sort()).toEqual(paid.map(toHex));
    expect(await regtest.chain.scriptUtxos([])).toEqual([]);
  });

  it('have one history, from either end', async () => {
    const history = async (count: number, order?: 'newest') =>
      (await regtest.chain.scriptHistory(scripts, count, order)).map(({ txid }) => txid);
    expect(await history(10)).toEqual(txids.toReversed());
    expect(await history(10, 'newest')).toEqual(txids);
    expect(await history(2)).toEqual(txids.toReversed().slice(0, 2));
    expect(await history(1, 'newest')).toEqual(txids.slice(0, 1));
    const wallet = regtest.wallet;
    const waiting = await wallet.send([{ value: 10_000n, lockingScript: paid[1]! }]);
    expect((await history(10)).at(-1)).toBe(waiting.txid);
    expect((await history(1, 'newest'))[0]).toBe(waiting.txid);
    expect(await regtest.chain.scriptHistory([], 10)).toEqual([]);
  });

  it('have one list of coins, from the one worth most down', async () => {
    const more = paid.map((lockingScript, index) => ({
      value: 5_000n + BigInt(index),
      lockingScript,
    }));
    await regtest.pay(more);
    const values: bigint[] = [];
    for await (const { output } of regtest.chain.eachUtxo({ scripts })) values.push(output.value);
    expect(values).toEqual([...Array(4).fill(10_000n), 5_002n, 5_001n, 5_000n]);
  });
});

describe('a history that is read page by page', () => {
  const script = Uint8Array.of(0x02, 0xff, 0xff, 0x75, 0x51);
  const send = async (value: bigint): Promise<string> =>
    (await regtest.wallet.send([{ value, lockingScript: script }])).txid;

  it('has each transaction once, though what waited is mined in between', async () => {
    const { rpc } = regtest.chain;
    const first = await send(10_000n);
    await regtest.mine();
    const waiting = [await send(10_001n), await send(10_002n), await send(10_003n)];
    const of = { scripts: [script] };
    const all = [first, ...waiting];
    const oldest = regtest.chain.eachInHistory(of, 'oldest', 2);
    const newest = regtest.chain.eachInHistory(of, 'newest', 2);
    const told = { oldest: [] as string[], newest: [] as string[] };
    for (const [name, walk] of [
      ['oldest', oldest],
      ['newest', newest],
    ] as const) {
      for (let i = 0; i < 2; i++) told[name].push((await walk.next()).value!.txid);
    }
    expect(told).toEqual({ oldest: all.slice(0, 2), newest: all.toReversed().slice(0, 2) });
    const page = (after: object, order = 'oldest') =>
      rpc.call('getaddresshistory', { scripts: [toHex(script)] }, 10, 0, order, after);
    const lastWaiting = { txid: told.oldest[1]!, height: 0 };
    expect(await page(lastWaiting)).toEqual(waiting.slice(1).map((txid) => ({ txid, height: 0 })));
    await regtest.mine();
    await expect(page(lastWaiting)).rejects.toMatchObject({ rpcCode: -5 });
    for (const bad of [{}, { txid: 'x', height: 1 }, { txid: first, height: 1.5 }]) {
      await expect(page(bad)).rejects.toMatchObject({ rpcCode: -8 });
    }
    for await (const { txid } of oldest) told.oldest.push(txid);
    for await (const { txid } of newest) told.newest.push(txid);
    expect(told.oldest.toSorted()).toEqual(all.toSorted());
    expect(told.newest.toSorted()).toEqual(all.toSorted());
    // mined, each stands where its block has it, from either end
    const height = await regtest.chain.height();
    const mined = await rpc.call<object[]>('getaddresshistory', { scripts: [toHex(script)] });
    expect(mined[0]).toEqual({ txid: first, height: height - 1 });
    for (const [index, entry] of mined.entries()) {
      expect(await page(entry)).toEqual(mined.slice(index + 1));
      expect(await page(entry, 'newest')).toEqual(mined.slice(0, index).reverse());
    }
  });
});
